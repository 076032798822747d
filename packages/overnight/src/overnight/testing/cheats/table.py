"""Results as rows of text, and as a Markdown table for the documentation."""

from collections.abc import Iterable, Sequence

from overnight.brief import one_line
from overnight.testing.cheats.cheat import Ending
from overnight.testing.cheats.night import CheatResult
from overnight.types import Verdict

HEADER = ("cheat", "layout", "what it tries", "ending", "verdict", "by")


def row(result: CheatResult) -> tuple[str, ...]:
    """One result, a cell for each name of `HEADER`."""
    case = result.case
    by = result.by if result.is_expected else one_line(result.reason)
    return (case.name, case.layout, case.tries, result.ending, verdict_of(result), by)


def verdict_of(result: CheatResult) -> str:
    """The verdict of the cheat's trial, and what a checkpoint made of it."""
    if result.ending is Ending.UNKNOWN:
        return "none"
    is_taken_back = result.verdict is Verdict.KEEP and result.ending is Ending.CAUGHT
    return "keep, refuted" if is_taken_back else result.verdict


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines
    )
