"""Programs, packages and the setup; what is missing is missing for real."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from overnight.doctor import Status
from overnight.doctor.checks.tools import judge_setup
from overnight.doctor.imports import outside_imports
from overnight.doctor.packages import explain
from overnight.doctor.shell_lines import started_by
from overnight.testing.studies import TinyStudy

from .conftest import Examine, Make

BUBBLEWRAP = {"kind": "bubblewrap"}


@pytest.mark.parametrize(
    ("line", "programs"),
    [
        ("python train.py", ["python"]),
        ("cd a && uv run x.py --seed 1 | tee log", ["cd", "uv", "tee"]),
        ("A=1 B='2 3' nohup time ./run.sh >log 2>&1 &", ["./run.sh"]),
        ("$PY train.py; `which x` y; make", ["make"]),
        ("(a; b) || c", ["a", "b", "c"]),
        ("echo 'a; b' \"c && d\"", ["echo"]),
        ("broken 'quote", []),
        ("", []),
    ],
)
def test_programs_in_a_line_of_shell(line: str, programs: list[str]) -> None:
    assert [started.program for started in started_by(line)] == programs


@pytest.mark.parametrize(
    ("line", "python", "script"),
    [
        ("python train.py", ("python",), "train.py"),
        (
            "./.venv/bin/python3.11 -u ./a/train.py --x b.py",
            ("./.venv/bin/python3.11",),
            "a/train.py",
        ),
        ("python -m pkg.train", ("python",), "pkg/train.py"),
        ("uv run train.py", ("uv", "run", "python"), "train.py"),
        (
            "uv run --with numpy -q python x.py",
            ("uv", "run", "--with", "numpy", "-q", "python"),
            "x.py",
        ),
        ("poetry run python x.py", ("poetry", "run", "python"), "x.py"),
        ("uv run pytest", (), None),
        ("sh train.sh", (), "train.sh"),
        ("make", (), None),
    ],
)
def test_interpreter_and_script(line: str, python: tuple[str, ...], script: str | None) -> None:
    [started] = started_by(line)
    assert (started.python, started.script) == (python, script)


SOURCES = {
    "train.py": "import torch, json\nfrom model.net import Net\nfrom . import x\n"
    "try:\n    import wandb\nexcept ImportError:\n    pass\ndef f():\n    import late\n",
    "model/__init__.py": "",
    "model/net.py": "import numpy as np\nif True:\n    import scipy.stats\nimport train\n",
}


def test_imports_from_outside() -> None:
    found = outside_imports("train.py", files=SOURCES, text=SOURCES.__getitem__)
    assert found == ["numpy", "scipy", "torch"]


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            "error: Failed to initialize cache at `/home/u/.cache/uv`\n  Caused by: failed to open"
            " file `/home/u/.cache/uv/sdists-v9/.git`: Permission denied",
            "chown",
        ),
        ("error: failed to write /home/u/.cache/uv: Read-only file system (os error 30)", "chown"),
        (
            "Because torch was not found in the cache and project depends on torch, ...\n"
            "hint: Packages were unavailable because the network was disabled.",
            "`uv sync` in the repository on the host",
        ),
        (
            "WARNING: Retrying after connection broken by 'NewConnectionError: Temporary failure in"
            " name resolution')\nERROR: Could not find a version that satisfies numpy",
            "[setup]",
        ),
        (
            "error: No interpreter found for Python 3.14 in managed installations",
            "uv python install",
        ),
        ("error: The lockfile at `uv.lock` needs to be updated, but `--locked`", "uv lock"),
        ("sh: 1: conda: not found", "sandbox.read"),
        ("write: No space left on device", "sandbox.disk_gb"),
        ("something else entirely", "last lines"),
        ("", "last lines"),
    ],
)
def test_complaints_of_package_managers(said: str, words: str) -> None:
    assert words in explain(said).fix


def test_a_program_that_is_not_installed(make: Make, examine: Examine) -> None:
    result = examine(make(measure={"command": "no-such-tool train.sh"}), "tools.programs")
    assert result.status is Status.FAILED
    assert result.finding == "no-such-tool, which measure.command names, is not installed."


def test_a_program_that_the_sandbox_hides(
    make: Make, examine: Examine, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = make(sandbox=BUBBLEWRAP, measure={"command": "mytool"})
    inside = study.root / "mytool"  # the repository is hidden whole
    inside.write_text("#!/bin/sh\n")
    inside.chmod(0o755)
    monkeypatch.setenv("PATH", f"{study.root}:{os.environ['PATH']}")
    result = examine(study, "tools.programs")
    assert result.status is Status.FAILED
    assert result.finding.endswith("and cannot be seen inside.")
    assert result.fix == f'Add "{study.root}" to sandbox.read.'


def test_a_script_that_may_not_be_started(make: Make, examine: Examine) -> None:
    result = examine(make({"run.sh": "true\n"}, measure={"command": "./run.sh"}), "tools.programs")
    assert result.status is Status.FAILED
    assert "git update-index --chmod=+x run.sh" in result.fix


def test_a_script_that_was_not_committed(make: Make, examine: Examine) -> None:
    study = make(measure={"command": "python3 new.py"})
    (study.root / "new.py").write_text("print(1)\n")
    result = examine(study, "tools.programs")
    assert (result.status, "git add new.py" in result.fix) == (Status.FAILED, True)


def test_a_module_that_is_not_installed(make: Make, examine: Examine) -> None:
    study = make(
        {"a/run.py": "import no_such_module, json\nimport beside\n", "a/beside.py": ""},
        measure={"command": "python3 a/run.py"},
    )
    result = examine(study, "tools.modules")
    assert result.status is Status.FAILED
    assert result.finding.endswith("inside has no module no_such_module.")


def test_modules_that_are_there(make: Make, examine: Examine) -> None:
    study = make(
        {"run.py": "import numpy\n"},
        measure={"command": f"{sys.executable} run.py"},
        sandbox=BUBBLEWRAP,
    )
    assert "finds the one module" in examine(study, "tools.modules").finding


def test_a_setup_that_fails_is_told_once_with_its_last_words(make: Make, examine: Examine) -> None:
    study = make(setup={"command": "echo unpacking; no-such-installer"})
    result = examine(study, "tools.setup")
    assert result.status is Status.FAILED
    assert result.finding.startswith("Setup: It ended with exit code 127")
    assert result.details[0] == "unpacking"


def test_a_setup_that_works(make: Make, examine: Examine) -> None:
    study = make(setup={"command": "echo 1 > made"}, sandbox=BUBBLEWRAP)
    assert "The setup works inside" in examine(study, "tools.setup").finding


def test_a_setup_near_its_deadline() -> None:
    assert judge_setup(took_s=70, allowed_s=100).status is Status.OK
    assert judge_setup(took_s=90, allowed_s=100).status is Status.WARNING


PROJECT = """\
[project]
name = "p"
version = "1"
requires-python = ">=3.11"
dependencies = [{dependencies}]
"""


@pytest.fixture
def uv(monkeypatch: pytest.MonkeyPatch) -> None:
    beside = Path(sys.executable).parent
    if shutil.which("uv") is None and not (beside / "uv").exists():
        pytest.skip("uv is not installed")
    monkeypatch.setenv("PATH", f"{beside}:{os.environ['PATH']}")
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")


def uv_study(make: Make, *dependencies: str) -> TinyStudy:
    listed = ", ".join(f'"{it}"' for it in dependencies)
    return make(
        {"pyproject.toml": PROJECT.format(dependencies=listed), "run.py": "print('val_loss: 1')\n"},
        measure={"command": "uv run run.py"},
        sandbox=BUBBLEWRAP,
    )


def test_uv_works_offline_inside(make: Make, examine: Examine, uv: None, home: Path) -> None:
    (home / ".cache" / "uv").mkdir(parents=True)
    result = examine(uv_study(make), "tools.package-manager")
    assert result.status is Status.OK, result
    assert "has every package" in result.finding


def test_a_package_that_is_not_in_the_cache(
    make: Make, examine: Examine, uv: None, home: Path
) -> None:
    (home / ".cache" / "uv").mkdir(parents=True)
    result = examine(uv_study(make, "numpy"), "tools.package-manager")
    assert result.status is Status.FAILED
    assert "A package is not in its cache" in result.finding
    assert "run `uv sync` in the repository on the host" in result.fix
