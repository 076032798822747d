"""Package managers' caches: there to read and to write, and what is written there does not last."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from overnight.config import SandboxTable
from overnight.sandbox import bubblewrap, overlays
from overnight.sandbox.base import Confinement
from overnight.testing.sandbox_site import Box, Site

MakeBox = Callable[..., Box]
Write = Callable[..., Path]
CHANGE = "cat one; echo changed >one; rm -r two; echo >three; mv dir moved; ls"


@pytest.fixture
def cache(site: Site, write: Write) -> Path:
    cache = site.home / ".cache/uv"
    write(cache / "one", "as it was\n")
    write(cache / "two/deep")
    write(cache / "dir/file")
    return cache


@pytest.fixture
def box(make_box: MakeBox, cache: Path) -> Box:
    box = make_box()
    problem = getattr(box.sandbox, "cache_problem", "")
    if problem:
        pytest.skip(f"no overlay can be mounted here: {problem}")
    return box


def content(cache: Path) -> list[str]:
    return sorted(str(path.relative_to(cache)) for path in cache.rglob("*"))


def test_a_command_changes_a_copy_of_its_own(box: Box, cache: Path) -> None:
    before = content(cache)
    for _ in range(2):
        told = box.sh(f"cd {cache} && {CHANGE}")
        assert told.output == "as it was\nmoved\none\nthree\n", told.errors
    assert content(cache) == before
    assert (cache / "one").read_text() == "as it was\n"


def test_nothing_of_the_copy_is_left_on_the_disk(box: Box, cache: Path) -> None:
    scratch = box.site.work / "sandbox"
    assert box.sh(f"head -c 1000000 /dev/urandom >{cache}/new; chmod 0 {cache}/dir").errors == ""
    assert list(scratch.iterdir()) == []


def test_what_is_written_is_kept_for_who_has_the_same_place(box: Box, cache: Path) -> None:
    """As the measured command finds what its setup made; and for nobody else."""
    kept = box.site.work / "kept"
    keeping = replace(box.usual, kept=kept)
    box.sh(f"cd {cache} && {CHANGE}", confinement=keeping)
    told = box.sh(f"cat {cache}/one; ls {cache}", confinement=keeping)
    assert told.output == "changed\nmoved\none\nthree\n"
    assert box.sh(f"cat {cache}/one").output == "as it was\n"


def test_caches_are_overlaid_wherever_they_are(
    site: Site, make_box: MakeBox, write: Write, tmp_path: Path
) -> None:
    """By the user's variables, or behind a link."""
    real = tmp_path / "disk, 'big': a=b"
    write(real / "uv/one", "one\n")
    write(real / "hub/two", "two\n")
    (site.home / ".cache").symlink_to(real)
    box = make_box(environ={"HF_HOME": str(real / "hub")})
    script = 'cat ~/.cache/uv/one "$HF_HOME"/two; echo >"$HF_HOME"/three'
    told = box.sh(script)
    assert (told.output, told.errors) == ("one\ntwo\n", "")
    assert content(real) == ["hub", "hub/two", "uv", "uv/one"]


def test_a_cache_that_is_gone_is_done_without(box: Box, cache: Path) -> None:
    """The user may clean his cache while a night runs."""
    cache.rename(cache.with_name("gone"))
    assert box.sh("echo fine").output == "fine\n"


def test_uv_links_into_the_cache(box: Box) -> None:
    """Files cannot be hard links from one mount to another, and copies of gigabytes take long."""
    assert box.sh("echo $UV_LINK_MODE").output == "symlink\n"
    box.site.environ["UV_LINK_MODE"] = "copy"
    assert box.sh("echo $UV_LINK_MODE").output == "copy\n"


@pytest.fixture
def without_overlays(monkeypatch: pytest.MonkeyPatch) -> None:
    """An overlay file system that this kernel does not have."""
    script = overlays._MOUNT_ALL.replace("-t overlay overlay", "-t no-such-file-system overlay")
    monkeypatch.setattr(overlays, "_MOUNT_ALL", script)


@pytest.mark.usefixtures("without_overlays")
def test_where_no_overlay_can_be_mounted_caches_are_shared(make_box: MakeBox, cache: Path) -> None:
    """Which is told, and which a scorer or a hold-out does not take part in."""
    box = make_box()
    assert isinstance(box.sandbox, bubblewrap.Bubblewrap)
    assert box.sandbox.cache_problem.startswith("mount: ")
    assert box.sh(f"echo shared >{cache}/one").errors == ""
    assert (cache / "one").read_text() == "shared\n"
    sealed = replace(box.usual, sealed=True)
    told = box.sh(f"cat {cache}/one; echo leaked >{cache}/one", confinement=sealed)
    assert told.output == "shared\n"
    assert (cache / "one").read_text() == "shared\n"


def test_who_is_sealed_leaves_nothing_where_others_may_write(
    site: Site, make_box: MakeBox, tmp_path: Path
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    box = make_box(SandboxTable(write=(str(shared),)))
    assert box.sh(f"echo note >{shared}/note").errors == ""
    sealed = Confinement(writable=(site.tree,), sealed=True)
    told = box.sh(f"cat {shared}/note; echo leaked >{shared}/leak", confinement=sealed)
    assert told.output == "note\n"
    assert [path.name for path in shared.iterdir()] == ["note"]
