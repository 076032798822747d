"""Added files that would run first, or be imported in place of something; and those that may stay.

More cases are in ``tests/core/test_guard_startup.py``.
"""

import os
import sys
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.guards.startup import import_roots, refuse_startup
from overnight.interpreters import importable_names
from overnight.patterns import PathPatterns
from overnight.types import Change, ChangeKind, Verdict

EXISTING = ["train.py", "src/model.py", "queue/jobs.json", "utils/helpers.py", "typing.py"]
IMPORTABLE = ["json", "queue", "random", "torch", "utils", "typing"]


def refused(
    path: str, *, kind: ChangeKind = ChangeKind.ADDED, roots: tuple[str, ...] = ("",)
) -> bool:
    judgement = refuse_startup(
        [Change(path, kind)],
        existing=EXISTING,
        import_roots=roots,
        importable=IMPORTABLE,
        protected=PathPatterns([]),
    )
    assert judgement is None or judgement.verdict is Verdict.TAMPERED
    assert judgement is None or judgement.reason.startswith(f"It adds {path}, wh")
    return judgement is not None


@pytest.mark.parametrize(
    "path",
    [
        *("json.py", "json/__init__.py", "random.cpython-311-x86_64-linux-gnu.so", "torch/nn.py"),
        *("json.pyi", "json.abi3.so", "queue.py", "queue/__init__.py"),  # a directory of data there
        *("sitecustomize.py", "sitecustomize/__init__.py", "deep/usercustomize.so"),
        *("x.pth", ".pth"),
        *("conftest.py", "tests/conftest.py", "pyvenv.cfg", "a.egg-link", "__pycache__/train.pyc"),
        *(".python-version", "uv.toml", "SITECUSTOMIZE.PTH", "Conftest.py"),
    ],
)
def test_refuses(path: str) -> None:
    assert refused(path)
    assert not refused(path, kind=ChangeKind.MODIFIED)
    assert not refused(path, kind=ChangeKind.DELETED)


@pytest.mark.parametrize(
    "path",
    [
        *("new.py", "src/json.py", "src/torch/nn.py", "models/random.py"),  # nobody imports there
        *("utils/more.py", "utils/__init__.py", "typing/__init__.py", "typing.so"),  # its own
        *("json.txt", "random.csv", "torch.md", "queue/more.json", "notes/sitecustomize.md"),
        *("jsonlines.py", "my_json.py", "myjson/__init__.py"),
    ],
)
def test_allows(path: str) -> None:
    assert not refused(path)


@pytest.mark.parametrize("path", ["src/json.py", "src/torch/__init__.py"])
def test_only_where_modules_are_imported_from(path: str) -> None:
    assert refused(path, roots=("", "src"))
    assert not refused(path, roots=("",))


@pytest.mark.parametrize(
    ("line", "path", "roots"),
    [
        ("python train.py", "", {""}),
        ("uv run --offline src/deep/train.py --steps 3", "", {"", "src/deep"}),
        ("./scripts/run.py", "", {"", "scripts"}),
        ("python -m package.train", "", {""}),
        ("python train.py", "src:lib/python", {"", "src", "lib/python"}),
        ("PYTHONPATH=src:./lib python train.py", "", {"", "src", "lib"}),
        ("cd nested && python train.py", "", {"", "nested"}),
        ("(cd nested; python tools/train.py)", "", {"", "nested", "tools", "nested/tools"}),
        ("uv run --directory nested train.py", "lib", {"", "nested", "lib", "nested/lib"}),
        ("make -C nested", "", {"", "nested"}),
        ("", "", {""}),
    ],
)
def test_where_a_command_imports_from(line: str, path: str, roots: set[str]) -> None:
    assert import_roots([line], path) == roots


PLACES = st.lists(st.sampled_from(["a", "b", "src", "."]), max_size=3).map("/".join)


@given(st.lists(PLACES, max_size=4), PLACES)
def test_roots_hold_the_directory_of_every_script(places: list[str], path: str) -> None:
    lines = [f"python '{place}/train.py'; true" for place in places if place]
    roots = import_roots(lines, path)
    assert "" in roots
    for place in filter(None, (*places, path)):
        plain = str(PurePosixPath(place))
        assert ("" if plain == "." else plain) in roots
    assert not [root for root in roots if root.startswith("./") or root.endswith("/")]
    assert import_roots([*lines, *lines], path) == roots


def test_what_an_interpreter_can_import(tmp_path: Path) -> None:
    packages = tmp_path / "lib/python3.11/site-packages"
    for name in ("mine", "tests", "mine-1.0.dist-info", "__pycache__", "_private"):
        (packages / name).mkdir(parents=True)
    for name in ("single.py", "fast.cpython-311-x86_64-linux-gnu.so", "notes.txt", "odd name.py"):
        (packages / name).touch()
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python3").symlink_to(sys.executable)
    found = importable_names([tmp_path / "bin"])
    assert found >= {"mine", "single", "fast", "_private", "json", "numpy"} - {"numpy"}
    assert not found & {"tests", "notes", "odd name", "mine-1", "__pycache__", "__init__"}


def test_interpreters_that_are_closed_to_us_are_passed_by(tmp_path: Path) -> None:
    closed = tmp_path / "closed/lib/python3.11/site-packages"
    closed.mkdir(parents=True)
    closed.chmod(0)
    try:
        assert "json" in importable_names([Path("/proc/1/cwd")], environments=[tmp_path / "closed"])
    finally:
        closed.chmod(0o700)
    assert os.access(closed, os.R_OK)
