"""Foreign text on a terminal: shown as it is, never obeyed."""

import io
import re
import sys
from pathlib import Path
from typing import IO, cast

from rich.console import Console
from rich.syntax import Syntax
from rich.text import Text

from overnight.ledger.records import DriftRecord
from overnight.types import State, Trust, Verdict

_STYLES = {
    Verdict.KEEP: "bold green",
    Verdict.DISCARD: "yellow",
    Verdict.DUPLICATE: "magenta",
    Verdict.OUT_OF_SCOPE: "magenta",
    Verdict.STALE: "dim",
    Verdict.INTERRUPTED: "dim",
}
TRUST = {
    Trust.SCORED: "scored: protected code made the number, apart from the candidate",
    Trust.CONFINED: "confined: the candidate's own run printed the number, inside the sandbox",
    Trust.OPEN: "open: without a sandbox",
}
_COLOUR_CODE = re.compile(r"\x1b\[[0-9;:]*m")
_TRAILING_BLANKS = re.compile(r" +(?=\n)")
_PLAIN_WIDTH = 1000
_TAIL_BYTES = 64 * 1024
_MOST_LINE_CHARACTERS = 500


class _WithoutTrailingBlanks(io.TextIOBase):
    """Standard output for tables, whose last column rich fills up with blanks."""

    def write(self, text: str) -> int:
        """Write text."""
        return sys.stdout.write(_TRAILING_BLANKS.sub("", text))

    def flush(self) -> None:
        """Pass on what was written."""
        sys.stdout.flush()


def console() -> Console:
    """Standard output: colours and folding on a terminal, whole lines elsewhere."""
    terminal = Console(highlight=False, markup=False, emoji=False)
    if terminal.is_terminal:
        return terminal
    plain = _WithoutTrailingBlanks()
    return Console(
        highlight=False, markup=False, emoji=False, width=_PLAIN_WIDTH, file=cast("IO[str]", plain)
    )


def verdict_text(verdict: Verdict | None, state: State = State.DONE) -> Text:
    """A verdict in its colour, or how far the trial has come."""
    if verdict is None or state is not State.DONE:
        return Text(str(state), style="italic cyan")
    return Text(str(verdict), style=_STYLES.get(verdict, "red"))


def row_verdict_text(verdict: Verdict | None, state: State, *, demoted_after: int | None) -> Text:
    """The same for a row of a table, where a keep that was taken back says so."""
    if demoted_after is not None:
        return Text("demoted", style="magenta")
    return verdict_text(verdict, state)


def first_sentence(drift: DriftRecord) -> str:
    """The strongest sign of drift."""
    told = drift.signals[0].get("sentence") if drift.signals else ""
    return visible(str(told), keep="")


def coloured_patch(patch: str) -> Syntax:
    """A patch in the terminal's own colours, which suit dark and light ones alike."""
    return Syntax(patch, "diff", theme="ansi_dark", word_wrap=True, background_color="default")


def value_text(value: float | None) -> str:
    """A measured value; empty when there is none."""
    return "" if value is None else f"{value:.6g}"


def gain_text(gain: float | None) -> str:
    """A gain with its sign; empty when there is none."""
    return "" if gain is None else f"{gain:+.3g}"


def percent(gain: float | None, of: float | None) -> float | None:
    """A gain in percent of a value; None where that says nothing."""
    return None if gain is None or not of else 100 * gain / abs(of)


def visible(text: str, *, keep: str = "\n\t") -> str:
    r"""Text with everything a terminal might obey written out, such as ``\x1b``."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else _escaped(c) for c in text)


def tail(path: Path, *, lines: int) -> list[str]:
    """The last lines of a program's output, safe to print; an absent file has none.

    Colours are dropped, and of a line drawn over and over only its last state is given.
    """
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            text = file.read(_TAIL_BYTES).decode(errors="replace")
    except OSError:
        return []
    told = [_last_state(line) for line in text.rstrip().split("\n")] if text.strip() else []
    return [visible(line, keep="\t")[:_MOST_LINE_CHARACTERS] for line in told[-lines:]]


def _last_state(line: str) -> str:
    return _COLOUR_CODE.sub("", line).rstrip("\r").rsplit("\r", 1)[-1]


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
