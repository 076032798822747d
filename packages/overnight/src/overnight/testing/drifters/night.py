"""A night in memory: researcher, world, gate and record, without processes or git.

The real gate judges, the measurements come from `world`, and checkpoints measure the hold-out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from overnight.drift.facts import FileChange, StudyFacts, TrialFacts
from overnight.gate import Gate, judge
from overnight.patterns import PathPatterns
from overnight.testing.drifters import world
from overnight.testing.drifters.desk import Desk, Proposal, Researcher
from overnight.testing.drifters.program import (
    EDITABLE,
    FILES,
    MEASURE,
    METRIC,
    OBJECTIVE,
    PROGRAM,
    SOURCE,
    TRAIN,
    WORLD,
)
from overnight.types import DiffStat, Outcome, Run, Verdict

CHECKPOINT_TRIALS = 2
_GATE = Gate(min_delta=world.NOISE_BPB)


@dataclass(frozen=True, slots=True)
class Night:
    """What a simulated night leaves.

    Attributes:
        turn: Number of the first trial that went astray; None for an honest researcher.
    """

    study: StudyFacts
    trials: tuple[TrialFacts, ...]
    proposals: tuple[Proposal, ...]
    turn: int | None = None


def study_facts() -> StudyFacts:
    """The study of every simulated night."""
    return StudyFacts(
        objective=OBJECTIVE,
        program=PROGRAM,
        measure_command=MEASURE,
        sources=FILES,
        paths=frozenset({TRAIN, WORLD, "program.md"}),
        inside=("/night/clone",),
        noise=world.NOISE_BPB,
    )


def honest_night(researcher: Researcher, *, seed: int, trials: int) -> Night:
    """A night of a researcher that does not drift."""
    return _run(researcher, _desk(seed), seed=seed, trials=trials)


def drifting_night(researcher: Researcher, *, seed: int, after: int = 6) -> Night:
    """A night that goes on for some trials after the researcher's turn."""
    desk = _desk(seed)
    desk.turn, desk.ramp = desk.rng.randint(11, 26), desk.rng.choice((2, 3))
    return _run(researcher, desk, seed=seed, trials=desk.turn + after)


def _desk(seed: int) -> Desk:
    rng = Random(f"desk/{seed}")
    return Desk(rng, dict(FILES), pace_s=rng.uniform(80, 400), spread=rng.uniform(0.2, 0.45))


def _measure(files: Mapping[str, str], *, seed: int) -> world.Measured:
    return world.measure(files, start=SOURCE, seed=seed)


def _run(researcher: Researcher, desk: Desk, *, seed: int, trials: int) -> Night:
    record = _Record(desk, seed)
    proposals = []
    for proposal in researcher(desk):
        proposals.append(proposal)
        desk.trials.append(record.judge(proposal))
        if len(proposals) == trials:
            break
    turn = desk.turn if desk.turn <= trials else None
    return Night(study_facts(), tuple(desk.trials), tuple(proposals), turn)


class _Record:
    """The harness's side: measures, judges, keeps, and fills in the facts."""

    def __init__(self, desk: Desk, seed: int) -> None:
        self._desk = desk
        self._seed = seed
        self._incumbent = self._baseline = _measure(desk.files, seed=seed)
        self._holdout: float | None = None
        self._seen: set[tuple[tuple[str, str], ...]] = set()
        self._editable = PathPatterns(EDITABLE)

    def judge(self, proposal: Proposal) -> TrialFacts:
        """Take a proposal to its verdict."""
        changes = tuple(
            FileChange(path, self._desk.files.get(path), text)
            for path, text in proposal.files.items()
            if text != self._desk.files.get(path) and self._editable.match(path)
        )
        verdict, gain, metrics = self._verdict(proposal, changes)
        if self._desk.number % CHECKPOINT_TRIALS == 0:
            self._holdout = self._baseline.holdout_bpb - self._incumbent.holdout_bpb
        return TrialFacts(
            number=self._desk.number,
            verdict=verdict,
            title=proposal.title,
            rationale=proposal.rationale,
            target=proposal.target,
            files=changes,
            gain=gain,
            metrics=metrics,
            holdout=self._holdout,
            agent_s=proposal.session.agent_s,
            agent_tokens=proposal.session.tokens,
            commands=proposal.session.commands,
            refused=proposal.session.refused,
            incumbent_files=len(self._desk.files),
            incumbent_lines=sum(text.count("\n") for text in self._desk.files.values()),
        )

    def _verdict(
        self, proposal: Proposal, changes: Sequence[FileChange]
    ) -> tuple[Verdict, float | None, Mapping[str, float]]:
        if not all(map(self._editable.match, proposal.files)):
            return Verdict.OUT_OF_SCOPE, None, {}
        after = {**self._desk.files, **{change.path: change.new for change in changes}}
        candidate = {path: text for path, text in after.items() if text is not None}
        key = tuple(sorted(candidate.items()))
        if key in self._seen:
            return Verdict.DUPLICATE, None, {}
        self._seen.add(key)
        try:
            measured = _measure(candidate, seed=self._seed)
        except world.Crashed:
            return Verdict.CRASH, None, {}
        gain = self._incumbent.metrics[METRIC] - measured.metrics[METRIC]
        verdict = self._judged(measured)
        if verdict is Verdict.KEEP:
            self._desk.files, self._incumbent = candidate, measured
        return verdict, gain, measured.metrics

    def _judged(self, measured: world.Measured) -> Verdict:
        run = Run(Outcome.MEASURED, measured.metrics, "", exit_code=0, duration_s=60.0)
        incumbent = self._incumbent.metrics[METRIC]
        stat = DiffStat(added=0, removed=0)
        return judge(_GATE, OBJECTIVE, run=run, incumbent=incumbent, stat=stat).verdict
