"""The measured command: that it starts, reports, keeps to its limits, and can be ended."""

from collections.abc import Iterator

from overnight.doctor.asking import probe_line
from overnight.doctor.check import Group, Result, checks, failed, ok, skipped, warning
from overnight.doctor.patient import Patient
from overnight.doctor.prompts import Prompt, find_prompts
from overnight.doctor.words import sentence, size
from overnight.durations import format_duration
from overnight.gate import broken_constraints
from overnight.processes.leftovers import kill_marked
from overnight.processes.supervisor import EndedBy
from overnight.types import Outcome

_SHARE_OF_DEADLINE = 0.8
_SHARE_OF_OUTPUT = 0.5
_SHORT_S = 1.0


def prompts(patient: Patient) -> Result:
    """Nothing in the code waits for a person, or for an account that is not there inside."""
    return judge_prompts(list(_prompts(patient)))


def judge_prompts(found: list[Prompt]) -> Result:
    """What code that asks people means for a run that nobody sees."""
    if not found:
        return ok("Nothing in the code asks for a login or for input.")
    return warning(found[0].finding, fix=found[0].fix, details=[it.finding for it in found[1:]])


def deadline_kills(patient: Patient) -> Result:
    """At its deadline a command ends with all that it has started, whatever it does."""
    told = patient.ward.run(probe_line("stubborn"), name="stubborn", deadline_s=_SHORT_S)
    left = kill_marked(patient.ward.marker)
    if told.ending.ended_by is not EndedBy.DEADLINE or "two are left" not in told.text:
        why = told.failure.reason if told.failure else "it ended by itself"
        return failed(
            sentence(f"A command that never ends was to be killed after a second, but: {why}"),
            fix="See the last lines.",
            details=told.last_lines,
        )
    if left:
        return failed(
            f"{left} processes outlived the deadline of their command.",
            fix="Use Linux 5.3 or newer with /proc mounted; they were ended now.",
        )
    took = format_duration(told.ending.duration_s)
    return ok(
        f"A command with a daemon that ignores SIGTERM was gone {took} after its start, at a"
        f" deadline of {format_duration(_SHORT_S)}."
    )


def baseline(patient: Patient) -> Result:
    """The unmodified start can be measured, exactly as a night does it."""
    run, objective = patient.measured.first.run, patient.study.objective
    broken = broken_constraints(objective, run)
    if broken:
        return failed(
            f"The baseline breaks a constraint: {'; '.join(broken)}.",
            fix="Correct metric.constraints, or the program.",
        )
    metric = objective.metric
    return ok(
        f"{metric} = {run.metrics[metric]:.6g}, measured in {format_duration(run.duration_s)}."
    )


def duration(patient: Patient) -> Result:
    """A run is done well before its deadline."""
    run, allowed_s = patient.measured.first.run, patient.study.measure.deadline_s
    told = f"A run takes {format_duration(run.duration_s)} of {format_duration(allowed_s)}"
    if run.duration_s > _SHARE_OF_DEADLINE * allowed_s:
        return warning(
            f"{told}, so slower ideas time out.",
            fix=f'Write measure.deadline = "{format_duration(2 * run.duration_s)}".',
        )
    return ok(f"{told}.")


def report(patient: Patient) -> Result:
    """The metric is reported once, so that it is clear which report counts."""
    if patient.study.score is not None:
        return ok("The scorer reports the metric, and nothing that the run prints can be it.")
    sample, metric = patient.measured.first, patient.study.objective.metric
    times = sample.counts.get(metric, 0)
    if times > 1:
        return warning(
            f"The run prints {metric} {times} times; the last one counts, and strict mode takes"
            " none.",
            fix="Print it once, at the end; give values on the way another name.",
        )
    return ok(f"The run reports {metric} once.")


def output(patient: Patient) -> Result:
    """What a run prints fits into what is kept of it."""
    printed = patient.measured.first.run.output_bytes
    kept = patient.study.measure.output_mb * 2**20
    told = f"A run prints {size(printed)}; {size(kept)} are kept"
    if printed > _SHARE_OF_OUTPUT * kept:
        return warning(
            f"{told}, of more the middle is lost.", fix="Print less, or raise measure.output_mb."
        )
    return ok(f"{told}.")


def holdout(patient: Patient) -> Result:
    """The hold-out's command scores the baseline."""
    if patient.study.holdout is None:
        return skipped("The study has no hold-out.")
    run = patient.measured.hold_out()
    name = patient.ward.measuring.holdout_metric
    if run.outcome is not Outcome.MEASURED:
        return failed(
            sentence(f"The hold-out cannot be scored: {run.reason}"),
            fix="Mend holdout.command or holdout.files.",
        )
    return ok(f"The hold-out's {name} = {run.metrics[name]:.6g}.")


def noise(patient: Patient) -> Result:
    """Runs of the same commit differ by less than what counts as a gain."""
    first = patient.measured.first
    samples = [first, *patient.measured.more(patient.wishes.repeat - 1)]
    metric = patient.study.objective.metric
    values = [sample.run.metrics[metric] for sample in samples if metric in sample.run.metrics]
    if len(samples) < 2:
        return skipped("It takes more than one run.", fix="Ask for them with --repeat 3.")
    return judge_noise(values, runs=len(samples), min_delta=patient.study.gate.min_delta)


def judge_noise(values: list[float], *, runs: int, min_delta: float) -> Result:
    """Whether the gate can tell a gain from the luck of a run.

    Args:
        values: Of the metric, of runs of the same commit.
        runs: How many were made.
        min_delta: The least gain that is kept.
    """
    if len(values) < runs:
        return failed(
            f"Only {len(values)} of {runs} runs of the same commit could be measured.",
            fix="Find out what differs: `overnight doctor --only run.baseline`, a few times.",
        )
    spread = max(values) - min(values)
    told = f"{runs} runs of the same commit lie within {spread:.3g}"
    if spread > min_delta:
        return warning(
            f"{told}, and a gain of more than {min_delta:g} is kept, so luck can be.",
            fix=f"Write gate.min_delta = {1.5 * spread:.2g}, or seed the run.",
        )
    return ok(f"{told}.")


CHECKS = (
    *checks(Group.RUN, prompts, deadline_kills),
    *checks(Group.RUN, baseline, duration, report, output, holdout, noise, slow=True),
)


def _prompts(patient: Patient) -> Iterator[Prompt]:
    study = patient.study
    variables = {*patient.ward.surroundings["variables"], *study.measure.env}
    for path in patient.files:
        if path.endswith(".py"):
            yield from find_prompts(
                path,
                patient.text(path),
                variables=variables,
                has_network=study.measure.network != "off",
            )
