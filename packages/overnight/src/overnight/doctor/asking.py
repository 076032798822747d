"""Programs that are run to learn something, and what they said."""

import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from overnight.errors import SandboxFailed
from overnight.measure.execution import Failure
from overnight.processes.supervisor import Ending
from overnight.report.text import tail

PROBES = Path(__file__).with_name("probes")
_LAST_LINES = 12
_CAN_START = 'case $it in */*) [ -x "$it" ];; *) command -v -- "$it" >/dev/null;; esac'
_MOST_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Told:
    """What a command came to.

    Attributes:
        failure: Why it did not end well; None when it did, or nobody judged it.
        text: What it printed.
        last_lines: The end of that, safe to show.
    """

    ending: Ending
    failure: Failure | None
    text: str
    last_lines: tuple[str, ...]


def told_by(log: Path, ending: Ending, failure: Failure | None = None) -> Told:
    """What a command came to whose output is in a file."""
    with log.open("rb") as file:
        text = file.read(_MOST_BYTES).decode(errors="replace")
    return Told(ending, failure, text, last_lines(log))


def last_lines(log: Path) -> tuple[str, ...]:
    """The end of an output, safe to show."""
    return tuple(tail(log, lines=_LAST_LINES))


def probe_line(name: str, *arguments: str) -> str:
    """The line of shell that runs one of our probes on our own Python."""
    return shlex.join([sys.executable, "-I", str(PROBES / f"{name}.py"), *arguments])


def lookup_line(names: Sequence[str]) -> str:
    """The line of shell that prints those of some programs that cannot be started."""
    return f'set -- {shlex.join(names)}; for it; do {_CAN_START} || echo "$it"; done'


def answer(told: Told, *, probe: str) -> Any:
    """The JSON that a probe printed on its last line.

    Raises:
        SandboxFailed: There is none.
    """
    lines = told.text.strip().splitlines()
    try:
        return json.loads(lines[-1])
    except (IndexError, ValueError) as error:
        why = told.failure.reason if told.failure else f"it ended with code {told.ending.code}."
        raise SandboxFailed(
            f"The probe {probe!r} could not run inside the sandbox: {why}",
            fix=f"It is started by {sys.executable}, which must be visible there.",
        ) from error
