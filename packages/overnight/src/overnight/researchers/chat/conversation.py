"""What a model is told: the instructions, the brief with the files, and what did not fit."""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from overnight.researchers.chat.blocks import Problem
from overnight.researchers.files import Selection, ShownFile

Messages: TypeAlias = list[dict[str, str]]

_MOST_NAMES = 200
_MOST_PROBLEMS = 10
_NONE_FIT = "Your answer holds no edit: no block between `<<<<<<< SEARCH` and `>>>>>>> REPLACE`."
_AGAIN = (
    "The other blocks of your answer fit and are kept: do not repeat them. Answer with these"
    " again, corrected, in the same format. Copy their first halves from the files, character for"
    " character, as your edits have left them."
)


def opening(instructions: str, brief: str, files: Selection, others: Selection) -> Messages:
    """The first two messages.

    Args:
        files: The editable ones.
        others: What may be read beside them.
    """
    parts = [brief.rstrip(), _section("Files that you may change", files)]
    if others.shown:
        parts.append(_section("Files to read, which you must not change", others))
    return [
        {"role": "system", "content": instructions},
        {"role": "user", "content": "\n\n".join(parts) + "\n"},
    ]


def repair(answer: str, problems: Sequence[Problem]) -> Messages:
    """The model's own words, and what is wrong with them."""
    told = [_NONE_FIT] if not problems else ["These blocks could not be used:"]
    told += [f"{it.why}:\n\n{_fenced(it.quoted)}" for it in problems[:_MOST_PROBLEMS]]
    told.append(_AGAIN if problems else "Answer again with at least one, in the format above.")
    return [
        {"role": "assistant", "content": answer},
        {"role": "user", "content": "\n\n".join(told)},
    ]


def _section(title: str, files: Selection) -> str:
    return "\n\n".join([f"# {title}", *map(_file, files.shown), *_left_out(files.left_out)])


def _file(file: ShownFile) -> str:
    return f"{file.path}\n{_fenced(file.text)}"


def _left_out(paths: Sequence[str]) -> Iterable[str]:
    if paths:
        more = f" and {len(paths) - _MOST_NAMES} more" if len(paths) > _MOST_NAMES else ""
        yield f"Not shown for want of room: {', '.join(paths[:_MOST_NAMES])}{more}."


def _fenced(text: str) -> str:
    """A text in a fence that is longer than any in it."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}\n{text.rstrip()}\n{fence}"
