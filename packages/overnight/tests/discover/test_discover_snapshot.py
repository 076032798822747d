"""Reading a repository: the committed text, and nothing that is large, binary or linked."""

import subprocess
from pathlib import Path

import pytest

from overnight.discover.snapshot import MAX_TEXT_BYTES, open_snapshot


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "a.py").write_text("committed\n")
    (tmp_path / "large.txt").write_bytes(b"x" * (MAX_TEXT_BYTES + 1))
    (tmp_path / "binary").write_bytes(b"\0\1")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    (tmp_path / "with space é.txt").write_text("named")
    (tmp_path / "link.py").symlink_to("/etc/passwd")
    identity = ("-c", "user.name=t", "-c", "user.email=t@localhost")
    for arguments in (("init", "-q"), ("add", "-A"), (*identity, "commit", "-qm", "start")):
        subprocess.run(("git", *arguments), cwd=tmp_path, check=True)
    return tmp_path


def test_committed_text(root: Path) -> None:
    (root / "a.py").write_text("changed\n")
    (root / "untracked.py").touch()
    files = open_snapshot(root)
    assert files["a.py"] == "committed\n"
    assert files["with space é.txt"] == "named"
    assert "untracked.py" not in files


def test_what_is_no_text_reads_as_empty(root: Path) -> None:
    files = open_snapshot(root)
    assert files["large.txt"] == files["binary"] == ""
    assert files["latin.txt"] == "caf\ufffd"


def test_a_partial_clone_is_read_offline(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    clone = tmp_path_factory.mktemp("partial")
    subprocess.run(("git", "config", "uploadpack.allowFilter", "true"), cwd=root, check=True)
    partial = ("--filter=blob:none", "--no-checkout", "-q")
    subprocess.run(("git", "clone", *partial, root.as_uri(), clone), check=True)
    files = open_snapshot(clone)
    assert "a.py" in files
    assert files["a.py"] == ""


def test_links_are_not_followed(root: Path) -> None:
    assert "link.py" not in open_snapshot(root)


def test_the_working_tree_where_it_is_asked_for(root: Path) -> None:
    (root / "program.md").write_text("new")
    files = open_snapshot(root, uncommitted=("program.md", "absent.md"))
    assert files["program.md"] == "new"
    assert "absent.md" not in files
    assert len(files) == len(list(files)) == 6
