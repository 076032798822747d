"""What a repository's documents say: which files may be changed, which commands to run."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch

from overnight.discover.findings import Source

PROGRAM = "program.md"
_INSTRUCTIONS = (PROGRAM, "agents.md", "claude.md")
_DOCUMENTS = (*_INSTRUCTIONS, "readme*", "contributing.md")

_MAX_COLUMNS = 2000
_LIST_ITEM = re.compile(r"\s*(?:[-*+]|\d+[.)])\s+")
_FENCE = re.compile(r"\s*(```|~~~)\s*(\w*)")
_WORD = re.compile(r"(?<![\w./-])\.?/?(\w[\w./-]*)")
_CLAUSE_END = re.compile(r"(?<=[.;!?])\W*\s+|,?\s+but\s+|,\s+(?=never\b|not\b|do not\b|don't\b)")
_CHANGE = r"(?:modif|edit|chang|touch|alter)\w*"
_FORBIDS = re.compile(
    r"read[- ]?only|off[- ]limits|\b(?:frozen|unchanged|untouched|protected|immutable)\b"
    rf"|(?:\b(?:not|never|cannot)|n't)\s+(?:be\s+|to\s+|you\s+)?{_CHANGE}|^\W*(?:not|never)\b",
    re.IGNORECASE,
)
_SPEAKS_OF_ANOTHER = re.compile(
    r"\b(?:modify|edit|change|touch|alter)\s+(?!it\b|them\b|this\b|that\b|these\b|anything\b)\w",
    re.IGNORECASE,
)
_FORBIDDING_HEADING = re.compile(
    r"\b(?:cannot|can't|must not|may not|do not|don't|never|off[- ]limits|read[- ]only"
    r"|protected)\b",
    re.IGNORECASE,
)
_ALLOWS = re.compile(
    r"\b(?:modif(?:y|ying|ies|ied|iable)|edit(?:s|ed|ing|able)?|chang(?:e|es|ing)|tune|hack|improve|rewrite"
    r"|optimi[sz]e|fair game)\b",
    re.IGNORECASE,
)
_ALLOWING_HEADING = re.compile(
    r"\b(?:you can|you may|editable|may be (?:edited|changed|modified)|files? to edit|in scope)\b",
    re.IGNORECASE,
)
_MEANT_FOR_AGENTS = re.compile(
    r"\b(?:agent|researcher|only|single|may|free to|fair game|editable|allowed)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a document.

    Attributes:
        fence: The language of the code block that it is in, "" for a plain one; None outside.
        heading: The heading or introducing line ("You may change:") that it stands under.
        instructs: Whether the document is written for agents.
    """

    source: Source
    text: str
    fence: str | None
    heading: str
    instructs: bool


@dataclass(frozen=True, slots=True)
class Permission:
    """A document's word on whether a file may be changed."""

    path: str
    allowed: bool
    source: Source


def documents(files: Mapping[str, str]) -> list[str]:
    """The documents at the root that speak about the whole repository, most binding first."""
    return [
        path
        for pattern in _DOCUMENTS
        for path in sorted(files)
        if "/" not in path and fnmatch(path.lower(), pattern)
    ]


def read_lines(files: Mapping[str, str]) -> list[Line]:
    """Every line of the documents that is not blank."""
    return [line for path in documents(files) for line in _lines(path, files[path])]


def _lines(path: str, text: str) -> Iterator[Line]:
    fence: str | None = None
    section = intro = ""
    instructs = path.lower() in _INSTRUCTIONS
    for number, full in enumerate(text.splitlines(), start=1):
        raw = full[:_MAX_COLUMNS]
        if (mark := _FENCE.match(raw)) is not None:
            fence = None if fence is not None else mark[2].lower()
            continue
        bare = raw.strip()
        if not bare:
            continue
        if fence is None and bare.startswith("#"):
            section, intro = bare.lstrip("# "), ""
        elif fence is None and not _LIST_ITEM.match(raw) and not raw.startswith(" "):
            intro = bare.strip("*_ ") if bare.rstrip("*_ ").endswith(":") else ""
        yield Line(Source(path, number), raw, fence, intro or section, instructs)


def permissions(files: Mapping[str, str], lines: list[Line]) -> list[Permission]:
    """What the documents allow and forbid to change, in the order in which they say it.

    A directory is written as ``src/``. The documents themselves are never meant.
    """
    known = _known_paths(files)
    return [found for line in lines for found in _permissions_of(line, known)]


def _permissions_of(line: Line, known: Mapping[str, str]) -> Iterator[Permission]:
    text = _LIST_ITEM.sub("", line.text, count=1)
    listed = text != line.text
    subjects: list[str] = []
    for clause in _CLAUSE_END.split(text):
        named = list(dict.fromkeys(known[w] for w in _words(clause) if w in known))
        if not named and _SPEAKS_OF_ANOTHER.search(clause):
            continue
        subjects = named or subjects
        heads_item = listed and bool(named) and known.get(next(_words(clause), "")) == named[0]
        allowed = _verdict(clause, line, heads_item=heads_item)
        if allowed is not None:
            yield from (Permission(path, allowed, line.source) for path in subjects)


def _verdict(clause: str, line: Line, *, heads_item: bool) -> bool | None:
    speaks_of_change = _ALLOWS.search(clause) is not None
    if _FORBIDS.search(clause):
        return False
    if (speaks_of_change or heads_item) and _FORBIDDING_HEADING.search(line.heading):
        return False
    if heads_item and _ALLOWING_HEADING.search(line.heading):
        return True
    if speaks_of_change and (line.instructs or _MEANT_FOR_AGENTS.search(line.text)):
        return True
    return None


def _words(text: str) -> Iterator[str]:
    return (match[1].rstrip(".") for match in _WORD.finditer(text))


def _known_paths(files: Mapping[str, str]) -> dict[str, str]:
    spoken = set(documents(files))
    known: dict[str, str] = {}
    ambiguous: set[str] = set()
    for path in files:
        if path in spoken:
            continue
        known[path] = path
        parts = path.split("/")
        for depth in range(1, len(parts)):
            folder = "/".join(parts[:depth]) + "/"
            known[folder] = folder
        if len(parts) > 1 and "." in parts[-1]:
            ambiguous |= {parts[-1]} & known.keys()
            known.setdefault(parts[-1], path)
    return {word: path for word, path in known.items() if word in files or word not in ambiguous}
