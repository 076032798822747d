"""The researcher: reads the clone and the history, turns a few dials, says why."""

from collections.abc import Iterable, Mapping

from pydantic import ValidationError

from overnight.errors import AgentCrashed, AgentMisconfigured, NothingLeft
from overnight.researchers.base import Assignment, ResearcherSettings
from overnight.researchers.drafts import clean_draft
from overnight.researchers.tune.literals import Value
from overnight.researchers.tune.memory import Memory, Point, details, recall
from overnight.researchers.tune.scan import Panel, scan, turn
from overnight.researchers.tune.search import Move, choose
from overnight.researchers.tune.space import Options, names
from overnight.types import Draft

_REPORT = "tune.txt"


class Tune:
    """Changes constants, guided by Optuna's TPE; needs no model and no key.

    It keeps nothing between calls: the constants tried stand in `Draft.details` and come back
    with the history.
    """

    def __init__(self, options: Options) -> None:
        self._options = options

    def propose(self, assignment: Assignment) -> Draft:
        """Turn a few dials in the clone.

        Raises:
            AgentMisconfigured: The options fit no constant, or there is none to tune.
            NothingLeft: Every point has been tried.
            AgentCrashed: The clone could not be read or written.
        """
        try:
            return self._propose(assignment)
        except OSError as error:
            raise AgentCrashed(f"tune could not work in its clone: {error}.") from error

    def _propose(self, assignment: Assignment) -> Draft:
        panel = scan(assignment.workspace, assignment.editable, self._options)
        (assignment.trial_dir / _REPORT).write_text(_report(panel), encoding="utf-8")
        memory = recall(
            assignment.history(),
            goal=assignment.objective.goal,
            incumbent=panel.point,
            commit=assignment.incumbent_commit,
        )
        self._check(panel, memory)
        move = choose(panel.dials, memory, seed=self._options.seed)
        if move is None:
            raise NothingLeft(
                f"tune has tried all {len(memory.spent)} points of its space.",
                fix="Give it wider ranges in [researcher.options], or another researcher.",
            )
        turn(assignment.workspace, _changes(panel.point, move))
        return _draft(panel.point, move)

    def _check(self, panel: Panel, memory: Memory) -> None:
        """Refuse options and clones that leave nothing to tune, before the first proposal."""
        if not memory.evidence:
            seen = {name.rpartition(":")[2] for name in (*panel.point, *panel.skipped)}
            for pattern in (*self._options.include, *self._options.ranges, *self._options.choices):
                if not any(names(pattern, name) for name in seen):
                    raise AgentMisconfigured(
                        f"[researcher.options] names {pattern}, which no editable file assigns.",
                        fix=f"Known constants: {', '.join(sorted(seen)) or 'none'}.",
                    )
        if not panel.dials:
            raise AgentMisconfigured(
                "tune finds no constant that it may change in the editable Python files.",
                fix="Assign settings at module level, as in LEARNING_RATE = 1e-3, or name them in "
                f"[researcher.options] include. {_REPORT} in the trial's folder says why each was "
                "left alone.",
            )


def create(settings: ResearcherSettings) -> Tune:
    """Make the researcher.

    Raises:
        AgentMisconfigured: An option is unknown or has an impossible value.
    """
    try:
        return Tune(Options.model_validate(settings.options or {}))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise AgentMisconfigured(
            f"[researcher.options] {where}: {first['msg']}.",
            fix=f"tune knows {', '.join(Options.model_fields)}.",
        ) from error


def _changes(incumbent: Point, move: Move) -> Mapping[str, Value]:
    return {name: value for name, value in move.point.items() if value != incumbent[name]}


def _draft(incumbent: Point, move: Move) -> Draft:
    changes = _changes(incumbent, move)
    labels = _labels(incumbent)
    title = ", ".join(
        f"{labels[name]} {_shown(incumbent[name])} -> {_shown(value)}"
        for name, value in changes.items()
    )
    return clean_draft(
        title,
        move.why,
        details=details(move.point, incumbent=incumbent, move=move.kind),
    )


def _labels(keys: Iterable[str]) -> Mapping[str, str]:
    """Names without their files, where that leaves no doubt."""
    bare = [name.rpartition(":")[2] for name in keys]
    return {
        name: short if bare.count(short) == 1 else name
        for name, short in zip(keys, bare, strict=True)
    }


def _shown(value: Value) -> str:
    plain = isinstance(value, str) and value.isprintable() and value
    return value if isinstance(value, str) and plain else repr(value)


def _report(panel: Panel) -> str:
    """What may be changed to what, and what is left alone and why."""
    lines = ["Tuned:"]
    for dial in panel.dials:
        rungs = ", ".join(map(_shown, dial.rungs))
        lines.append(f"  {dial.name} = {_shown(panel.point[dial.name])} of {rungs}")
    lines.append("Left alone:")
    lines += [f"  {name}: {why}" for name, why in panel.skipped.items()]
    return "\n".join(lines).encode("utf-8", "backslashreplace").decode() + "\n"
