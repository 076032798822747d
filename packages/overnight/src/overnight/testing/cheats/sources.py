"""The study's own files in either layout, and what they honestly measure."""

import functools
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from overnight.testing.cheats.cheat import Layout
from overnight.testing.cheats.points import TRAINING, VALIDATION, make_points
from overnight.testing.cheats.researcher import improve
from overnight.testing.studies import METRIC

PROTECTED = ("prepare.py", "network.py", "surroundings.py", "score.py", "data/**")
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
_SOURCES = Path(__file__).parent / "study"
_COMMON = ("train.py", "network.py", "surroundings.py", "score.py")


def study_files(layout: Layout) -> dict[str, str]:
    """What is in git of the study in a layout."""
    own = _SOURCES / layout.name.lower()
    sources = [*(_SOURCES / name for name in _COMMON), *sorted(own.glob("*.py"))]
    points = make_points()
    files = {path.name: path.read_text(encoding="utf-8") for path in sources}
    files[".gitignore"] = "__pycache__/\n*.log\n"
    if layout is Layout.SCORED:
        return files | {"data/train.csv": points["training"]}
    last = TRAINING + VALIDATION
    split = f'{{"training": [0, {TRAINING}], "validation": [{TRAINING}, {last}]}}\n'
    both = points["training"] + points["validation"]
    return files | {"data/points.csv": both, "data/split.json": split}


@dataclass(frozen=True, slots=True)
class Honest:
    """What the study measures before and after the honest improvement, without the harness."""

    baseline: float
    improved: float


@functools.cache
def honest_values() -> Honest:
    """Run the study's own program by hand; both layouts measure the same points."""
    with tempfile.TemporaryDirectory(prefix="overnight-honest-") as name:
        root = Path(name)
        for path, content in study_files(Layout.SAME_RUN).items():
            (root / path).parent.mkdir(exist_ok=True)
            (root / path).write_text(content, encoding="utf-8")
        baseline = _measure_by_hand(root)
        improve(root)
        return Honest(baseline, _measure_by_hand(root))


def _measure_by_hand(root: Path) -> float:
    env = {**os.environ, **ONE_THREAD, "OVERNIGHT_ARTEFACTS": str(root)}
    env.pop("OVERNIGHT_METRICS", None)
    command = (sys.executable, "train.py")
    told = subprocess.run(command, cwd=root, env=env, check=True, capture_output=True, text=True)
    return float(told.stdout.splitlines()[-1].removeprefix(f"{METRIC}: "))
