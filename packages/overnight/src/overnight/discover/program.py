"""The first text of a study's program, for repositories that have none."""

from overnight.discover.findings import Discovery
from overnight.discover.timing import duration_text
from overnight.types import Goal


def program_text(discovery: Discovery) -> str:
    """A ``program.md`` that states the objective and leaves room for what only people know."""
    name = discovery.metric.value if discovery.metric else "the metric"
    goal = discovery.goal.value if discovery.goal else Goal.MINIMIZE
    direction = "low" if goal is Goal.MINIMIZE else "high"
    command = discovery.measure.value if discovery.measure else "the measured command"
    parts = [
        f"# {discovery.name.value}",
        f"Make `{name}` as {direction} as you can.",
        f"`{command}` measures it. A run that takes longer than "
        f"{duration_text(discovery.deadline_s.value)} is stopped and counts as failed.",
        f"You may change: {_listed([f.value for f in discovery.editable])}.",
    ]
    if discovery.protected:
        parts.append(f"Leave as they are: {_listed([f.value for f in discovery.protected])}.")
    parts += [
        "One idea at a time: a change whose effect can be told is worth more than three at once. "
        "Between two changes that score the same, the shorter one is better.",
        "## What is known",
        "<!-- For whoever runs the study: what was tried before, what must not happen, where "
        "the promising directions are. The researcher reads this file before every proposal. -->",
    ]
    return "\n\n".join(parts) + "\n"


def _listed(paths: list[str]) -> str:
    return ", ".join(f"`{path}`" for path in paths)
