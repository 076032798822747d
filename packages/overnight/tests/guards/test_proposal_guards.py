"""Every guard through a night: what is refused is not measured, and what is honest is."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from overnight.researchers.scripted import Step
from overnight.testing.consistency import contradictions
from overnight.testing.studies import make_study
from overnight.types import Verdict

TRAIN = "import lib.evaluate\nprint('val_loss:', lib.evaluate.score({value}))\n"
FILES = {
    "train.py": TRAIN.format(value=1.0),
    "lib/__init__.py": "",
    "lib/evaluate.py": "import statistics\n\n\ndef score(x):\n    return statistics.mean([x])\n",
}
KEPT: Mapping[str, Mapping[str, str]] = {
    "honest": {"train.py": TRAIN.format(value=0.9)},
    "a file of its own": {"train.py": TRAIN.format(value=0.8), "model.py": "x = 1\n"},
    "its own package": {"train.py": TRAIN.format(value=0.7), "lib/model/__init__.py": "x = 1\n"},
}
REFUSED: Mapping[str, tuple[Mapping[str, str], Verdict, str]] = {
    "evaluator": (
        {"lib/evaluate.py": "def score(x):\n    return 0\n"},
        Verdict.OUT_OF_SCOPE,
        "It touches protected files: lib/evaluate.py.",
    ),
    "elsewhere": (
        {"README.md": "x\n"},
        Verdict.OUT_OF_SCOPE,
        "It touches files out of scope: README.md; editable are **/*.py, *.pth.",
    ),
    "package in its place": (
        {"lib/evaluate/__init__.py": "def score(x):\n    return 0\n"},
        Verdict.TAMPERED,
        "It adds lib/evaluate/__init__.py, which would be imported in place of lib/evaluate.py.",
    ),
    "standard library": (
        {"statistics.py": "def mean(x):\n    return 0\n"},
        Verdict.TAMPERED,
        "It adds statistics.py, which would be imported in place of the module 'statistics'.",
    ),
    "runs first": (
        {"sitecustomize.py": "print('val_loss: 0')\n"},
        Verdict.TAMPERED,
        "It adds sitecustomize.py, which Python runs before any program.",
    ),
    "path file": (
        {"x.pth": "import os\n"},
        Verdict.TAMPERED,
        "It adds x.pth, whose lines Python runs before any program.",
    ),
    "replaces it at run time": (
        {"train.py": "import lib.evaluate\nlib.evaluate.score = lambda x: 0\n"},
        Verdict.TAMPERED,
        "train.py:2 replaces lib.evaluate.score, which is not its to change.",
    ),
    "in a new file": (
        {"fast.py": "from lib import evaluate as e\nsetattr(e, 'score', min)\n"},
        Verdict.TAMPERED,
        "fast.py:2 replaces lib.evaluate.score, which is not its to change.",
    ),
    "stops the clock": (
        {"train.py": "import time\ntime.time = lambda: 0\nprint('val_loss: 0.1')\n"},
        Verdict.TAMPERED,
        "train.py:2 replaces time.time, which is not its to change.",
    ),
}


def test_a_night_of_proposals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OVERNIGHT_WORK", str(tmp_path / "work"))
    study = make_study(
        tmp_path / "study",
        files=FILES,
        scope={"editable": ["**/*.py", "*.pth"], "protected": ["lib/evaluate.py"]},
        measure={"command": "python3 train.py"},
        drift={"watch": False},
        watch={"unmeasured": 100},
    )
    refused = {name: files for name, (files, _, _) in REFUSED.items()}
    study.run([Step(name, edits=files) for name, files in {**KEPT, **refused}.items()])
    trials = dict(zip(["baseline", *KEPT, *REFUSED], study.trials(), strict=False))
    assert {name: trials[name].verdict for name in KEPT} == dict.fromkeys(KEPT, Verdict.KEEP)
    assert {name: (trials[name].verdict, trials[name].reason) for name in REFUSED} == {
        name: (verdict, reason) for name, (_, verdict, reason) in REFUSED.items()
    }
    assert not [name for name in REFUSED if study.runs(trials[name].number)], (
        "measured none of them"
    )
    assert contradictions(study.load()) == []
