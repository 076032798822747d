"""What a researcher is told before it proposes: bounded in size however long the history is."""

from collections.abc import Sequence
from dataclasses import dataclass

from overnight.durations import format_duration
from overnight.types import Objective, PastTrial, Verdict

BEST, LATEST, DEAD_ENDS = 10, 15, 25
_MOST_PROGRAM_CHARACTERS = 24_000
_MOST_LINE_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class BriefFacts:
    """Everything that a brief says.

    Attributes:
        kept: The latest kept trials, oldest first; at most `BEST` are told.
        latest: The latest trials of any verdict, oldest first; at most `LATEST` are told.
        dead_ends: Discarded trials before those, newest first; at most `DEAD_ENDS` are told.
    """

    trial: int
    program: str
    objective: Objective
    editable: Sequence[str]
    protected: Sequence[str]
    measure_command: str
    measure_deadline_s: float
    baseline: PastTrial
    incumbent: PastTrial
    kept: Sequence[PastTrial] = ()
    latest: Sequence[PastTrial] = ()
    dead_ends: Sequence[PastTrial] = ()
    trials_so_far: int = 0


def write_brief(facts: BriefFacts) -> str:
    """The brief as Markdown."""
    sections = [
        f"# Trial {facts.trial}",
        _objective(facts),
        _section("The program", _clip_program(facts.program)),
        _state(facts),
        _section("Kept so far", _lines(facts.kept[-BEST:], facts.objective)),
        _section("Latest trials", _lines(facts.latest[-LATEST:], facts.objective)),
        _section(
            "Earlier ideas that did not help",
            _lines(facts.dead_ends[:DEAD_ENDS], facts.objective),
        ),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _objective(facts: BriefFacts) -> str:
    objective = facts.objective
    lines = [
        f"Make one change that should {objective.goal} `{objective.metric}`. It is measured by",
        f"`{one_line(facts.measure_command)}` within {format_duration(facts.measure_deadline_s)},",
        "by the harness, after you have ended: you need not run it, and your own numbers do not",
        "count. Leave the files as you want them measured; commits of your own are not needed.",
        "",
        f"- You may change: {_patterns(facts.editable)}",
    ]
    if facts.protected:
        lines.append(f"- You must not change: {_patterns(facts.protected)}")
    lines += [f"- It must hold that `{constraint}`" for constraint in objective.constraints]
    return _section("The objective", "\n".join(lines))


def _state(facts: BriefFacts) -> str:
    metric, incumbent = facts.objective.metric, facts.incumbent
    lines = [f"- Baseline: {metric} = {_value(facts.baseline)}"]
    if incumbent.number == 0:
        lines.append("- Nothing has been kept yet; your clone is the baseline.")
    else:
        lines.append(
            f"- Incumbent: {metric} = {_value(incumbent)} (trial {incumbent.number},"
            f" {one_line(incumbent.title)}); your clone is at this commit."
        )
    lines.append(f"- Trials so far: {facts.trials_so_far}")
    return _section("Where it stands", "\n".join(lines))


def _lines(trials: Sequence[PastTrial], objective: Objective) -> str:
    return "\n".join(_line(trial, objective) for trial in trials)


def _line(trial: PastTrial, objective: Objective) -> str:
    value = "" if trial.value is None else f" {objective.metric}={trial.value:.6g}"
    reason = "" if trial.verdict in (Verdict.KEEP, Verdict.DISCARD) else f" ({trial.reason})"
    return one_line(f"- {trial.number} {trial.verdict}{value}: {trial.title}{reason}")


def _value(trial: PastTrial) -> str:
    return "unknown" if trial.value is None else f"{trial.value:.6g}"


def _patterns(patterns: Sequence[str]) -> str:
    return ", ".join(f"`{pattern}`" for pattern in patterns)


def _section(title: str, body: str) -> str:
    return f"## {title}\n\n{body}" if body else ""


def _clip_program(text: str) -> str:
    if len(text) <= _MOST_PROGRAM_CHARACTERS:
        return text.strip()
    return text[:_MOST_PROGRAM_CHARACTERS].strip() + "\n\n(The program goes on in its file.)"


def one_line(text: str, *, most_characters: int = _MOST_LINE_CHARACTERS) -> str:
    """Foreign text as one clipped line without control characters."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= most_characters else line[: most_characters - 1] + "…"
