"""Run one foreign command at a time and leave no process of it behind.

The commands are children of a helper process (`overnight.processes.reaper`), which survives
Ctrl-C, notices the harness's death, and takes every descendant down with it. It is started once
and stays warm, so a command costs a message and a spawn, not the start of an interpreter.
"""

import os
import re
import selectors
import uuid
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any

from overnight.errors import ProcessLost
from overnight.processes.helper import Helper, HelperDied
from overnight.processes.leftovers import TOKEN_VARIABLE, kill_run

_OVERDUE_S = 60.0
# Surrogates, less those that stand for a byte that was not UTF-8 and turn back into it.
_NOT_ENCODABLE = re.compile("[\ud800-\udc7f\udd00-\udfff]")


class EndedBy(StrEnum):
    """What ended a command."""

    ITSELF = "itself"
    DEADLINE = "deadline"
    SILENCE = "silence"
    STOP = "stop"
    MEMORY = "memory"
    PROCESSES = "processes"
    DISK = "disk"
    NOT_STARTED = "not started"


@dataclass(frozen=True, slots=True)
class Command:
    """A command to run.

    Attributes:
        argv: Program and arguments; no shell is put in between. A program without ``/`` is
            looked for on the PATH in `env`.
        env: The whole environment, to which only ``OVERNIGHT_RUN_TOKEN`` is added.
        stdin: Text for its standard input, which is otherwise empty.
        own_keyring: Whether it gets an empty session keyring (Linux), in which it finds nothing
            and leaves nothing.
    """

    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict)
    stdin: str | None = None
    own_keyring: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """When to end a command and how much of its output to keep.

    At its deadline or after its silence a command gets SIGTERM, and one second later its whole
    tree gets SIGKILL; after a stop that is a tenth of a second later.

    Attributes:
        silence_s: Longest time without a byte of output, or None for no such limit.
        output_bytes: How much of each output file is kept: the first half, a line that says how
            much is missing, and the last half.
        memory_bytes: For all processes of the command together; beyond it the tree is killed.
        processes: How many there may be at once, likewise.
        disk_bytes: What may lie in `disk_paths`, likewise; looked at every second or so.
        free_disk_bytes: What must stay free on their disks, whoever fills them, likewise.
    """

    deadline_s: float
    silence_s: float | None = None
    output_bytes: int = 64 * 2**20
    memory_bytes: int | None = None
    processes: int | None = None
    disk_bytes: int | None = None
    free_disk_bytes: int | None = None
    disk_paths: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Ending:
    """How a command ended.

    Attributes:
        code: Exit status, negative for a signal, None when it never started.
        duration_s: Monotonic wall clock from start to the main process's end.
        printed_bytes: What it printed in all, kept or not.
        leftovers: Processes of its tree that were still alive and were killed.
        cpu_s: Processor time of all of them.
        peak_memory_bytes: The most memory that they were seen to hold together.
        peak_processes: The most of them that were seen at once.
        detail: Why it could not start, what became of its output when the disk was full, or
            which processes could not be killed; an empty string when all went well.
    """

    ended_by: EndedBy
    code: int | None
    duration_s: float
    printed_bytes: int = 0
    leftovers: int = 0
    cpu_s: float = 0.0
    peak_memory_bytes: int = 0
    peak_processes: int = 0
    detail: str = ""


class StopSignal:
    """Asks whatever is running to end; set from a signal handler or another thread."""

    def __init__(self) -> None:
        self._is_set = False
        self._reader, self._writer = os.pipe()
        weakref.finalize(self, _close_all, self._reader, self._writer)

    def set(self) -> None:
        """Ask to stop now."""
        if not self._is_set:
            self._is_set = True
            os.write(self._writer, b"!")

    def is_set(self) -> bool:
        """Whether a stop was asked for."""
        return self._is_set

    def wait(self, timeout_s: float) -> bool:
        """Sleep until a stop is asked for, or for `timeout_s`; returns whether it was."""
        with selectors.DefaultSelector() as selector:
            selector.register(self, selectors.EVENT_READ)
            selector.select(timeout_s)
        return self._is_set

    def fileno(self) -> int:
        """A descriptor that stays readable from the moment a stop was asked for."""
        return self._reader


