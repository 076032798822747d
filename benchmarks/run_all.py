"""Every benchmark in one go: a table on standard output, all figures in build/benchmarks.json.

Run it: ``make bench`` or ``python benchmarks/run_all.py``; ``--quick`` for a smoke run.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import brief_size
import fidelity
import turnaround
from sidebyside.figures import Comparison, table
from sidebyside.harnesses import BUILD, say

HERE = Path(__file__).parent
# Benchmarks without a peer print tables of their own: script, arguments, those of a smoke run.
SCRIPTS = (
    ("tune_quality.py", (), ("--seeds", "2")),
    ("drift_detection.py", (), ("--quick",)),
    ("comparison_coverage.py", (), ("--quick",)),
    ("cheats_side_by_side.py", (), ("--only", "report")),
    ("expertswap_observe.py", (), ("--quick",)),
    ("expertswap_prune.py", (), ("--gigabytes", "0.5", "--rounds", "1")),
    ("expertswap_compress.py", (), ("--quick",)),
    ("expertswap_simulate.py", (), ()),
)


def main() -> None:
    """Run everything; the exit status is 1 when a bar was missed in a full run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run; its figures mean little")
    parser.add_argument("--json", type=Path, default=BUILD / "benchmarks.json")
    arguments = parser.parse_args()
    found: list[Comparison] = []
    for benchmark in (turnaround, fidelity, brief_size):
        comparisons = benchmark.measure(quick=arguments.quick)
        print(f"\n## {benchmark.__name__}\n\n{table(comparisons)}", flush=True)
        found += comparisons
    missed = [each.name for each in found if each.bar is not None and each.ratio() > each.bar]
    tables = {}
    for name, full, smoke in SCRIPTS:
        say(name)
        tables[name], met = _run_script(name, smoke if arguments.quick else full)
        missed += [] if met else [name]
        print(f"\n## {name}\n\n{tables[name]}", flush=True)
    document = {"comparisons": [each.as_record() for each in found], "tables": tables}
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    say(f"wrote {arguments.json}")
    if missed:
        say(f"missed: {', '.join(missed)}")
    sys.exit(1 if missed and not arguments.quick else 0)


def _run_script(script: str, arguments: tuple[str, ...]) -> tuple[str, bool]:
    """What it prints, and whether it met its own bars."""
    command = (sys.executable, str(HERE / script), *arguments)
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
    return done.stdout, done.returncode == 0


if __name__ == "__main__":
    main()
