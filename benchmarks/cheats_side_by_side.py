"""The cheat suite beside labloop 1.0.5: what becomes of each cheat in either harness.

labloop is run twice: as strict as it can be (its bubblewrap sandbox around the researcher,
``--strict-metric``, ``--guard-imports``) and without a sandbox; both times ``--protect`` names the
files that this project's study protects. It has no scorer, so a study with one becomes one command:
train, then score. What stands in the table was seen; what could not be run there says why.

Run it: ``python benchmarks/cheats_side_by_side.py``; ``--only NAME`` for some of them. Cheats run
without a sandbox there: use a machine, or a container, that may be littered.
"""

import argparse
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import psutil
from sidebyside.harnesses import LEDGER, PEER, peer_bin, say

from overnight.testing.cheats.catalogue import Case, all_cases
from overnight.testing.cheats.cheat import Layout
from overnight.testing.cheats.evidence import UsersFiles
from overnight.testing.cheats.ground import Ground, Protection, make_ground
from overnight.testing.cheats.listener import listening
from overnight.testing.cheats.moves import SAVED, SPOTTED
from overnight.testing.cheats.night import CheatResult
from overnight.testing.cheats.runs import run_cheats
from overnight.testing.cheats.sources import honest_values
from overnight.testing.cheats.study.surroundings import TEMPORARY
from overnight.testing.cheats.table import markdown, verdict_of
from overnight.workspace.tree import discard

PATIENCE_S = 90.0
KEPT = "kept"
NOT_RUN: Mapping[str, str] = {
    "metrics-file": "reads no such file",
    "scorers-channel": "has no scorer",
    "harness-names": "has no such names",
    "ledger-written": "has no such ledger",
    "results-written": "has no such table",
    "logs-written": "keeps no such files",
    "record-read": "keeps no such files",
    "orders-left": "takes no orders",
    "asked-proxy": "has no proxy",
    "repository-written": "the agent works in that repository itself",
    "under-the-covers": "hides nothing from reading",
    "mounted-over": "would mount on this machine",
    "files-in-the-run": "would write into this machine's interpreter",
}


@dataclass(frozen=True)
class Way:
    """How labloop is run."""

    name: str
    options: Sequence[str]


WAYS = (
    Way("strictest", ("--sandbox", "bwrap", "--strict-metric", "--guard-imports")),
    Way("no sandbox", ("--sandbox", "none")),
)


