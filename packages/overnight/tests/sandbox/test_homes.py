"""Where a command finds its home, whatever the user's is, and whatever was left in its own."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from overnight.config import SandboxTable
from overnight.sandbox.names import is_there
from overnight.testing.sandbox_site import Box, Site

MakeBox = Callable[..., Box]
Write = Callable[..., Path]
USE = 'cd "$HOME" && echo made >"$HOME/made" && cat ~/made'


@pytest.mark.parametrize("home", ["/", "/usr", "/nonexistent", ""])
def test_a_home_that_is_none(site: Site, make_box: MakeBox, home: str) -> None:
    """The system's root, a part of it, none at all; unset, it is what the user database says."""
    box = make_box(environ={"HOME": home})
    assert box.sh(USE).output == "made\n"
    assert not any(is_there(Path(place, "made")) for place in ("/", "/root", "/usr"))
    own = site.work / "own-home"
    own.mkdir()
    assert box.sh(USE, confinement=replace(box.usual, home=own)).output == "made\n"
    assert (own / "made").exists()


def test_a_home_behind_a_link(site: Site, make_box: MakeBox, write: Write, tmp_path: Path) -> None:
    """It and what is shown of it are found by both names."""
    real = tmp_path / "disk" / "home of somebody"
    write(real / ".local/bin/tool", "#!/bin/sh\necho runs\n").chmod(0o755)
    write(real / ".ssh/id")
    write(real / "data/file", "data\n")
    link = tmp_path / "link"
    link.symlink_to(real)
    path = f"{link}/.local/bin:{os.environ['PATH']}"
    box = make_box(SandboxTable(read=("~/data",)), environ={"HOME": str(link), "PATH": path})
    script = f"tool; cat {link}/data/file '{real}/data/file'; cat {link}/.ssh/id; {USE}"
    assert box.sh(script).output == "runs\ndata\ndata\nmade\n"
    assert not (real / "made").exists()


def test_the_whole_chain_of_links(site: Site, make_box: MakeBox, write: Write) -> None:
    """A relative link to an absolute one, on the way to what may be read or written."""
    data = write(site.home / "disk/data/file", "data\n").parent
    results = site.home / "disk/results"
    results.mkdir()
    (site.home / "first").symlink_to("second")
    (site.home / "second").symlink_to(site.home / "disk")
    table = SandboxTable(read=("~/first/data",), write=("~/first/results",))
    script = "cat ~/first/data/file ~/second/data/file; echo made >~/first/results/file"
    told = make_box(table).sh(script)
    assert (told.output, told.errors) == ("data\ndata\n", "")
    assert (results / "file").read_text() == "made\n"
    assert data.exists()


@pytest.fixture
def own(site: Site) -> Path:
    own = site.work / "own-home"
    own.mkdir()
    return own


TRAPS: dict[str, Callable[[Path, Path], object]] = {
    "a link out": lambda place, out: place.symlink_to(out),
    "a link that leads nowhere": lambda place, _: place.symlink_to("/nonexistent/deep"),
    "a link to itself": lambda place, _: place.symlink_to(place),
    "a file": lambda place, _: place.write_text("trap"),
    "a pipe": lambda place, _: os.mkfifo(place),
    "a closed directory": lambda place, _: place.mkdir(mode=0),
}


@pytest.mark.parametrize(
    ("name", "trap"),
    [
        *((".local/bin", trap) for trap in TRAPS),
        *((name, "a link out") for name in (".local", "data", "data/file", "link")),
    ],
)
def test_traps_left_in_a_home_of_its_own(
    make_box: MakeBox, write: Write, own: Path, trap: str, name: str
) -> None:
    """What is to be shown is shown in their place, and nothing is made where they lead."""
    home, out = own.parents[1] / "home", own.parents[1] / "out"
    write(home / ".local/bin/tool", "#!/bin/sh\necho runs\n").chmod(0o755)
    write(home / "data/file", "data\n")
    (home / "link").symlink_to("data")
    path = f"{home}/.local/bin:{os.environ['PATH']}"
    box = make_box(SandboxTable(read=("~/link/file",)), environ={"PATH": path})
    out.mkdir()
    (own / name).parent.mkdir(exist_ok=True)
    TRAPS[trap](own / name, out)
    granted = replace(box.usual, home=own)
    for _ in range(2):
        told = box.sh("tool; cat ~/link/file", confinement=granted)
        assert told.output == "runs\ndata\n", told.errors
    assert list(out.iterdir()) == []


def test_a_home_that_was_closed(box: Box, own: Path) -> None:
    own.chmod(0)
    assert box.sh(USE, confinement=replace(box.usual, home=own)).output == "made\n"
