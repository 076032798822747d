"""Reading a repository to propose its study file; nothing of the repository is executed."""

from collections.abc import Mapping

from overnight.discover.commands import Command, as_finding, find_measure, given_measure
from overnight.discover.findings import Certainty, Discovery, Finding, Given, Source, given
from overnight.discover.homes import find_home_paths
from overnight.discover.metrics import (
    Reported,
    choose_goal,
    choose_metric,
    find_claims,
    find_reported,
    suggest_constraint,
)
from overnight.discover.packaging import find_name, find_setup
from overnight.discover.prose import PROGRAM, Line, Permission, permissions, read_lines
from overnight.discover.scope import find_scope, stated_scope
from overnight.discover.timing import find_deadline

__all__ = ["Certainty", "Discovery", "Finding", "Given", "Source", "discover"]


def discover(files: Mapping[str, str], *, folder: str, settled: Given | None = None) -> Discovery:
    """Find what a study file needs in a repository's files.

    Args:
        files: Text by path relative to the top; see `overnight.discover.snapshot`.
        folder: The name of the directory that holds the repository.
        settled: What need not be looked for.
    """
    settled = settled or Given()
    lines = read_lines(files)
    said = permissions(files, lines)
    commands = _commands(files, lines, said, settled)
    entry = commands[0] if commands else None
    script = entry.script if entry is not None else None
    reported = find_reported(files, script, lines)
    claims = find_claims(lines, reported)
    metric = given(settled.metric) if settled.metric else choose_metric(reported, claims)
    editable, protected = find_scope(files, entry, said, settled)
    return Discovery(
        name=given(settled.name) if settled.name else find_name(files, folder),
        program=_find_program(files),
        metric=metric,
        goal=given(settled.goal) if settled.goal else choose_goal(metric, claims),
        reported=tuple(map(_as_finding, reported)),
        constraint=suggest_constraint(reported, metric, lines),
        editable=editable,
        protected=protected,
        setup=_find_setup(files, settled),
        measure=as_finding(commands),
        deadline_s=given(settled.deadline_s)
        if settled.deadline_s
        else find_deadline(files, script, lines),
        home_paths=find_home_paths(files),
    )


def _commands(
    files: Mapping[str, str], lines: list[Line], said: list[Permission], settled: Given
) -> list[Command]:
    if settled.measure is not None:
        return [given_measure(files, settled.measure)]
    editable = list(settled.editable) or [finding.value for finding in stated_scope(said)[0]]
    return find_measure(files, lines, editable)


def _find_setup(files: Mapping[str, str], settled: Given) -> Finding[str] | None:
    if settled.setup is None:
        return find_setup(files)
    return given(settled.setup) if settled.setup else None


def _find_program(files: Mapping[str, str]) -> Finding[str] | None:
    if PROGRAM not in files:
        return None
    return Finding(PROGRAM, "what the researcher reads", Certainty.STATED, Source(PROGRAM))


def _as_finding(metric: Reported) -> Finding[str]:
    return Finding(metric.name, "printed", Certainty.LIKELY, metric.source)
