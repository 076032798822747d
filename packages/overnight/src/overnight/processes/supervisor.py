"""Run one foreign command at a time and leave no process of it behind."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import TracebackType


class EndedBy(StrEnum):
    """What ended a command."""

    ITSELF = "itself"
    DEADLINE = "deadline"
    SILENCE = "silence"
    STOP = "stop"
    NOT_STARTED = "not started"


@dataclass(frozen=True, slots=True)
class Command:
    """A command to run.

    Attributes:
        argv: Program and arguments; no shell is put in between.
        env: The whole environment.
        stdin: Text for its standard input, which is otherwise empty.
    """

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict)
    stdin: str | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """When to end a command and how much of its output to keep.

    Attributes:
        silence_s: Longest time without a byte of output, or None for no such limit.
        output_bytes: How much of the output is kept: the beginning and the end.
    """

    deadline_s: float
    silence_s: float | None = None
    output_bytes: int = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Ending:
    """How a command ended.

    Attributes:
        code: Exit status, negative for a signal, None when it never started.
        duration_s: Monotonic wall clock from start to the main process's end.
        printed_bytes: What it printed in all, kept or not.
        leftovers: Processes of its tree that were still alive and were killed.
        detail: Why it could not start, or an empty string.
    """

    ended_by: EndedBy
    code: int | None
    duration_s: float
    printed_bytes: int = 0
    leftovers: int = 0
    detail: str = ""


class StopSignal:
    """Asks whatever is running to end; set from a signal handler or another thread."""

    def set(self) -> None:
        """Ask to stop now."""
        raise NotImplementedError

    def is_set(self) -> bool:
        """Whether a stop was asked for."""
        raise NotImplementedError


class Supervisor:
    """A warm helper process that runs commands, one at a time.

    Args:
        stop: Ends the running command when set.
    """

    def __init__(self, stop: StopSignal) -> None:
        raise NotImplementedError

    def run(
        self, command: Command, *, output: Path, limits: Limits, errors: Path | None = None
    ) -> Ending:
        """Run a command to its end and reap its whole process tree.

        Args:
            output: File for standard output; standard error goes there too unless `errors`
                names a file of its own.

        Raises:
            ProcessLost: The helper process died under the command.
            OSError: An output file cannot be written.
        """
        raise NotImplementedError

    def __enter__(self) -> "Supervisor":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        raise NotImplementedError
