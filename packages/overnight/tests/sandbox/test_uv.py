"""uv inside, without a network: with what the host's cache holds, and what setup adds to it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from overnight.researchers.scripted import Step
from overnight.testing.consistency import contradictions
from overnight.testing.sandbox_site import Box, Site
from overnight.testing.studies import make_study
from overnight.types import Trust, Verdict

MakeBox = Callable[..., Box]
PATH = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
PROJECT = f"""\
[project]
name = "tiny"
version = "1"
requires-python = ">={sys.version_info.major}.{sys.version_info.minor}"
dependencies = ["six"]

[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[tool.hatch.build.targets.wheel]
packages = ["src/tiny"]
"""
TRAIN = """\
import os, six, tiny
print("val_loss:", tiny.LOSS)
with open(os.environ.get("OVERNIGHT_ARTEFACTS", ".") + "/loss", "w") as file:
    file.write(six.ensure_str(str(tiny.LOSS)))
"""
SCORE = """\
import os, six, tiny
assert tiny.LOSS == 1.0, "the scorer's own tree is the baseline's"
with open(os.environ["OVERNIGHT_ARTEFACTS"] + "/loss") as file:
    print("val_loss:", six.ensure_str(file.read()))
"""
FILES = {
    "pyproject.toml": PROJECT,
    "train.py": TRAIN,
    "score.py": SCORE,
    "src/tiny/__init__.py": "LOSS = 1.0\n",
    ".gitignore": ".venv/\n__pycache__/\n",
}


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose lock and dependencies uv knows, with the cache in ``.uv``."""
    uv = shutil.which("uv", path=PATH)
    if uv is None:
        pytest.skip("uv is not installed")
    root = tmp_path_factory.mktemp("project")
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    env = environment(root / ".uv")
    done = subprocess.run(
        (uv, "sync"), cwd=root, env={**os.environ, **env}, check=False, capture_output=True
    )
    if done.returncode != 0:
        pytest.skip(f"uv cannot reach a registry: {done.stderr.decode(errors='replace')[-300:]}")
    shutil.rmtree(root / ".venv")
    return root


def environment(cache: Path) -> dict[str, str]:
    return {
        "PATH": PATH,
        "UV_CACHE_DIR": str(cache),
        "UV_PYTHON": sys.executable,
        "UV_PYTHON_DOWNLOADS": "never",
    }


@pytest.fixture
def cache(project: Path, site: Site) -> Path:
    cache = site.home / ".cache/uv"
    shutil.copytree(project / ".uv", cache, symlinks=True)
    return cache


def files(project: Path) -> Mapping[str, str]:
    return {name: (project / name).read_text() for name in (*FILES, "uv.lock")}


def test_a_program_runs_with_its_dependencies(
    project: Path, cache: Path, site: Site, make_box: MakeBox
) -> None:
    """In one command, as `uv run train.py` does; and nothing is left of it in the cache."""
    before = sorted(cache.rglob("*"))
    for name, text in files(project).items():
        (site.tree / name).parent.mkdir(parents=True, exist_ok=True)
        (site.tree / name).write_text(text)
    box = make_box(environ=environment(cache))
    told = box.sh("uv run --offline train.py && uv run --offline python -c 'import tiny'")
    assert told.output.splitlines()[-1] == "val_loss: 1.0", told.errors
    assert sorted(cache.rglob("*")) == before


def test_a_night_with_setup(
    project: Path, cache: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What setup builds and installs is there for the commands after it, for each candidate anew.

    A scorer's tree is set up once, and what it leads to must outlast that command.
    """
    for name, value in {**environment(cache), "HOME": str(site.home)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("OVERNIGHT_WORK", str(site.home / ".cache/overnight"))
    study = make_study(
        site.home / "study",
        files=files(project),
        sandbox={"kind": "bubblewrap"},
        scope={"editable": ["src/**"], "protected": ["*.py", "pyproject.toml"]},
        setup={"command": "uv sync --offline"},
        measure={"command": ".venv/bin/python train.py"},
        score={"command": ".venv/bin/python score.py"},
    )
    study.run([Step("better", edits={"src/tiny/__init__.py": "LOSS = 0.5\n"})])
    assert [trial.value for trial in study.trials()[:2]] == [1.0, 0.5]
    assert [trial.verdict for trial in study.trials()[:2]] == [Verdict.KEEP] * 2
    assert study.runs(1)[0].trust is Trust.SCORED
    assert study.runs(1)[0].metrics["claimed.val_loss"] == 0.5
    assert contradictions(study.load()) == []
