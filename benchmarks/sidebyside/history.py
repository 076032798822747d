"""Earlier trials as both harnesses would have left them: records, logs, commits and refs."""

import json
from datetime import UTC, datetime

from overnight.layout import Layout
from overnight.ledger.records import Attempt
from overnight.ledger.store import Ledger
from overnight.types import (
    DiffStat,
    Draft,
    Judgement,
    Outcome,
    Run,
    State,
    Usage,
    Verdict,
)
from sidebyside.harnesses import LEDGER, Labloop, Overnight
from sidebyside.workload import EDITED, METRIC, git

TAIL = ("epoch 12 loss 3.1415 tokens/s 123456 " * 120)[:4000]


def lengthen_overnight(harness: Overnight, trials: int) -> None:
    """Add discarded trials through the ledger's own methods, each with its commit and its log."""
    layout = Layout(harness.root)
    commits = _commit_proposals(harness, trials)
    ledger = Ledger(layout.ledger)
    baseline = ledger.study.baseline_commit
    night, session = ledger.begin_session()
    for commit, tree in commits:
        trial = ledger.open_trial(
            night=night, parent_commit=baseline, researcher="command", model=None
        )
        attempt = Attempt("proposal", "", datetime.now(UTC), 60.0, Usage())
        ledger.record_attempt(trial.number, attempt)
        draft = Draft(f"idea {trial.number}", "Because it may help. " * 20)
        ledger.record_proposal(trial.number, draft, commit=commit, tree=tree)
        run = ledger.begin_run(trial.number, from_state=State.PROPOSING)
        ledger.end_run(run, Run(Outcome.MEASURED, {METRIC: 1.0}, "", 0, 300.0, len(TAIL)))
        judgement = Judgement(Verdict.DISCARD, f"{METRIC} = 1 does not beat 1.")
        ledger.close_trial(trial.number, judgement, value=1.0, size=DiffStat(1, 1))
        directory = layout.trial(trial.number)
        directory.mkdir(parents=True)
        (directory / "output.log").write_text(TAIL, encoding="utf-8")
    ledger.end_session(session, active_s=1.0, end_night="filled")
    ledger.close()


def lengthen_labloop(harness: Labloop, trials: int) -> None:
    """Add reverted trials as rows of its JSON Lines file, with tails of its own length."""
    row = {
        "outcome": "reverted",
        "metric": 1.0,
        "incumbent": 1.0,
        "duration_seconds": 300.0,
        "commit": None,
        "note": "",
        "stdout_tail": TAIL,
        "harness": None,
        "direction": "main",
    }
    path = harness.root / LEDGER
    first = path.read_text(encoding="utf-8").count('"outcome"')
    with path.open("a", encoding="utf-8") as file:
        for index in range(first, first + trials):
            file.write(json.dumps(row | {"index": index}, sort_keys=True) + "\n")


def _commit_proposals(harness: Overnight, trials: int) -> list[tuple[str, str]]:
    """Commit and tree of so many proposals, as loose objects under refs of their own."""
    stream = []
    first = 2  # after the baseline and one real trial
    for number in range(first, first + trials):
        content = f"earlier {number}\n"
        stream.append(
            f"commit refs/overnight/bench/trials/{number:04d}\nmark :{number}\n"
            f"committer overnight <overnight@localhost> 1700000000 +0000\ndata 4\nidea\n"
            f"from refs/heads/overnight/bench^0\nM 100644 inline {EDITED}\n"
            f'data {len(content)}\n{content}\nget-mark :{number}\nls :{number} ""\n'
        )
    loose = ("-c", f"fastimport.unpackLimit={10 * trials}")
    answer = git(harness.root, *loose, "fast-import", "--quiet", stdin="".join(stream).encode())
    lines = answer.decode().splitlines()
    trees = [line.split()[2] for line in lines[1::2]]
    return list(zip(lines[::2], trees, strict=True))
