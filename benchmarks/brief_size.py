"""How much a brief grows with the history: 10,000 earlier trials against 100.

The trials' words are as long as agents' are, and some carry reasons; the ledger is a real one,
filled through its own methods and read as a night reads it.

Run it: ``python benchmarks/brief_size.py`` or, for a smoke run, ``--quick``.
"""

import argparse
import random
import tempfile
from pathlib import Path

from sidebyside.figures import Comparison, Side, table
from sidebyside.harnesses import say

from overnight.briefing import Briefing
from overnight.config import Study, load_study
from overnight.ledger.store import Ledger, create_ledger
from overnight.types import DiffStat, Draft, Judgement, Outcome, Run, State, Verdict

FEW, MANY, MANY_QUICK = 100, 10_000, 1_000
BAR = 1.5
KEPT_SHARE, CRASHED_SHARE = 0.1, 0.1
WORDS = [
    "raise",
    "the",
    "learning",
    "rate",
    "of",
    "all",
    "layers",
    "warmup",
    "cosine",
    "decay",
    "smaller",
    "batch",
    "wider",
    "head",
]
STUDY = """name = "bench"
program = "program.md"
[metric]
name = "loss"
[scope]
editable = ["train.py", "src/**"]
[measure]
command = "python train.py"
deadline = "10m"
"""


def measure(*, quick: bool = False) -> list[Comparison]:
    """Write a brief with few and with many trials behind it."""
    with tempfile.TemporaryDirectory(prefix="overnight-bench-") as name:
        sizes = {}
        for trials in (FEW, MANY_QUICK if quick else MANY):
            say(f"brief: filling a ledger with {trials} trials")
            sizes[trials] = brief_bytes(Path(name) / str(trials), trials)
    (few, small), (many, large) = sizes.items()
    sides = Side(f"{many:,} trials", [[large]]), Side(f"{few:,} trials", [[small]])
    return [Comparison("brief", "bytes", *sides, BAR)]


def brief_bytes(directory: Path, trials: int) -> int:
    """The size of the brief that follows so many trials."""
    directory.mkdir()
    (directory / "program.md").write_text("Find what helps.\n" * 50, encoding="utf-8")
    (directory / "overnight.toml").write_text(STUDY, encoding="utf-8")
    study = load_study(directory)
    path = directory / "ledger.db"
    create_ledger(path, name=study.name, objective=study.objective, baseline_commit="0" * 40)
    ledger = Ledger(path)
    try:
        night, _ = ledger.begin_session()
        rng = random.Random(trials)
        for number in range(trials + 1):
            _add(ledger, rng, night=night, verdict=_verdict(rng, number))
        return len(_brief(study, ledger, night).encode())
    finally:
        ledger.close()


def _brief(study: Study, ledger: Ledger, night: int) -> str:
    trial = ledger.open_trial(night=night, parent_commit="0" * 40, researcher="codex", model=None)
    return Briefing(study, ledger).write(trial)


def _verdict(rng: random.Random, number: int) -> Verdict:
    draw = rng.random()
    if number == 0 or draw < KEPT_SHARE:
        return Verdict.KEEP
    return Verdict.CRASH if draw < KEPT_SHARE + CRASHED_SHARE else Verdict.DISCARD


def _add(ledger: Ledger, rng: random.Random, *, night: int, verdict: Verdict) -> None:
    trial = ledger.open_trial(
        night=night, parent_commit="0" * 40, researcher="codex", model=None
    ).number
    title, rationale = (" ".join(rng.choices(WORDS, k=count)) for count in (10, 80))
    ledger.record_proposal(
        trial, Draft(title, rationale), commit=f"{trial:040d}", tree=f"{trial:040d}"
    )
    run_id = ledger.begin_run(trial, from_state=State.PROPOSING)
    if verdict is Verdict.CRASH:
        reason = f"It ended with exit code 1: {rationale[:120]}"
        ledger.end_run(run_id, Run(Outcome.CRASH, {}, reason, 1, 10.0, 100))
        ledger.close_trial(trial, Judgement(verdict, reason))
        return
    value = rng.uniform(1.0, 2.0)
    ledger.end_run(run_id, Run(Outcome.MEASURED, {"loss": value}, "", 0, 300.0, 100))
    judgement = Judgement(verdict, f"loss = {value:.6g}.")
    if verdict is Verdict.KEEP:
        ledger.intend_keep(trial, judgement, value=value, size=DiffStat(3, 2))
        ledger.finish_keep(trial)
    else:
        ledger.close_trial(trial, judgement, value=value, size=DiffStat(3, 2))


def main() -> None:
    """Print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer trials")
    print(table(measure(quick=parser.parse_args().quick)))


if __name__ == "__main__":
    main()
