"""Text that every machine has, by domain, and on which side of the split each document is.

Found are this Python's library and packages, the C headers beside them, and the manuals of the
system where there are any. A document is on one side alone: what it holds decides, so copies of a
file stay together.
"""

import ast
import gzip
import hashlib
import os
import re
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tinymoe.tables import generated_tables


class Domain(StrEnum):
    """A kind of text."""

    PYTHON = "python"
    C = "c"
    PROSE = "prose"
    TABLES = "tables"


class Split(StrEnum):
    """What a document is for."""

    TRAIN = "train"
    CALIBRATION = "calibration"
    HELD_OUT = "held_out"


@dataclass(frozen=True, slots=True)
class Document:
    """A text of one domain, on one side of the split."""

    domain: Domain
    split: Split
    text: str


SPLIT_SHARES = {Split.HELD_OUT: 0.08, Split.CALIBRATION: 0.16}  # of all documents, accumulated
FILE_BYTES = range(200, 40_000)  # smaller ones say nothing, larger ones would be the whole domain
SYSTEM_PLACES = (
    "/usr/include",
    "/usr/local/cuda/include",
    *(f"/usr/share/man/man{section}" for section in (5, 7, 8)),
)
WALKED_APART = {"site-packages", "dist-packages"}
SKIPPED = WALKED_APART | {"__pycache__"}
DOMAINS_OF_SUFFIX: Mapping[str, tuple[Domain, ...]] = {
    ".py": (Domain.PYTHON, Domain.PROSE),
    **dict.fromkeys((".h", ".hpp", ".c", ".cc", ".cpp", ".cu", ".cuh"), (Domain.C,)),
    **dict.fromkeys((".rst", ".md", ".txt", ".csv", ".tsv", ".dat"), (Domain.PROSE, Domain.TABLES)),
    ".gz": (Domain.PROSE,),
}
PROSE_NAMES = ("METADATA", "LICENSE", "LICENCE", "README", "COPYING", "NOTICE")
TABLE_DIGITS = 0.25  # the share of digits from which a text is a table
DOCSTRINGS_OF = 3  # one Python file in so many gives its docstrings to prose, and no code


def documents(bytes_per_domain: int) -> Iterator[Document]:
    """Documents until each domain has enough or nothing is left; the last one may go beyond.

    The order is random but fixed, so that any part from the beginning is a fair sample. Half of the
    tables at least are generated, because those that are found are few and large.
    """
    room = dict.fromkeys(Domain, bytes_per_domain)
    room[Domain.TABLES] //= 2
    seen: set[str] = set()
    yield from _distinct(_found(room), room=room, seen=seen)
    room[Domain.TABLES] += bytes_per_domain - bytes_per_domain // 2
    yield from _distinct(_generated(room), room=room, seen=seen)


def _distinct(
    texts: Iterable[tuple[Domain, str]], *, room: dict[Domain, int], seen: set[str]
) -> Iterator[Document]:
    """The texts that are new and of a domain with room, which they take."""
    for domain, text in texts:
        digest = content_digest(text)
        if room[domain] > 0 and digest not in seen:
            seen.add(digest)
            room[domain] -= len(text.encode())
            yield Document(domain, split_of(digest), text)


def content_digest(text: str) -> str:
    """Of what a text says; white space does not count."""
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()


def split_of(digest: str) -> Split:
    """The side on which the text with this digest is."""
    place = int(digest[-8:], 16) / 16**8
    return next((split for split, share in SPLIT_SHARES.items() if place < share), Split.TRAIN)


def _found(room: Mapping[Domain, int]) -> Iterator[tuple[Domain, str]]:
    for path in _files():
        if max(room.values()) <= 0:
            return
        if any(room[domain] > 0 for domain in _possible_domains(path)):
            content = _content(path)
            if content is not None:
                yield content


def _generated(room: Mapping[Domain, int]) -> Iterator[tuple[Domain, str]]:
    for table in generated_tables():
        if room[Domain.TABLES] <= 0:
            return
        yield Domain.TABLES, table


def places() -> list[str]:
    """Folders where text is looked for, with all below them."""
    library = {sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib", "include")}
    return sorted(library | set(SYSTEM_PLACES))


def _files() -> list[Path]:
    """Every file that may be part of the text, ordered by the digest of its path in its place."""
    found: dict[str, Path] = {}
    for place in places():
        for folder, subfolders, names in os.walk(place):
            subfolders[:] = sorted(name for name in subfolders if name not in SKIPPED)
            for path in (Path(folder) / name for name in names):
                if _possible_domains(path):
                    within = path.relative_to(place).as_posix()
                    found[hashlib.sha256(within.encode()).hexdigest()] = path
    return [path for _, path in sorted(found.items())]


def _possible_domains(path: Path) -> tuple[Domain, ...]:
    if path.name.startswith("_sysconfigdata"):  # one machine's paths and compiler flags
        return ()
    if path.name.startswith(PROSE_NAMES):
        return (Domain.PROSE,)
    return DOMAINS_OF_SUFFIX.get(path.suffix, ())


def _content(path: Path) -> tuple[Domain, str] | None:
    """A file's domain and text; None if it is not to be used."""
    try:
        if path.stat().st_size not in FILE_BYTES:
            return None
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        text = raw.decode("utf-8")
    except (OSError, EOFError, UnicodeDecodeError):
        return None
    domain = _possible_domains(path)[0]
    if path.suffix == ".gz":
        text = plain_manual(text)
    elif domain is Domain.PYTHON and int(content_digest(text)[:8], 16) % DOCSTRINGS_OF == 0:
        domain, text = Domain.PROSE, docstrings(text)
    elif Domain.TABLES in _possible_domains(path) and _digits(text) >= TABLE_DIGITS:
        domain = Domain.TABLES
    return (domain, text) if len(text) in FILE_BYTES else None


def _digits(text: str) -> float:
    """The share of digits among all that is not white space."""
    characters = "".join(text.split())
    return sum(map(str.isdigit, characters)) / max(1, len(characters))


def docstrings(source: str) -> str:
    """The longer docstrings of a Python file, as paragraphs; none where it cannot be parsed."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return ""
    documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    found = (ast.get_docstring(node) for node in ast.walk(tree) if isinstance(node, documented))
    return "\n\n".join(text for text in found if text and len(text) > 100)


def plain_manual(source: str) -> str:
    """A manual page without the requests and escapes of its typesetter (roff)."""
    lines = (line for line in source.splitlines() if not line.startswith((".", "'")))
    text = re.sub(r"\\(f\w|f\[\w*\]|s-?\d|[&|^%{}])", "", "\n".join(lines))
    return text.replace(r"\-", "-").replace(r"\e", "\\").replace(r"\(aq", "'")
