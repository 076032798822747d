"""A real night in small on a GPU machine, in as many calls as it takes.

In ``labs/nanolm``::

    python -m gpu_night --out DIR --minutes 9
    python -m gpu_night --out DIR --minutes 9 --noise 0 --trials 0 --claims 8

It measures the baseline several times, runs `overnight compare` between `tune` and `replay` with a
short budget for each run, and measures single changes that the article made much of, beside the
baseline. What does not fit into the minutes is done by the next call with the same ``--work``.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from gpu_night.arms import compare
from gpu_night.budget import OutOfTime, Timer
from gpu_night.claims import measure_claims
from gpu_night.measured import BASELINE, LAB, Measured
from gpu_night.report import write_all


def main() -> None:
    """Do what fits into this call, and write down what there is."""
    options = parse()
    options.work.mkdir(parents=True, exist_ok=True)
    options.out.mkdir(parents=True, exist_ok=True)
    timer = Timer(options.minutes, run_s=options.train_s + 15)
    subprocess.run([sys.executable, "prepare.py"], cwd=LAB, check=True)
    measured = Measured(options.work, timer, train_s=options.train_s)
    state = "Everything is measured."
    try:
        for seed in range(1, options.noise + 1):
            measured.measure(BASELINE, seed=seed)
        if options.trials:
            compare(options, timer)
        measure_claims(measured, blocks=options.claims, out=options.out)
    except OutOfTime:
        state = "Not everything is measured yet: the next call with the same --work goes on."
    finally:
        measured.close()
    write_all(options, measured, state)
    print(state)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="gpu_night", description="A real night in small.")
    parser.add_argument("--out", type=Path, required=True, help="where the results go")
    parser.add_argument("--work", type=Path, default=Path.home() / "nanolm-night")
    parser.add_argument("--minutes", type=float, default=9, help="of this call")
    parser.add_argument("--train-s", type=int, default=10, help="seconds of training per run")
    parser.add_argument("--trials", type=int, default=10, help="of each arm; 0: no comparison")
    parser.add_argument("--noise", type=int, default=3, help="runs of the baseline at first")
    parser.add_argument("--finals", type=int, default=3, help="runs of each result at the end")
    parser.add_argument("--claims", type=int, default=0, help="runs of each single change")
    options = parser.parse_args()
    options.work, options.out = options.work.absolute(), options.out.absolute()
    return options


if __name__ == "__main__":
    main()
