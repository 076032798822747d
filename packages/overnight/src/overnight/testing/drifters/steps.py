"""From a simulated night to a real one: its study on the disk, its proposals as scripted steps."""

from pathlib import Path

from overnight.researchers.scripted import Step
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
from overnight.types import Usage


def as_step(proposal: Proposal) -> Step:
    """The step that makes a proposal; what its session was like stands in the details."""
    session = proposal.session
    return Step(
        proposal.title,
        edits={path: text for path, text in proposal.files.items() if text is not None},
        deletions=[path for path, text in proposal.files.items() if text is None],
        rationale=proposal.rationale,
        details={
            "target": proposal.target,
            "agent_s": session.agent_s,
            "commands": list(session.commands),
            "refused": list(session.refused),
        },
        usage=Usage(input_tokens=session.tokens),
    )


def make_world_study(directory: Path, *, seed: int) -> TinyStudy:
    """The study of a simulated night as a real repository: the same proposals measure the same.

    Args:
        directory: Absent or empty.
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
    )