class Supervisor:
    """A warm helper process that runs commands, one at a time and from one thread at a time.

    Args:
        stop: Ends the running command when set.
        marker: Begins the value of ``OVERNIGHT_RUN_TOKEN`` in every command's environment, by
            which `leftovers.kill_marked` finds what a crash of the whole machinery left behind.
    """

    def __init__(self, stop: StopSignal, *, marker: str = "overnight") -> None:
        self._stop = stop
        self._mark = f"{marker}-{uuid.uuid4().hex[:12]}"
        self._runs = 0
        self._helper: Helper | None = None
        self._cpus: frozenset[int] | None = None

    def run(
        self,
        command: Command,
        *,
        output: Path,
        limits: Limits,
        errors: Path | None = None,
        children: Path | None = None,
    ) -> Ending:
        """Run a command to its end and reap its whole process tree.

        An exception from a signal handler ends the command before it goes on its way.

        Args:
            output: File for standard output; standard error goes there too unless `errors`
                names a file of its own. It is written while the command runs.
            children: File for what is printed by others than the command's program itself, told
                apart by the kernel; a program that opens ``/dev/stdout`` anew fails then. Linux.

        Raises:
            ProcessLost: The helper process died under the command.
            OSError: An output file cannot be opened.
        """
        if self._stop.is_set():
            return _stopped_before_start(output, errors, children)
        self._runs += 1
        token = f"{self._mark}-{self._runs}"
        request = {
            **_request(command, token=token),
            **_limits(limits),
            "output": _text(output.absolute()),
            "errors": None if errors is None else _text(errors.absolute()),
            "children": None if children is None else _text(children.absolute()),
        }
        try:
            self._ask(request)
            answer = self._started().wait_for_answer(
                stop=self._stop.fileno(), patience_s=limits.deadline_s + _OVERDUE_S
            )
        except HelperDied as died:
            main = self._started().main
            self.close()
            kill_run(token, main=main)
            raise ProcessLost(f"The helper process that ran {command.argv[0]} {died}.") from None
        except BaseException:
            self.close()
            raise
        return _ending(answer)

    def _ask(self, request: Mapping[str, object]) -> None:
        """Hand the request to the helper, or to a new one where it died between commands."""
        try:
            self._started().send(request)
        except HelperDied:
            self.close()
            self._started().send(request)

    def _started(self) -> Helper:
        if self._helper is None:
            self._helper = Helper()
            if self._cpus is not None:
                self._helper.pin(self._cpus)
        return self._helper

    def pin(self, cpus: frozenset[int] | None) -> None:
        """Have later commands run on some processors, where they do not choose others themselves.

        Args:
            cpus: Their numbers; None changes nothing.
        """
        self._cpus = cpus
        if cpus is not None and self._helper is not None:
            self._helper.pin(cpus)

    def close(self) -> None:
        """End the helper process and whatever it runs; the next command starts another one."""
        if self._helper is not None:
            self._helper.close()
            self._helper = None

    def __enter__(self) -> "Supervisor":
        self._started()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _stopped_before_start(*outputs: Path | None) -> Ending:
    for path in filter(None, outputs):
        path.write_bytes(b"")
    return Ending(EndedBy.STOP, None, 0.0, detail="a stop was asked for before its start")


def _request(command: Command, *, token: str) -> dict[str, object]:
    environ = {**command.env, TOKEN_VARIABLE: token}
    return {
        "do": "run",
        "argv": [_text(word) for word in command.argv],
        "cwd": _text(command.cwd.absolute()),
        "own_keyring": command.own_keyring,
        "env": {_text(name): _text(value) for name, value in environ.items()},
        "stdin": command.stdin and _NOT_ENCODABLE.sub("\N{REPLACEMENT CHARACTER}", command.stdin),
    }


def _limits(limits: Limits) -> dict[str, object]:
    return {
        **{field.name: getattr(limits, field.name) for field in fields(limits)},
        "disk_paths": [_text(path.absolute()) for path in limits.disk_paths],
    }


def _text(value: str | Path) -> str:
    """Any bytes of this locale as text that the helper turns back into the same bytes."""
    return os.fsencode(value).decode("utf-8", "surrogateescape")


def _ending(answer: Mapping[str, Any]) -> Ending:
    """What the helper's last message about a command says.

    Raises:
        OSError: An output file could not be opened.
    """
    if answer["event"] == "refused":
        raise OSError(answer["errno"], os.strerror(answer["errno"]), answer["path"])
    told = {field.name: answer[field.name] for field in fields(Ending)}
    return Ending(**{**told, "ended_by": EndedBy(answer["ended_by"])})


def _close_all(*descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
