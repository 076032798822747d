"""Paths of every kind, links in the place of directories, and what is fixed behind them."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from overnight.config import SandboxTable
from overnight.testing.sandbox_site import Box, Site

MakeBox = Callable[..., Box]
Write = Callable[..., Path]
ODD = {
    "spaces": "two words",
    "quotes": 'it\'s "quoted" `id` $(id) $HOME',
    "signs": "a:b,c=d;e&f|g*?[h] #%\\",
    "line ends": "one\ntwo\r\ttab",
    "beyond ascii": "Größe 数 ☃",
    "no utf-8": os.fsdecode(b"odd \xff\xfe"),
    "an option": "--bind",
    "long": "/".join(["d" * 120] * 16),
}
USE = """
cat "$1/data/file" "$1/data/hidden" "$1/.cache/uv/one"
echo >fixed/file; echo other >"$1/data/file"
echo >made; echo >~/made; pwd
"""


@pytest.mark.parametrize("name", ODD.values(), ids=ODD.keys())
def test_odd_names(make_box: MakeBox, write: Write, tmp_path: Path, name: str) -> None:
    """Of everything that a sandbox is told of."""
    site = Site(tmp_path / name)
    data = write(site.home / "data/file", "data\n")
    write(site.home / "data/hidden", "secret\n")
    write(site.home / ".cache/uv/one", "one\n")
    fixed = write(site.tree / "fixed/file", "as it was\n")
    own = site.work / "own"
    own.mkdir()
    box = make_box(SandboxTable(read=("~/data",), hide=("~/data/hidden",)), site=site)
    granted = replace(box.usual, fixed=(fixed.parent,), home=own)
    with site.processes:
        told = box.run("sh", "-c", USE, "sh", str(site.home), confinement=granted)
    assert told.output == f"data\none\n{site.tree}\n", told.errors
    assert (data.read_text(), fixed.read_text()) == ("data\n", "as it was\n")
    assert (site.tree / "made").exists()
    assert (own / "made").exists()


@pytest.mark.parametrize("name", [".cache", "disk"])
def test_what_is_fixed_below_a_link_is_fixed(
    site: Site, make_box: MakeBox, write: Write, tmp_path: Path, name: str
) -> None:
    """Where the user moved his cache, and with it the work directory, to another disk."""
    (tmp_path / "real").mkdir()
    (site.home / name).symlink_to(tmp_path / "real")
    work = site.home / name / "overnight" / "0"
    tree = work / "tree"
    fixed = write(tree / "src/fixed.py", "as it was\n")
    write(tree / "src/open.py")
    box = make_box(work=work)
    granted = replace(box.usual, writable=(tree,), fixed=(fixed,), pinned=(fixed.parent,))
    real = f"{tmp_path}/real/overnight/0/tree"
    script = f"""
        pwd; echo open >src/open.py; echo other >src/fixed.py; echo other >{real}/src/fixed.py
        rm -f {real}/src/fixed.py; mv {real}/src {real}/away; ls; ls {real}/src
    """
    told = box.run("sh", "-c", script, confinement=granted, cwd=tree)
    assert told.output == f"{tree}\nsrc\nfixed.py\nopen.py\n", told.errors
    assert (fixed.read_text(), (tree / "src/open.py").read_text()) == ("as it was\n", "open\n")


def test_a_fixed_link_does_not_lead_out(box: Box, write: Write) -> None:
    """What a link means is not fixed by it; that the link is still there is checked afterwards."""
    tree = box.site.tree
    write(tree / "real/file", "one\n")
    (tree / "relative").symlink_to("real")
    (tree / "absolute").symlink_to(tree / "real")
    (tree / "dangling").symlink_to("/nonexistent/place")
    links = tuple(tree / name for name in ("relative", "absolute", "dangling"))
    told = box.sh("echo two >real/file; cat */file", confinement=replace(box.usual, fixed=links))
    assert (told.output, told.errors) == ("two\ntwo\ntwo\n", "")


def test_what_is_fixed_or_pinned_and_gone_is_left_out(box: Box) -> None:
    gone = (box.site.tree / "gone",)
    told = box.sh("echo fine", confinement=replace(box.usual, fixed=gone, pinned=gone))
    assert told.output == "fine\n"


def test_what_is_granted_and_gone_is_left_out(site: Site, make_box: MakeBox, write: Write) -> None:
    """The user may move things away while a night runs."""
    data, hidden = write(site.home / "data/file").parent, write(site.home / "data/hidden/file")
    box = make_box(SandboxTable(read=("~/data",), hide=("~/data/hidden",)))
    hidden.parent.rename(site.home / "elsewhere")
    assert box.sh("ls ~/data").output == "file\n"
    data.rename(site.home / "moved")
    assert box.sh("ls ~").output == ""


def test_the_deepest_path_decides(site: Site, make_box: MakeBox, write: Write) -> None:
    """To read, hidden in there, to write in there, hidden in there."""
    data = site.home / "data"
    for name in ("one", "hidden/two", "hidden/shown/three", "hidden/shown/hidden/four"):
        write(data / name, f"{name}\n")
    table = SandboxTable(
        read=("~/data",),
        hide=("~/data/hidden", "~/data/hidden/shown/hidden"),
        write=("~/data/hidden/shown",),
    )
    script = "cd ~/data; find . -type f | sort; echo changed >hidden/shown/three; echo >one"
    assert make_box(table).sh(script).output == "./hidden/shown/three\n./one\n"
    assert (data / "hidden/shown/three").read_text() == "changed\n"
    assert (data / "one").read_text() == "one\n"
