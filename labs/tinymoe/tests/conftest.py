"""A small library in place of this machine's, and a model of the smallest size trained on it."""

import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

from tinymoe import text

WORDS = {
    ".py": ("def", "return", "self.value", "for index in range(9):", "import json", "raise"),
    ".h": ("static", "const", "int32_t", "#define", "struct node *", "{", "};", "void"),
    ".md": ("the", "of", "a model", "which", "and", "may be", "is written", "there"),
}


@dataclass(frozen=True, slots=True)
class Trained:
    """What one run of ``python -m tinymoe`` left.

    Args:
        out: Its directory.
        lines: What it printed as progress.
        report: Of ``training.json``.
    """

    out: Path
    lines: Sequence[str]
    report: dict[str, Any]


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of small files in three languages, the same every time; one of them is a copy."""
    folder = tmp_path_factory.mktemp("library")
    for suffix, words in WORDS.items():
        chance = Random(suffix)
        for number in range(90):
            lines = (" ".join(chance.choices(words, k=7)) for _ in range(40))
            (folder / f"file_{number}{suffix}").write_text(f"{number}\n" + "\n".join(lines) + "\n")
    copied = folder / "file_0.h"
    (folder / "copy.h").write_text(copied.read_text())
    return folder


@pytest.fixture
def library_alone(library: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Text is looked for in the small library, and nowhere else."""
    monkeypatch.setattr(text, "places", lambda: [str(library)])


@pytest.fixture(scope="session")
def trained(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """The smallest model, trained by the command; read only."""
    from tinymoe import __main__ as command  # noqa: PLC0415 - torch and transformers take seconds

    out = tmp_path_factory.mktemp("trained") / "mini"
    lines: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text, "places", lambda: [str(library)])
        patch.setattr(sys, "argv", ["tinymoe", "--size", "mini", "--out", str(out)])
        patch.setattr("builtins.print", lambda *said, **_: lines.append(" ".join(map(str, said))))
        command.main()
    steps = [line for line in lines if line.startswith("step")]
    return Trained(out, steps, json.loads((out / "training.json").read_text()))
