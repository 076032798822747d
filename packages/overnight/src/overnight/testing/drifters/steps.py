"""From a simulated night to a real one: its study on the disk, its proposals once more."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from overnight.researchers.base import Assignment
from overnight.researchers.scripted import Scripted, Step
from overnight.testing.drifters import world
from overnight.testing.drifters.desk import Proposal
from overnight.testing.drifters.program import (
    EDITABLE,
    FILES,
    MEASURE,
    METRIC,
    OBJECTIVE,
    PROGRAM,
    SOURCE,
    WORLD,
)
from overnight.testing.studies import TinyStudy, make_study
from overnight.types import Draft, Usage


class Replay:
    """The researcher of a simulated night in a real one: its changes, and what it says of them.

    What the sandbox refused cannot be made again: the real one refuses for itself.

    Args:
        wait: Called with the seconds that each session lasts.
    """

    def __init__(
        self,
        proposals: Sequence[Proposal],
        *,
        wait: Callable[[float], None] = lambda _seconds: None,
    ) -> None:
        self._proposals = tuple(proposals)
        self._scripted = Scripted([as_step(proposal) for proposal in proposals])
        self._wait = wait

    def propose(self, assignment: Assignment) -> Draft:
        """Make the proposal of this trial's number.

        Raises:
            NothingLeft: Every proposal has been made.
            AgentMisconfigured: It does not fit the clone.
        """
        draft = self._scripted.propose(assignment)
        proposal = self._proposals[assignment.trial - 1]
        self._wait(proposal.session.agent_s)
        return replace(draft, target=proposal.target, commands=proposal.session.commands)


def as_step(proposal: Proposal) -> Step:
    """The step that makes a proposal's change; `Replay` tells of the session as well."""
    return Step(
        proposal.title,
        edits={path: text for path, text in proposal.files.items() if text is not None},
        deletions=[path for path, text in proposal.files.items() if text is None],
        rationale=proposal.rationale,
        usage=Usage(input_tokens=proposal.session.tokens),
    )


def make_world_study(directory: Path, *, seed: int, **tables: Any) -> TinyStudy:
    """The study of a simulated night as a real repository: the same proposals measure the same.

    Args:
        directory: Absent or empty.
        tables: More tables of the study file.
    """
    return make_study(
        directory,
        files={
            **FILES,
            WORLD: Path(world.__file__).read_text(encoding="utf-8"),
            "program.md": PROGRAM,
            "start.txt": SOURCE,
            "seed.txt": f"{seed}\n",
        },
        program="program.md",
        metric={
            "name": METRIC,
            "goal": str(OBJECTIVE.goal),
            "constraints": [str(constraint) for constraint in OBJECTIVE.constraints],
        },
        scope={"editable": list(EDITABLE), "protected": [WORLD, "start.txt", "seed.txt"]},
        measure={"command": MEASURE, "deadline": "30s"},
        gate={"min_delta": world.NOISE_BPB},
        **tables,
    )
