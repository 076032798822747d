"""One arm: what it proposed, what came of it, what it took."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from statistics import fmean

from overnight.compare import blocks, nights
from overnight.compare.amounts import Amount, per, rate, total
from overnight.compare.records import ArmRecord, ArmTrial, Contest
from overnight.stats import Estimate
from overnight.types import Goal, Phases, Verdict


@dataclass(frozen=True, slots=True)
class Recorded:
    """What an arm's own record says, at the time when it was measured; means over its nights.

    The best of many noisy values is better than what it measures, and the machine may have changed
    since the start, so this is no basis for comparing arms.

    Attributes:
        gain: Of the best keep over the start; None without one of the two.
    """

    start: float | None
    best: float | None
    gain: float | None


@dataclass(frozen=True, slots=True)
class Spending:
    """What all turns of an arm took, those without a proposal included.

    Attributes:
        burnt_s: Device time of what was not kept.
    """

    device_s: Amount
    burnt_s: Amount
    agent_s: Amount
    wall_s: Amount
    tokens: Amount
    cost_usd: Amount


@dataclass(frozen=True, slots=True)
class ArmSummary:
    """One arm.

    Attributes:
        lost: Turns that came to no proposal.
        accepted: Proposals that the gate kept, whatever became of them later.
        standing: Those that still stand.
        accept_rate: Accepted by proposals, with its interval.
        final: Its nights' results as measured again, in the metric's unit.
        improvement: Their gain over the shared baseline in the same blocks.
        runs: Values behind `final`.
        failed_runs: Runs of the re-measurement that gave no value.
        mean_phases: Mean seconds of a turn, over those where they are known.
        gain_per_device_hour: `improvement` for each device hour of a night.
        gain_per_usd: Likewise for money.
    """

    name: str
    setup: str
    nights: int
    proposals: int
    lost: int
    verdicts: Mapping[Verdict, int]
    accepted: int
    standing: int
    accept_rate: Estimate | None
    recorded: Recorded
    final: Estimate | None
    improvement: Estimate | None
    runs: int
    failed_runs: int
    spending: Spending
    mean_phases: Phases
    gain_per_device_hour: Estimate | None
    gain_per_usd: Estimate | None


def summarise(contest: Contest, arm: ArmRecord) -> ArmSummary:
    """Everything about one arm."""
    proposals, count = arm.proposals, len(arm.repeats)
    accepted = sum(trial.verdict is Verdict.KEEP for trial in proposals)
    final = blocks.level(arm.reruns)
    contrast = blocks.contrast(contest.goal, arm.reruns, contest.baseline)
    improvement = contrast.interval() if contrast else None
    spent = _spending(arm.trials)
    runs = [rerun.value is not None for rerun in arm.reruns]
    return ArmSummary(
        name=arm.name,
        setup=nights.setup_of(arm),
        nights=count,
        proposals=len(proposals),
        lost=len(arm.trials) - len(proposals),
        verdicts=_verdicts(proposals),
        accepted=accepted,
        standing=sum(trial.kept for trial in proposals),
        accept_rate=rate(accepted, len(proposals)),
        recorded=recorded(contest.goal, arm),
        final=final.interval() if final else None,
        improvement=improvement,
        runs=sum(runs),
        failed_runs=len(runs) - sum(runs),
        spending=spent,
        mean_phases=_mean_phases(arm.trials),
        gain_per_device_hour=per(improvement, _of_a_night(spent.device_s, count, unit=3600.0)),
        gain_per_usd=per(improvement, _of_a_night(spent.cost_usd, count)),
    )


def recorded(goal: Goal, arm: ArmRecord) -> Recorded:
    """What the arm's own record says."""
    bests = {repeat: best_of(goal, arm, repeat) for repeat in arm.repeats}
    found = [best for best in bests.values() if best is not None]
    steps = [
        goal.gain(old=arm.starts[repeat], new=best)
        for repeat, best in bests.items()
        if best is not None and repeat in arm.starts
    ]
    return Recorded(
        start=fmean(arm.starts.values()) if arm.starts else None,
        best=fmean(found) if found else None,
        gain=fmean(steps) if steps else None,
    )


def best_of(goal: Goal, arm: ArmRecord, repeat: int) -> float | None:
    """The best value of a night among the start and what stands; None where nothing has one."""
    values = [
        trial.value
        for trial in arm.trials
        if trial.repeat == repeat and trial.kept and trial.value is not None
    ]
    values += [arm.starts[repeat]] if repeat in arm.starts else []
    return max(values, key=lambda value: goal.gain(old=0.0, new=value), default=None)


def _verdicts(proposals: Sequence[ArmTrial]) -> Mapping[Verdict, int]:
    """Counts in the order of the verdicts' definition, zeros left out."""
    counts = Counter(trial.verdict for trial in proposals)
    return {verdict: counts[verdict] for verdict in Verdict if counts[verdict]}


def _spending(trials: Sequence[ArmTrial]) -> Spending:
    return Spending(
        device_s=total(trial.device_s for trial in trials),
        burnt_s=total(trial.device_s for trial in trials if not trial.kept),
        agent_s=total(trial.agent_s for trial in trials),
        wall_s=total(trial.wall_s for trial in trials),
        tokens=total(trial.tokens for trial in trials),
        cost_usd=total(trial.cost_usd for trial in trials),
    )


def _mean_phases(trials: Sequence[ArmTrial]) -> Phases:
    means = {
        phase.name: total(getattr(trial.phases, phase.name) for trial in trials).mean
        for phase in fields(Phases)
    }
    return Phases(**means)


def _of_a_night(amount: Amount, count: int, *, unit: float = 1.0) -> float | None:
    return None if amount.whole is None or not count else amount.whole / (count * unit)
