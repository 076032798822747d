"""The lab's two modules, as fixtures: other labs have a `train` and a `prepare` of their own."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

LAB = Path(__file__).parents[1]
NAMES = ("prepare", "train")


@pytest.fixture(scope="session")
def _lab() -> Iterator[dict[str, ModuleType]]:
    with pytest.MonkeyPatch.context() as patch:
        for name in NAMES:
            patch.delitem(sys.modules, name, raising=False)
        patch.syspath_prepend(LAB)
        modules = {name: importlib.import_module(name) for name in NAMES}
        for name in NAMES:
            del sys.modules[name]
    yield modules


@pytest.fixture(scope="session")
def prepare(_lab: dict[str, ModuleType]) -> ModuleType:
    return _lab["prepare"]


@pytest.fixture(scope="session")
def train(_lab: dict[str, ModuleType]) -> ModuleType:
    return _lab["train"]
