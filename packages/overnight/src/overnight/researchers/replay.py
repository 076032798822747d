"""Re-applies the proposals of another study, or a folder of patches, in order, here.

What another night found is only worth something if it helps again, on this study and machine::

    [researcher]
    kind = "replay"

    [researcher.options]
    source = "../other-repository"   # from this one's top; or a folder of *.patch files
    only = "kept"                    # or "all"
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from overnight.errors import AgentMisconfigured, GitFailed, NothingLeft
from overnight.layout import Layout
from overnight.ledger.queries import LedgerReader
from overnight.researchers.base import Assignment, ResearcherSettings
from overnight.researchers.drafts import clean_draft
from overnight.types import Draft, JsonValue, PastTrial, Verdict
from overnight.workspace.git import git
from overnight.workspace.repository import Repository


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid")

    source: Path
    only: Literal["kept", "all"] = "kept"


@dataclass(frozen=True, slots=True)
class Patch:
    """One change to make again."""

    name: str
    title: str
    content: bytes


class Replay:
    """Applies one patch per proposal, each on the incumbent of its time.

    Args:
        patches: In order. Which were tried already is read from the history.
    """

    def __init__(self, patches: Sequence[Patch]) -> None:
        self._patches = tuple(patches)

    def propose(self, assignment: Assignment) -> Draft:
        """Apply the first untried patch that fits the incumbent; those that do not are passed by.

        Raises:
            NothingLeft: Every patch was tried, or does not fit.
        """
        done = {name for past in assignment.history() for name in _names(past)}
        passed_by: list[JsonValue] = []
        for patch in self._patches:
            if patch.name in done:
                continue
            if _apply(patch, assignment.workspace):
                details: dict[str, JsonValue] = {"patch": patch.name, "passed_by": passed_by}
                return clean_draft(patch.title, f"Replayed from {patch.name}.", details=details)
            passed_by.append(patch.name)
        unfit = f" {len(passed_by)} did not fit: {', '.join(map(str, passed_by))}."
        raise NothingLeft("Every patch has been replayed." + (unfit if passed_by else ""))


def _names(past: PastTrial) -> list[str]:
    passed_by = past.details.get("passed_by", [])
    told = [past.details.get("patch"), *(passed_by if isinstance(passed_by, list) else [])]
    return [name for name in told if isinstance(name, str)]  # others use these keys otherwise


def _apply(patch: Patch, workspace: Path) -> bool:
    """Apply a patch whole or not at all; one line of context must agree."""
    try:
        git("apply", "-C1", "--whitespace=nowarn", "-", cwd=workspace, stdin=patch.content)
    except GitFailed:
        return False
    return True


def read_patches(source: Path, *, kept_only: bool) -> Iterator[Patch]:
    """The proposals of a study's repository, or the ``*.patch`` files of a folder by name.

    Raises:
        AgentMisconfigured: There is neither.
    """
    layout = Layout(source)
    if layout.ledger.exists():
        yield from _from_ledger(layout, kept_only=kept_only)
        return
    files = sorted(source.glob("*.patch"))
    if not files:
        raise AgentMisconfigured(
            f"{source} has neither a ledger in .overnight nor *.patch files.",
            fix="Set researcher.options.source to a study's repository or a folder of patches.",
        )
    for file in files:
        yield Patch(file.name, file.stem, file.read_bytes())


def _from_ledger(layout: Layout, *, kept_only: bool) -> Iterator[Patch]:
    reader = LedgerReader(layout.ledger)
    try:
        repository = Repository(layout.root, reader.study.name)
        for trial in reader.trials(after=0):
            if trial.commit is None or (kept_only and trial.verdict is not Verdict.KEEP):
                continue
            content, _ = repository.patch(trial.parent_commit, trial.commit)
            yield Patch(f"{reader.study.id[:8]}/{trial.number:04d}", trial.title, content)
    finally:
        reader.close()


def create(settings: ResearcherSettings) -> Replay:
    """Make the researcher that a study file describes.

    Raises:
        AgentMisconfigured: Its options cannot work.
    """
    try:
        options = _Options.model_validate(settings.options or {})
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise AgentMisconfigured(f"researcher.options.{where}: {problem['msg']}.") from error
    source = settings.root / options.source.expanduser()
    return Replay(tuple(read_patches(source, kept_only=options.only == "kept")))
