r"""A researcher that makes the proposals it was given: for tests, demonstrations and drills.

From Python, give it a list of steps. From a study file, name files to write::

    [researcher]
    kind = "scripted"

    [[researcher.options.steps]]
    title = "a smaller step"
    write = { "train.py" = "LEARNING_RATE = 0.01\n" }
    delete = ["notes.txt"]
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from overnight.errors import AgentMisconfigured, NothingLeft, ResearcherError
from overnight.researchers.base import Assignment, ResearcherSettings
from overnight.researchers.drafts import clean_draft
from overnight.types import Draft, JsonValue, Usage


@dataclass(frozen=True, slots=True)
class Step:
    """One proposal.

    Attributes:
        edits: New content by path in the clone.
        deletions: Paths to delete.
        action: Anything else to do in the clone, given its root.
        error: Raised in the end, in place of making a proposal.
    """

    title: str
    edits: Mapping[str, str] = field(default_factory=dict)
    deletions: Sequence[str] = ()
    action: Callable[[Path], object] | None = None
    rationale: str = ""
    details: Mapping[str, JsonValue] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    error: ResearcherError | None = None


class Scripted:
    """Makes one step per proposal, beginning where the history says that it stopped.

    Args:
        steps: The proposals in order; after the last, nothing is left.
    """

    def __init__(self, steps: Sequence[Step]) -> None:
        self._steps = tuple(steps)

    def propose(self, assignment: Assignment) -> Draft:
        """Make the step of this trial's number; trial 1 makes the first.

        Raises:
            NothingLeft: Every step has been made.
            AgentMisconfigured: The step does not fit the clone.
            ResearcherError: The step is to fail.
        """
        made = sum(past.number > 0 for past in assignment.history())  # an arm's own alone
        if made >= len(self._steps):
            raise NothingLeft("Every scripted step has been made.")
        step = self._steps[made]
        try:
            _edit(assignment.workspace, step)
        except OSError as error:
            raise AgentMisconfigured(f"The step {step.title!r} does not fit: {error}.") from error
        if step.action is not None:
            step.action(assignment.workspace)
        if step.error is not None:
            raise step.error
        return clean_draft(step.title, step.rationale, details=step.details, usage=step.usage)


def _edit(workspace: Path, step: Step) -> None:
    for path, content in step.edits.items():
        target = workspace / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, encoding="utf-8")
    for path in step.deletions:
        (workspace / path).unlink()


def _inside(path: str) -> str:
    if Path(path).is_absolute() or ".." in Path(path).parts:
        raise ValueError(f"{path!r} is not inside the clone")
    return path


_PathInClone = Annotated[str, AfterValidator(_inside)]


class _StepOptions(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: str
    rationale: str = ""
    write: dict[_PathInClone, str] = {}
    delete: list[_PathInClone] = []


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid")

    steps: list[_StepOptions]


def create(settings: ResearcherSettings) -> Scripted:
    """Make the researcher that a study file describes.

    Raises:
        AgentMisconfigured: Its options are not steps.
    """
    try:
        options = _Options.model_validate(settings.options or {})
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise AgentMisconfigured(
            f"researcher.options.{where}: {problem['msg']}.",
            fix="Give [[researcher.options.steps]] with a title and the files to write.",
        ) from error
    return Scripted(
        [
            Step(step.title, edits=step.write, deletions=step.delete, rationale=step.rationale)
            for step in options.steps
        ]
    )
