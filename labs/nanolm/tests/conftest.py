"""The lab's two modules, as fixtures: other labs have a `train` and a `prepare` of their own."""

import importlib
import os
import random
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

LAB = Path(__file__).parents[1]
NAMES = ("prepare", "train")
WORDS = ("def", "return", "self", "value", "for", "in", "range", "index", "if", "import", "None")


@pytest.fixture(scope="session")
def _lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, ModuleType]]:
    missing = [name for name in ("torch", "tokenizers") if find_spec(name) is None]
    if missing:
        refuse = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        refuse(f"pip install {' '.join(missing)}")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NANOLM_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("NANOLM_TIME_BUDGET_S", "0.3")
        patch.delenv("NANOLM_SEED", raising=False)
        for name in NAMES:
            patch.delitem(sys.modules, name, raising=False)
        patch.syspath_prepend(LAB)
        modules = {name: importlib.import_module(name) for name in NAMES}
        for name in NAMES:
            del sys.modules[name]
        patch.setattr(modules["prepare"], "SHARDS", tmp_path_factory.mktemp("no-shards"))
        modules["torch"] = sys.modules["torch"]
        modules["torch"].set_num_threads(1)
        yield modules


@pytest.fixture(scope="session")
def prepare(_lab: dict[str, ModuleType]) -> ModuleType:
    return _lab["prepare"]


@pytest.fixture(scope="session")
def train(_lab: dict[str, ModuleType]) -> ModuleType:
    return _lab["train"]


@pytest.fixture(scope="session")
def torch(_lab: dict[str, ModuleType]) -> ModuleType:
    return _lab["torch"]


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of small source files in plain ASCII, the same every time."""
    folder = tmp_path_factory.mktemp("library")
    chance = random.Random(5)
    for number in range(120):
        lines = (" ".join(chance.choices(WORDS, k=9)) for _ in range(20))
        (folder / f"module_{number}.py").write_text(f"# {number}\n" + "\n".join(lines) + "\n")
    return folder


@pytest.fixture
def small_text(prepare: ModuleType, library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The text is that of `library`, and its share for validation a quarter."""
    monkeypatch.setattr(prepare, "python_files", lambda: iter(sorted(library.glob("*.py"))))
    monkeypatch.setattr(prepare, "VALIDATION_SHARE", 0.25)
    monkeypatch.setattr(prepare, "EVAL_LOGITS", 2**19)


@pytest.fixture
def cache(prepare: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that holds nothing yet."""
    monkeypatch.setattr(prepare, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(prepare, "COMPILED", tmp_path / "cache" / "compiled")
    return tmp_path / "cache"