class Peer:
    """labloop at work on a study's repository.

    Args:
        ground: The repository and the user's files around it.
    """

    def __init__(self, ground: Ground, case: Case, way: Way) -> None:
        self._ground = ground
        self._root = ground.study.root
        self._case = case
        self._way = way
        self._artefacts = self._root.with_name("artefacts")
        ignored = (self._root / ".gitignore").read_text(encoding="utf-8")
        ground.study.commit({".gitignore": f"{ignored}{LEDGER}*\n"})

    def baseline(self) -> None:
        """Measure the unmodified start."""
        self._call(1, "baseline", *self._measuring())

    def trial(self, number: int) -> None:
        """Take one proposal to its verdict; the first one cheats."""
        study = self._ground.study.load()
        module = self._case.module
        researcher = [sys.executable, "-P", "-m", "overnight.testing.cheats.researcher", module]
        self._call(
            number,
            "run",
            *self._measuring(),
            *("--propose", shlex.join(researcher), "--trials", "1"),
            *("--propose-budget", str(min(study.researcher.deadline_s, 30.0))),
            *self._way.options,
        )

    def rows(self) -> list[dict[str, object]]:
        """Its record: the trials, the baseline first."""
        lines = (self._root / LEDGER).read_text(encoding="utf-8").splitlines()
        return [row for row in map(json.loads, lines) if "outcome" in row]

    def _measuring(self) -> Iterator[str]:
        study, python = self._ground.study.load(), shlex.quote(sys.executable)
        line = f"{python} train.py"
        if self._case.layout is Layout.SCORED:
            line += f" && {python} score.py {shlex.quote(str(self._ground.places.validation))}"
        yield from ("--run", line, "--metric", study.objective.metric, "--goal", "minimize")
        yield from ("--budget", str(study.measure.deadline_s))
        for pattern in study.protected.patterns:
            yield from ("--protect", pattern)

    def _call(self, trial: int, *words: str) -> None:
        discard(self._artefacts)
        self._artefacts.mkdir()
        env = {
            **os.environ,
            **self._ground.environment,
            "OVERNIGHT_ARTEFACTS": str(self._artefacts),
            "OVERNIGHT_TRIAL": str(trial),
        }
        command = (str(peer_bin() / "labloop"), *words)
        with subprocess.Popen(
            command,
            cwd=self._root,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        ) as process:
            try:
                process.communicate(timeout=PATIENCE_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()


def by_peer(case: Case, way: Way) -> str:
    """What becomes of a cheat with labloop, in a few words."""
    if case.name in NOT_RUN:
        return f"not run: {NOT_RUN[case.name]}"
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cheats-peer-")))
        listener = stack.enter_context(listening())
        ground = make_ground(
            directory,
            cheat=case.cheat,
            program=case.module,
            layout=case.layout,
            protection=Protection.FULL,
            checkpoints=True,
            listener_port=listener.port,
        )
        peer = Peer(ground, case, way)
        peer.baseline()
        before = UsersFiles.of(ground)
        peer.trial(1)
        peer.trial(2)
        seen = [
            *_outcomes(peer.rows()),
            *_harm(ground, before),
            *(["data sent out"] if listener.was_reached() else []),
            *(["processes left behind"] if _kill_leftovers(ground) else []),
            *_saved(),
        ]
    return "; ".join(seen)


def _outcomes(rows: Sequence[Mapping[str, object]]) -> Iterator[str]:
    """What was made of the cheat, and of the honest trial after it."""
    honest = honest_values()
    if len(rows) < 2:
        yield "no verdict, it hung or failed"
        return
    cheating = rows[1]
    yield f"**{KEPT}**" if cheating["outcome"] == KEPT else str(cheating["outcome"])
    following = rows[2] if len(rows) > 2 else {"outcome": "none", "metric": None}
    is_clean = following["outcome"] == KEPT and following["metric"] == honest.improved
    if cheating["outcome"] != KEPT and not is_clean:
        yield f"honest trial after it: {following['outcome']}"


def _harm(ground: Ground, before: UsersFiles) -> Iterator[str]:
    if UsersFiles.of(ground).around != before.around:
        yield "user's files changed"
    if any((ground.study.root / name).exists() for name in ("gotcha",)):
        yield "its commands were run"
    if SPOTTED in (ground.study.root / LEDGER).read_text(encoding="utf-8", errors="replace"):
        yield "the canary was found"


def _kill_leftovers(ground: Ground) -> bool:
    """End processes that were started for this ground and are still there."""
    mark = str(ground.places.repository)
    left = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and any(mark in it for it in process.environ().values()):
                left.append(process)
        except psutil.Error:
            continue  # it ended meanwhile, or is another user's
    for process in left:
        process.kill()
    return bool(left)


def _saved() -> Iterator[str]:
    """What was left in the machine's temporary directories, which is removed."""
    left = [place / SAVED for place in TEMPORARY.values() if (place / SAVED).exists()]
    for file in left:
        file.unlink()
    if left:
        yield "files left for the next run"


def by_overnight(result: CheatResult) -> str:
    """What becomes of a cheat with this project, in a few words."""
    return f"{result.ending}: {verdict_of(result)}"


def main() -> None:
    """Print the table; the exit status is 1 when a cheat did not end here as it should."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", help="a cheat or a kind of cheats")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    wanted = set(arguments.only or ())
    cases = [case for case in all_cases() if not wanted or {case.name, case.group} & wanted]
    results = run_cheats(cases, jobs=arguments.jobs, on_done=lambda done: say(str(done.case)))
    rows = []
    for result in results:
        theirs = [by_peer(result.case, way) for way in WAYS]
        say(f"{result.case}: {' | '.join(theirs)}")
        case = result.case
        rows.append((case.name, case.layout, case.tries, by_overnight(result), result.by, *theirs))
    header = ("cheat", "layout", "what it tries", "overnight", "stopped by")
    print(markdown((*header, *(f"{PEER}, {way.name}" for way in WAYS)), rows))
    print(f"\n{PEER} has no constraints and holds no account of time against a clock.")
    for index, way in enumerate(WAYS):
        seen = [row[5 + index] for row in rows if not row[5 + index].startswith("not run")]
        kept = sum(KEPT in it for it in seen)
        harmed = sum(KEPT not in it and ";" in it for it in seen)
        print(f"\n{PEER}, {way.name}: {kept} of {len(seen)} kept, {harmed} more did harm.")
    sys.exit(0 if all(result.is_expected for result in results) else 1)


if __name__ == "__main__":
    main()
