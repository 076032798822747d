"""The rule that turns a measurement into a verdict: values in, a judgement out."""

from dataclasses import dataclass

from overnight.types import DiffStat, Judgement, Objective, Outcome, Run, Ties, Verdict

_UNMEASURED = {
    Outcome.CRASH: Verdict.CRASH,
    Outcome.TIMEOUT: Verdict.TIMEOUT,
    Outcome.OUT_OF_MEMORY: Verdict.OUT_OF_MEMORY,
    Outcome.TOO_MANY_PROCESSES: Verdict.TOO_MANY_PROCESSES,
    Outcome.OUT_OF_DISK: Verdict.OUT_OF_DISK,
    Outcome.NO_METRIC: Verdict.NO_METRIC,
    Outcome.TAMPERED: Verdict.TAMPERED,
    Outcome.INTERRUPTED: Verdict.INTERRUPTED,
}


@dataclass(frozen=True, slots=True)
class Gate:
    """What it takes to be kept.

    Attributes:
        ties: What becomes of a candidate exactly as good as the incumbent.
        min_delta: Least gain that counts, in the metric's unit; a smaller one is a discard.
    """

    ties: Ties = Ties.DISCARD
    min_delta: float = 0.0


def judge(
    gate: Gate, objective: Objective, *, run: Run, incumbent: float, stat: DiffStat
) -> Judgement:
    """Judge a candidate's run against the incumbent: constraints, objective, then simplicity.

    Args:
        incumbent: The incumbent's value of the objective.
        stat: Lines that the candidate adds to and removes from the incumbent.
    """
    if run.outcome is not Outcome.MEASURED:
        return Judgement(_UNMEASURED[run.outcome], run.reason)
    broken = broken_constraints(objective, run)
    if broken:
        return Judgement(Verdict.VIOLATION, "; ".join(broken) + ".")
    value = run.metrics[objective.metric]
    gain = objective.goal.gain(old=incumbent, new=value)
    story = f"{objective.metric} {incumbent:.6g} -> {value:.6g}"
    if gain == 0:
        return _judge_tie(gate, story, stat)
    if gain < 0:
        return Judgement(Verdict.DISCARD, f"{story}: worse by {-gain:.3g}.")
    if gain < gate.min_delta:
        return Judgement(
            Verdict.DISCARD,
            f"{story}: better by {gain:.3g}, less than min_delta {gate.min_delta:g}.",
        )
    return Judgement(Verdict.KEEP, f"{story}: better by {gain:.3g}.")


def broken_constraints(objective: Objective, run: Run) -> list[str]:
    """A sentence for each constraint that a measured run does not satisfy."""
    return [
        f"{constraint} does not hold: it is {run.metrics[constraint.metric]:g}"
        for constraint in objective.constraints
        if not constraint.holds(run.metrics[constraint.metric])
    ]


def _judge_tie(gate: Gate, story: str, stat: DiffStat) -> Judgement:
    size = f"+{stat.added} -{stat.removed} lines"
    match gate.ties:
        case Ties.KEEP:
            return Judgement(Verdict.KEEP, f"{story}: a tie, and ties are kept.")
        case Ties.SIMPLER if stat.removed > stat.added:
            return Judgement(Verdict.KEEP, f"{story}: a tie, and simpler ({size}).")
        case Ties.SIMPLER:
            return Judgement(Verdict.DISCARD, f"{story}: a tie, and not simpler ({size}).")
        case _:
            return Judgement(Verdict.DISCARD, f"{story}: a tie.")
