"""What a proposal may not add: files that run first, and modules that stand in for others."""

from pathlib import Path

import pytest

from overnight.guards.reaching import imported_names
from overnight.guards.startup import refuse_startup
from overnight.interpreters import importable_names, named_environments
from overnight.patterns import PathPatterns
from overnight.types import Change, ChangeKind, Verdict

EXISTING = ["train.py", "prepare.py", "lib/loss.py", "lib/__init__.py", "model.py"]
PROTECTED = PathPatterns(["prepare.py", "lib/loss.py"])


def added(path: str, kind: ChangeKind = ChangeKind.ADDED) -> str | None:
    judgement = refuse_startup(
        [Change(path, kind)],
        existing=EXISTING,
        import_roots=[""],
        importable=["json", "numpy", "prepare", "lib"],
        protected=PROTECTED,
    )
    assert judgement is None or judgement.verdict is Verdict.TAMPERED
    return None if judgement is None else judgement.reason


@pytest.mark.parametrize(
    "path",
    ["new.py", "lib/more.py", "lib/json.py", "model/__init__.py", "lib/loss/data.csv", "prepare/a"],
)
def test_allows_what_takes_nobodys_place(path: str) -> None:
    assert added(path) is None


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("prepare/__init__.py", "prepare.py"),
        ("prepare.cpython-311-x86_64-linux-gnu.so", "prepare.py"),
        ("lib/loss/__init__.py", "lib/loss.py"),
        ("lib/loss.abi3.so", "lib/loss.py"),
    ],
)
def test_refuses_what_python_finds_before_a_protected_module(path: str, place: str) -> None:
    assert added(path) == f"It adds {path}, which would be imported in place of {place}."


@pytest.mark.parametrize("path", ["json.py", "numpy/__init__.py", "numpy/core.py", "numpy.so"])
def test_refuses_what_stands_in_for_a_module_from_elsewhere(path: str) -> None:
    told = added(path)
    assert told is not None
    assert "in place of the module" in told


@pytest.mark.parametrize("path", ["sitecustomize.py", "deep/conftest.py", "a.pth", "x/y.pyc"])
def test_refuses_what_runs_first_but_only_when_it_is_new(path: str) -> None:
    assert added(path) is not None
    assert added(path, ChangeKind.MODIFIED) is None


def test_names_that_sources_import_are_those_of_the_top() -> None:
    sources = [
        "import numpy as np, os.path\nfrom torch.nn import Linear\n",
        "def late():\n    import tiktoken\nfrom . import near\nfrom .near import thing\n",
        "this is no Python",
    ]
    assert imported_names(sources) == {"numpy", "os", "torch", "tiktoken"}


def test_an_interpreter_named_by_its_path_tells_what_it_can_import(tmp_path: Path) -> None:
    packages = tmp_path / "own/lib/python3.11/site-packages"
    (packages / "rarely_seen").mkdir(parents=True)
    found = named_environments(["cd src && own/bin/python3 train.py", "python x.py"], root=tmp_path)
    assert found == [tmp_path / "own"]
    assert "rarely_seen" in importable_names([], environments=found)
    assert "rarely_seen" not in importable_names([])
