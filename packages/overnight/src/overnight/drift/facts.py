"""What drift is judged by: values that the harness fills from its own record."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from overnight.types import Objective, Verdict


@dataclass(frozen=True, slots=True)
class FileChange:
    """The text of one editable file before and after a proposal.

    Attributes:
        path: Relative to the repository root.
        old: None where the file was absent or is no text.
        new: None where the file is gone or is no text.
    """

    path: str
    old: str | None
    new: str | None


@dataclass(frozen=True, slots=True)
class TrialFacts:
    """One finished trial.

    Attributes:
        target: The metric that the proposal says it wants to improve; empty if it does not say.
        files: What it changes; a proposal that was refused may have none.
        patch: The same as a unified diff, clipped; the judge reads it.
        gain: In the metric's unit against the value to beat; None without a measurement.
        metrics: Every number that the run reported.
        holdout: Hold-out gain over the baseline at the latest checkpoint so far, if there was one.
        agent_s: How long the researcher took, in seconds.
        agent_tokens: What its model used, where that is known.
        commands: Shell commands that the agent says it ran.
        refused: Network hosts or paths that the sandbox refused it.
        incumbent_files: Editable files of the incumbent after this trial.
        incumbent_lines: Lines of them.
    """

    number: int
    verdict: Verdict
    title: str
    rationale: str = ""
    target: str = ""
    files: tuple[FileChange, ...] = ()
    patch: str = ""
    gain: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    holdout: float | None = None
    agent_s: float = 0.0
    agent_tokens: int | None = None
    commands: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    incumbent_files: int = 0
    incumbent_lines: int = 0


@dataclass(frozen=True, slots=True)
class StudyFacts:
    """What the study asks for, and what stood there at the baseline.

    Attributes:
        program: The text that tells the researcher what to do.
        measure_command: The measured command.
        sources: Text of the editable files at the baseline, by path.
        paths: Every path of the repository at the baseline.
        inside: Absolute directories that belong to the researcher; empty where that is unknown.
        noise: Deviation of the metric between runs of the same commit; 0 where that is unknown.
    """

    objective: Objective
    program: str = ""
    measure_command: str = ""
    sources: Mapping[str, str] = field(default_factory=dict)
    paths: frozenset[str] = frozenset()
    inside: tuple[str, ...] = ()
    noise: float = 0.0
