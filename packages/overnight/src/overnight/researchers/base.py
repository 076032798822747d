"""What a researcher is given and what it must do; adapters depend on this and nothing else."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from overnight.patterns import PathPatterns
from overnight.sandbox.base import Needs, Room
from overnight.types import Draft, JsonValue, Objective, PastTrial, SandboxKind

# Files of a researcher's home that are no notes, and stay when those are dropped.
CREDENTIALS = "*-login.json"


@dataclass(frozen=True, slots=True)
class ResearcherSettings:
    """The ``[researcher]`` table of a study.

    Attributes:
        options: The keys of ``[researcher.options]``; each kind checks its own.
        silence_s: Longest time without a sign of life.
        root: The study's repository, from which relative paths in the options start.
    """

    kind: str
    model: str | None = None
    deadline_s: float = 1200.0
    silence_s: float = 300.0
    options: Mapping[str, JsonValue] | None = None
    root: Path = Path()


@dataclass(frozen=True, slots=True)
class Assignment:
    """One proposal to make.

    Attributes:
        trial: The trial's number.
        brief: What the researcher should read, as Markdown; also at `brief_path`.
        workspace: The researcher's own clone, pristine at the incumbent; edit files here.
        trial_dir: Where the researcher may leave its event stream and logs; no program sees it.
        outbox: An empty directory where its program may leave what it has to say.
        home: A private directory that lives as long as the study.
        history: Every finished trial, oldest first, read when called.
        room: Runs programs, confined as the study asks; the clone, the outbox and the home are
            writable there, the brief is readable.
    """

    trial: int
    brief: str
    brief_path: Path
    workspace: Path
    trial_dir: Path
    outbox: Path
    home: Path
    objective: Objective
    editable: PathPatterns
    incumbent_commit: str
    history: Callable[[], Sequence[PastTrial]]
    room: Room


class Researcher(Protocol):
    """Makes one proposal per call by editing files in its clone.

    Contract (judged by ``overnight.testing.researcher_contract``):
        - `propose` returns only after everything that it started has ended;
        - it writes only inside `workspace`, `trial_dir`, `outbox` and `home`;
        - programs are started through `room`, with `Needs` for what they cannot do without;
        - every failure is a `ResearcherError`; a vendor's own error never leaks;
        - `Stopped` passes through untouched;
        - it keeps no state that a restart would miss: what it needs to remember goes into
          `Draft.details` and is read again from `history`.
    """

    def propose(self, assignment: Assignment) -> Draft:
        """Edit the clone and say what was done and why.

        Raises:
            ResearcherError: No proposal came of it.
            Stopped: The night was asked to stop.
        """
        ...


@dataclass(frozen=True, slots=True)
class AgentFacts:
    """What a researcher knows of its agent before the first proposal.

    Attributes:
        programs: What it starts: paths, or names to look for on PATH; the agent's own first.
        needs: What that cannot do without.
        version: Arguments that make the first tell its version; none where it tells nothing.
        tested: The version that the researcher was made for.
        help: Arguments that make it tell its options.
        options: Those of them that the researcher uses.
        cautions: What its settings do that one may not expect, each with what to do about it.
    """

    programs: Sequence[str]
    needs: Needs = Needs()  # noqa: RUF009 (frozen)
    version: Sequence[str] = ()
    tested: str = ""
    help: Sequence[str] = ()
    options: Sequence[str] = ()
    cautions: Sequence[tuple[str, str]] = ()


@runtime_checkable
class Examinable(Protocol):
    """A researcher that `overnight doctor` can ask about its agent."""

    def facts(self, sandbox: SandboxKind) -> AgentFacts:
        """What it starts and needs.

        Args:
            sandbox: What confines it.

        Raises:
            AgentMissing: Its program is not installed.
        """
        ...

    def key(self) -> str:
        """Where its key comes from, in a few words; an empty string where it needs none.

        Raises:
            AuthenticationFailed: There is none, or it cannot be one.
        """
        ...


@runtime_checkable
class Askable(Protocol):
    """A researcher whose agent can be asked something without making a proposal."""

    def ask(self, question: str, assignment: Assignment) -> str:
        """What the agent answers; costs as much as a short call does.

        Raises:
            ResearcherError: No answer came of it.
            Stopped: It was asked to stop.
        """
        ...


ResearcherFactory = Callable[[ResearcherSettings], Researcher]
