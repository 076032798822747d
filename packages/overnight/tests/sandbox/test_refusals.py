"""Where no sandbox can be made: said, with what to do, and never held against the command."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from overnight.errors import SandboxFailed
from overnight.processes.supervisor import EndedBy
from overnight.sandbox import programs, walls
from overnight.testing.sandbox_site import Box

MakeBox = Callable[..., Box]
NO_NAMESPACES = "bwrap: Creating new namespace failed: Operation not permitted"


@pytest.fixture
def only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Leaves nothing on PATH but some scripts."""

    def leave(**scripts: str) -> None:
        place = tmp_path / "only"
        place.mkdir()
        for name, text in scripts.items():
            (place / name).write_text(f"#!/bin/sh\n{text}\n")
            (place / name).chmod(0o755)
        monkeypatch.setattr(programs, "_USUAL", ())
        monkeypatch.setenv("PATH", f":.:relative:{place}")

    return leave


def refusal(make_box: MakeBox) -> str:
    with pytest.raises(SandboxFailed) as refused:
        make_box()
    return str(refused.value)


def test_bubblewrap_is_not_installed(only: Callable[..., None], make_box: MakeBox) -> None:
    only()
    told = refusal(make_box)
    assert told.startswith("bwrap is not installed. Run `apt install bubblewrap`")
    assert "sandbox = 'none'" in told


def test_what_it_needs_is_not_installed(only: Callable[..., None], make_box: MakeBox) -> None:
    only(bwrap="exit 0")
    assert refusal(make_box).startswith("prlimit is not installed. Run `apt install util-linux`")


def test_a_program_where_the_harness_works_is_not_taken(
    only: Callable[..., None], make_box: MakeBox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only()
    (tmp_path / "bwrap").write_text("#!/bin/sh\n")
    (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.chdir(tmp_path)
    assert refusal(make_box).startswith("bwrap is not installed.")


@pytest.mark.parametrize(
    ("script", "problem", "fix"),
    [
        (
            f"echo '{NO_NAMESPACES}' >&2; exit 1",
            NO_NAMESPACES,
            "user namespaces|AppArmor|container",
        ),
        (
            "echo 'bwrap: Unknown option --disable-userns' >&2; exit 1",
            "Unknown option",
            "bubblewrap 0.8 or newer",
        ),
        ("exit 3", "it ended with exit code 3", "sandbox = 'none'"),
    ],
)
def test_bubblewrap_that_does_not_work(
    only: Callable[..., None], make_box: MakeBox, script: str, problem: str, fix: str
) -> None:
    only(bwrap=script, prlimit="")
    told = refusal(make_box)
    assert told.startswith("bubblewrap does not work here: ")
    assert problem in told
    assert any(word in told for word in fix.split("|"))


def test_namespaces_that_the_kernel_forbids(tmp_path: Path) -> None:
    """For real: in a namespace in which no other can be made, as a sysctl would have it."""
    source = (
        "from overnight.errors import SandboxFailed\n"
        "from overnight.sandbox.walls import refuse_where_impossible\n"
        "try: refuse_where_impossible()\n"
        "except SandboxFailed as refused: print(refused.message)\n"
    )
    forbid = 'echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"'
    inside = ("unshare", "--user", "--map-root-user", "sh", "-c", forbid, "sh")
    done = subprocess.run(
        (*inside, sys.executable, "-c", source), check=True, capture_output=True, text=True
    )
    assert done.stdout.startswith("bubblewrap does not work here: bwrap: Creating new namespace fa")


def test_another_system_than_linux(make_box: MakeBox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    assert refusal(make_box) == (
        "The sandbox needs Linux. Write sandbox = 'none' to run without one."
    )


@pytest.mark.parametrize(
    "words", ["bwrap: Creating new namespace failed", "mount: x", "unshare: x"]
)
@pytest.mark.parametrize("code", [1, 125])
def test_a_command_that_complains_like_bubblewrap_has_failed_itself(
    box: Box, words: str, code: int
) -> None:
    told = box.sh(f"echo '{words}' >&2; exit {code}")
    assert (told.ending.ended_by, told.ending.code) == (EndedBy.ITSELF, code)


def test_walls_that_cannot_be_put_up_are_no_fault_of_the_command(box: Box) -> None:
    """Such as a limit of the machine's that is reached, or a directory that is hidden."""
    hidden = replace(box.usual, writable=())
    with pytest.raises(SandboxFailed, match=r"could not be made: bwrap: Can't chdir to .*tree"):
        box.sh("echo never", confinement=hidden)


def test_the_file_system_below_cannot_be_mounted(
    make_box: MakeBox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cache that could be overlaid when the night began, and no longer can."""
    (tmp_path / "site/home/.cache/uv").mkdir(parents=True)
    box = make_box()
    if getattr(box.sandbox, "cache_problem", ""):
        pytest.skip("no overlay can be mounted here")
    monkeypatch.setattr("overnight.sandbox.overlays._MOUNT_ALL", 'echo "mount: no" >&2; exit 125')
    with pytest.raises(SandboxFailed, match="could not be made: mount: no"):
        box.sh("echo never")


def test_it_works_where_it_works() -> None:
    walls.refuse_where_impossible()
    assert os.access(programs.program("bwrap", package="bubblewrap"), os.X_OK)
