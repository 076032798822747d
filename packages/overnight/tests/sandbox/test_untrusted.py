"""Touching what a foreign program has left: files, links, and trees that were made to be a trap."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from overnight.untrusted import make_link, make_real_directories, read_small_file
from overnight.workspace.tree import discard

# Reading.


def test_a_small_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    assert read_small_file(tmp_path / "file", most_bytes=7) == b"content"
    assert read_small_file(tmp_path / "file", most_bytes=6) is None
    assert read_small_file(tmp_path / "absent", most_bytes=7) is None


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.symlink_to("/etc/passwd"),
        lambda path: path.symlink_to(path),
        lambda path: path.mkdir(),
        os.mkfifo,
    ],
    ids=["link", "loop", "directory", "pipe"],
)
def test_what_is_no_file_is_absent(tmp_path: Path, make: Callable[[Path], object]) -> None:
    make(tmp_path / "odd")
    assert read_small_file(tmp_path / "odd", most_bytes=2**20) is None


# Making.


def kinds(root: Path, *paths: str) -> list[bool]:
    return [stat.S_ISDIR((root / path).lstat().st_mode) for path in paths]


def test_directories_are_made(tmp_path: Path) -> None:
    make_real_directories(tmp_path, Path("a/b/c"))
    make_real_directories(tmp_path, Path("a/file"), is_file=True)
    assert kinds(tmp_path, "a", "a/b", "a/b/c", "a/file") == [True, True, True, False]


def test_what_is_there_already_is_kept(tmp_path: Path) -> None:
    make_real_directories(tmp_path, Path("a/b"))
    (tmp_path / "a/b/file").write_text("kept")
    make_real_directories(tmp_path, Path("a/b"))
    make_real_directories(tmp_path, Path("a/b/file"), is_file=True)
    assert (tmp_path / "a/b/file").read_text() == "kept"


def test_nothing_is_made_where_a_link_leads(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    out = tmp_path_factory.mktemp("out")
    (out / "file").write_text("theirs")
    for name, target in {"a": out, "b": out / "new", "c": out / "file"}.items():
        (tmp_path / name).symlink_to(target)
    make_real_directories(tmp_path, Path("a/inner"))
    make_real_directories(tmp_path, Path("b/file"), is_file=True)
    make_real_directories(tmp_path, Path("c"), is_file=True)
    assert [path.name for path in out.iterdir()] == ["file"]
    assert (out / "file").read_text() == "theirs"
    assert not [name for name in "abc" if (tmp_path / name).is_symlink()]


def test_a_directory_in_the_place_of_a_file_goes(tmp_path: Path) -> None:
    (tmp_path / "file/full").mkdir(parents=True)
    make_real_directories(tmp_path, Path("file"), is_file=True)
    assert (tmp_path / "file").read_bytes() == b""


def test_a_link_is_made_in_place_of_anything(tmp_path: Path) -> None:
    for left in ("nothing", "a link", "a directory"):
        if left == "a directory":
            (tmp_path / "a/link").unlink()
            (tmp_path / "a/link/full").mkdir(parents=True)
        make_link(tmp_path, Path("a/link"), Path("/somewhere"))
        assert (tmp_path / "a/link").readlink() == Path("/somewhere")


def test_closed_directories_are_opened(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b").chmod(0)
    (tmp_path / "a").chmod(0)
    make_real_directories(tmp_path, Path("a/b/c"))
    assert (tmp_path / "a/b/c").is_dir()


# Removing.


def deep(root: Path, *, levels: int, mode: int) -> None:
    """Directories in each other, with a file in each, closed from the inside out."""
    here = os.open(root, os.O_RDONLY)
    above = []
    for _ in range(levels):
        os.mkdir("d" * 60, dir_fd=here)
        os.close(os.open("file", os.O_CREAT, dir_fd=here))
        above.append(here)
        here = os.open("d" * 60, os.O_RDONLY, dir_fd=here)
        if len(above) > 50:
            os.close(above.pop(0))
    os.fchmod(here, mode)
    os.close(here)
    for descriptor in reversed(above):
        os.fchmod(descriptor, mode)
        os.close(descriptor)


@pytest.mark.parametrize(
    ("levels", "mode"), [(1, 0), (30, 0), (80, 0o500), (1_100, 0o700), (1_100, 0)]
)
def test_a_tree_goes_whatever_its_depth_and_modes(tmp_path: Path, levels: int, mode: int) -> None:
    """Deeper than Python recurses, longer than a path may be, and closed to its owner."""
    root = tmp_path / "tree"
    root.mkdir()
    deep(root, levels=levels, mode=mode)
    discard(root)
    assert list(tmp_path.iterdir()) == []


def test_nothing_goes_where_a_link_leads(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    out = tmp_path_factory.mktemp("out")
    (out / "file").touch()
    root = tmp_path / "tree"
    root.mkdir()
    deep(root, levels=80, mode=0)
    (tmp_path / "link").symlink_to(out)
    root.chmod(0o700)
    (root / "link").symlink_to(out)
    discard(root)
    discard(tmp_path / "link")
    assert list(tmp_path.iterdir()) == []
    assert (out / "file").exists()


def test_what_is_absent_or_a_file_goes_too(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    discard(tmp_path / "file")
    discard(tmp_path / "file")
    assert list(tmp_path.iterdir()) == []
