"""Runs of the lab outside of any study: the baseline, and single changes of its constants."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from gpu_night.budget import OutOfTime, Timer

from overnight.researchers.tune.constants import rewrite
from overnight.researchers.tune.literals import Value

LAB = Path(__file__).parents[1]
METRIC = "val_bpb"
BASELINE = "baseline"
CLAIMS: Mapping[str, Mapping[str, Value]] = {
    "no warm-down": {"WARMDOWN": 0.0},
    "warm-down 0.3": {"WARMDOWN": 0.3},
    "warm-down 0.8": {"WARMDOWN": 0.8},
    "LR floor 10 %": {"FINAL_LR": 0.1},
    "half the batch": {"TOTAL_BATCH": 2**15},
    "quarter of the batch": {"TOTAL_BATCH": 2**14},
    "depth 7": {"DEPTH": 7},
    "depth 10": {"DEPTH": 10},
    "weight decay 0.1": {"WEIGHT_DECAY": 0.1},
}


class Measured:
    """The runs, kept in a file so that none is made twice.

    Args:
        work: Where the file is, and the folder that they are made in.
        train_s: Seconds of training of each.
    """

    def __init__(self, work: Path, timer: Timer, *, train_s: int) -> None:
        self._work, self._timer, self._train_s = work, timer, train_s
        self.file = work / "measured.jsonl"
        lines = self.file.read_text().splitlines() if self.file.exists() else []
        self.runs: dict[tuple[str, int], dict[str, float]] = {
            (row["variant"], row["seed"]): row["metrics"] for row in map(json.loads, lines)
        }

    def measure(self, variant: str, *, seed: int) -> None:
        """One run of the baseline or of a change, unless it was made before.

        Raises:
            OutOfTime: It does not fit into this call.
        """
        if (variant, seed) in self.runs:
            return
        if not self._timer.has_room(1):
            raise OutOfTime
        began_s = time.monotonic()
        metrics = self._run(CLAIMS.get(variant, {}), seed=seed)
        self._timer.took(time.monotonic() - began_s)
        self.runs[variant, seed] = metrics
        with self.file.open("a") as file:
            print(json.dumps({"variant": variant, "seed": seed, "metrics": metrics}), file=file)
        print(f"{variant}, seed {seed}: {metrics[METRIC]:.6f}", flush=True)

    def values(self, variant: str) -> dict[int, float]:
        """The metric of a variant by seed."""
        found = {seed: run[METRIC] for (name, seed), run in self.runs.items() if name == variant}
        return dict(sorted(found.items()))

    def _run(self, changes: Mapping[str, Value], *, seed: int) -> dict[str, float]:
        folder = self._work / "variant"
        folder.mkdir(exist_ok=True)
        (folder / "train.py").write_bytes(rewrite((LAB / "train.py").read_bytes(), changes))
        shutil.copy(LAB / "prepare.py", folder)
        given = {"NANOLM_TIME_BUDGET_S": str(self._train_s), "NANOLM_SEED": str(seed)}
        run = subprocess.run(
            [sys.executable, "train.py"],
            cwd=folder,
            env=os.environ | given,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        block = run.stdout.rpartition("---\n")[2]
        return {name: float(value) for name, value in re.findall(r"(?m)^(\w+): (\S+)$", block)}
