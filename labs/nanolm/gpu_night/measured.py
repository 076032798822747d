"""Runs of the lab outside of any study: the baseline, and single changes of its constants."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import TypeAlias

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
Metrics: TypeAlias = Mapping[str, float]


class Measured:
    """The runs, kept in a file so that none is made twice.

    Args:
        work: Where the file is, and the folder that they are made in.
        train_s: Seconds of training of each; runs of other lengths stay in the file, unused.
    """

    def __init__(self, work: Path, timer: Timer, *, train_s: int) -> None:
        self._folder, self._timer, self._train_s = work / "variant", timer, train_s
        self._waiting: subprocess.Popen[str] | None = None
        self.file = work / "measured.jsonl"
        lines = self.file.read_text().splitlines() if self.file.exists() else []
        self.runs: dict[tuple[str, int], Metrics | None] = {
            (row["variant"], row["seed"]): row["metrics"]
            for row in map(json.loads, lines)
            if row["train_s"] == train_s
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
        took_s = time.monotonic() - began_s
        self._timer.took(took_s)
        self.runs[variant, seed] = metrics
        row = {"variant": variant, "seed": seed, "train_s": self._train_s, "metrics": metrics}
        with self.file.open("a") as file:
            print(json.dumps(row), file=file)
        found = f"{metrics[METRIC]:.6f}" if metrics else "failed"
        print(f"{variant}, seed {seed}: {found} in {took_s:.1f} s", flush=True)

    def values(self, variant: str, *, metric: str = METRIC) -> dict[int, float]:
        """A metric of a variant by seed, without the runs that failed."""
        runs = sorted((seed, run) for (name, seed), run in self.runs.items() if name == variant)
        return {seed: run[metric] for seed, run in runs if run is not None}

    def mean_text(self, variant: str, metric: str, *, digits: int) -> str:
        """The mean of a metric over all runs of a variant; a question mark without any."""
        values = self.values(variant, metric=metric).values()
        return f"{fmean(values):.{digits}f}" if values else "?"

    def failures(self, variant: str) -> int:
        """How many runs of a variant gave no metric."""
        return sum(name == variant and run is None for (name, _), run in self.runs.items())

    def close(self) -> None:
        """End the run that waits for its turn."""
        if self._waiting is not None:
            self._waiting.communicate()

    def _run(self, changes: Mapping[str, Value], *, seed: int) -> Metrics | None:
        self._folder.mkdir(exist_ok=True)
        (self._folder / "train.py").write_bytes(rewrite((LAB / "train.py").read_bytes(), changes))
        run, self._waiting = self._waiting or self._start(), self._start()
        out, _ = run.communicate(f"{seed}\n")
        block = out.rpartition("---\n")[2]
        metrics = {name: float(value) for name, value in re.findall(r"(?m)^(\w+): (\S+)$", block)}
        return metrics if run.returncode == 0 and METRIC in metrics else None

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(LAB / "gpu_night" / "waiting.py")],
            cwd=self._folder,
            env=os.environ | {"NANOLM_TIME_BUDGET_S": str(self._train_s)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
