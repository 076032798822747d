"""Which paths a proposal may touch, and what may stand there."""

import unicodedata
from collections.abc import Iterable, Sequence

from overnight.patterns import PathPatterns
from overnight.types import Change, ChangeKind, EntryKind, Judgement, Verdict

_MOST_FILES = 1_000
_SHOWN = 5


def refuse_content(changes: Sequence[Change], *, max_file_bytes: int) -> Judgement | None:
    """Refuse what cannot become a commit at all; looks at no pattern.

    Args:
        changes: As found in the researcher's clone.
    """
    if len(changes) > _MOST_FILES:
        return _refuse(f"It touches {len(changes)} files; at most {_MOST_FILES} are accepted.")
    for change in changes:
        reason = _unusable(change, max_file_bytes)
        if reason:
            return _refuse(f"{printable(change.path)} {reason}.")
    return None


def refuse_scope(
    changes: Sequence[Change],
    *,
    editable: PathPatterns,
    protected: PathPatterns,
    existing: Iterable[str],
) -> Judgement | None:
    """Refuse changes of protected files, of files out of scope, links and clashing names.

    Args:
        changes: The proposal's difference from its parent.
        existing: Every path of the parent.
    """
    touched = [change.path for change in changes if protected.match(change.path)]
    if touched:
        return _refuse(f"It touches protected files: {_listed(touched)}.")
    outside = [change.path for change in changes if not editable.match(change.path)]
    if outside:
        return _refuse(
            f"It touches files out of scope: {_listed(outside)};"
            f" editable are {_listed(editable.patterns)}."
        )
    links = [change.path for change in changes if change.entry is EntryKind.SYMLINK]
    if links:
        return _refuse(f"It makes symbolic links: {_listed(links)}.")
    added = [change.path for change in changes if change.kind is ChangeKind.ADDED]
    deleted = {change.path for change in changes if change.kind is ChangeKind.DELETED}
    clash = _case_clash(added, set(existing) - deleted) if added else None
    if clash:
        return _refuse(f"{clash[0]} and {clash[1]} differ in upper and lower case only.")
    return None


def printable(text: str) -> str:
    """A path or name as one safe line: control characters and odd bytes escaped."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text.encode(errors="surrogateescape").decode(errors="backslashreplace")
    )


def _unusable(change: Change, max_file_bytes: int) -> str | None:
    if change.entry in (EntryKind.NESTED_REPOSITORY, EntryKind.SPECIAL):
        return f"is a {change.entry}"
    try:
        change.path.encode()
    except UnicodeEncodeError:
        return "has a name that is not UTF-8"
    if not change.path.isprintable():
        return "has control characters in its name"
    if any(part.lower() == ".git" for part in change.path.split("/")):
        return "pretends to be git's own directory"
    if change.size_bytes > max_file_bytes:
        return f"has {change.size_bytes} bytes; at most {max_file_bytes} are accepted"
    return None


def _case_clash(added: Sequence[str], existing: Iterable[str]) -> tuple[str, str] | None:
    seen = {_folded(path): path for path in existing}
    for path in added:
        other = seen.setdefault(_folded(path), path)
        if other != path:
            return other, path
    return None


def _folded(path: str) -> str:
    return unicodedata.normalize("NFC", path).casefold()


def _listed(paths: Sequence[str]) -> str:
    shown = ", ".join(printable(path) for path in paths[:_SHOWN])
    more = len(paths) - _SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def _refuse(reason: str) -> Judgement:
    return Judgement(Verdict.OUT_OF_SCOPE, reason)
