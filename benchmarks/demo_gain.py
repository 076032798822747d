"""What the demo's nights gain: several seeds of `tune` on labs/charlm, winners measured again.

A night's own best value flatters it, because the luckiest run of several is what was kept. So the
baseline and the last kept commit of each night are measured again, in turn: the gain to quote.
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from overnight.config import load_study
from overnight.demo import make_demo_repository
from overnight.layout import Layout
from overnight.ledger.queries import LedgerReader
from overnight.night import run_night
from overnight.progress import Silent
from overnight.types import SandboxKind


def night(directory: Path, *, seed: int, trials: int) -> tuple[float, float, int]:
    """Run one night and return the baseline's value, the best value and the number of keeps."""
    make_demo_repository(directory, sandbox=SandboxKind.NONE)
    study_file = directory / "overnight.toml"
    options = f"\n[researcher.options]\nseed = {seed}\n\n[budget]"
    study_file.write_text(study_file.read_text().replace("\n[budget]", options))
    end = run_night(load_study(directory).override(trials=trials), Silent())
    reader = LedgerReader(Layout(directory).ledger)
    baseline, best = reader.trial(0).value, end.incumbent.value if end.incumbent else None
    keeps = sum(trial.verdict == "keep" for trial in reader.trials(after=0))
    reader.close()
    if baseline is None or best is None:
        raise SystemExit("the night measured nothing")
    return baseline, best, keeps


def measure_again(directory: Path, revision: str) -> float:
    """Run the study's command once on a revision, in a checkout of its own."""
    with tempfile.TemporaryDirectory() as checkout:
        archive = subprocess.run(
            ("git", "archive", revision), cwd=directory, capture_output=True, check=True
        )
        subprocess.run(("tar", "-x", "-C", checkout), input=archive.stdout, check=True)
        done = subprocess.run(
            (sys.executable, "train.py"), cwd=checkout, capture_output=True, text=True, check=True
        )
    found = re.findall(r"^val_bpb: (\S+)$", done.stdout, flags=re.MULTILINE)
    return float(found[-1])


def main() -> None:
    """Run the nights and print the gains."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--repeats", type=int, default=3, help="measurements of each winner")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    arguments = parser.parse_args()
    print("seed  keeps  baseline    best    gain   baseline again  best again  gain again")
    rows = []
    for seed in range(1, arguments.seeds + 1):
        with tempfile.TemporaryDirectory() as parent:
            directory = Path(parent) / "demo"
            baseline, best, keeps = night(directory, seed=seed, trials=arguments.trials)
            pairs = [
                (measure_again(directory, "HEAD"), measure_again(directory, "overnight/charlm"))
                for _ in range(arguments.repeats)
            ]
        again, best_again = (statistics.mean(values) for values in zip(*pairs, strict=True))
        rows.append(1 - best_again / again)
        print(
            f"{seed:4}  {keeps:5}  {baseline:8.4f}  {best:6.4f}  {1 - best / baseline:6.1%}"
            f"   {again:14.4f}  {best_again:10.4f}  {rows[-1]:10.1%}",
            flush=True,
        )
    print(f"gain, measured again: mean {statistics.mean(rows):.1%}, least {min(rows):.1%}")
    if arguments.json:
        arguments.json.write_text(json.dumps({"gains_measured_again": rows}))


if __name__ == "__main__":
    main()
