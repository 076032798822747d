"""Which files a proposal may change, and which judge it."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from overnight.discover.commands import Command
from overnight.discover.findings import Certainty, Finding, Given, Source, given
from overnight.discover.prose import Permission
from overnight.discover.python_source import local_imports, parse
from overnight.patterns import PathPatterns

_JUDGES = re.compile(
    r"bench|eval|test|score|scoring|measure|judge|grade|harness|verif|check|metric"
)
_PREPARES = re.compile(r"prepare|preproc|data|loader|token|corpus|ground_?truth")
_TEST_FOLDERS = ("tests", "test", "benches", "benchmarks", "bench", "evals")
_SOURCE_FOLDERS = ("src", "lib")

Paths = tuple[Finding[str], ...]


def find_scope(
    files: Mapping[str, str], entry: Command | None, permissions: list[Permission], settled: Given
) -> tuple[Paths, Paths]:
    """Editable and protected patterns; no file matches both."""
    allowed, forbidden = stated_scope(permissions)
    chosen = tuple(given(pattern) for pattern in settled.editable)
    editable = chosen or tuple(allowed) or _guess_editable(files, entry)
    protected = {pattern: given(pattern) for pattern in settled.protected}
    for finding in forbidden:
        protected.setdefault(finding.value, finding)
    for finding in (*_judges_of(files, entry), *_imported_judges(files, entry, editable)):
        protected.setdefault(finding.value, finding)
    return _separate(files, editable, tuple(protected.values()))


def stated_scope(permissions: list[Permission]) -> tuple[list[Finding[str]], list[Finding[str]]]:
    """What the documents allow and forbid; where they contradict themselves, it is forbidden."""
    sides: dict[bool, dict[str, Finding[str]]] = {True: {}, False: {}}
    for permission in permissions:
        why = "the documents allow it" if permission.allowed else "the documents forbid it"
        value = _pattern(permission.path)
        finding = Finding(value, why, Certainty.STATED, permission.source)
        sides[permission.allowed].setdefault(value, finding)
    forbidden = sides[False]
    allowed = [finding for value, finding in sides[True].items() if value not in forbidden]
    return allowed, list(forbidden.values())


def _pattern(path: str) -> str:
    escaped = re.sub(r"([*?\[\\])", r"\\\1", path)
    return f"{escaped}**" if path.endswith("/") else escaped


def _guess_editable(files: Mapping[str, str], entry: Command | None) -> Paths:
    script = entry.script if entry is not None else None
    if entry is not None and script is not None and not _judges(script):
        own = entry.certainty if entry.certainty is Certainty.GUESS else Certainty.LIKELY
        others = tuple(_pattern(path) for path in _imports(files, script) if not _is_fixed(path))
        why = "the script that is measured"
        return (Finding(_pattern(script), why, own, Source(script), others),)
    if script is not None:
        subjects = [path for path in _imports(files, script) if not _is_fixed(path)]
        patterns = dict.fromkeys(_subject_pattern(path) for path in subjects)
        if patterns:
            line = _imports(files, script)[subjects[0]]
            why = "what the measuring script imports"
            return tuple(
                Finding(pattern, why, Certainty.LIKELY, Source(script, line))
                for pattern in patterns
            )
    for folder in _SOURCE_FOLDERS if entry is not None else ():
        if any(path.startswith(f"{folder}/") for path in files):
            return (Finding(f"{folder}/**", "the sources", Certainty.GUESS, Source(f"{folder}/")),)
    return ()


def _subject_pattern(path: str) -> str:
    parts = path.split("/")
    depth = 2 if parts[0] in _SOURCE_FOLDERS else 1
    return _pattern("/".join(parts[:depth]) + "/") if len(parts) > depth else _pattern(path)


def _judges_of(files: Mapping[str, str], entry: Command | None) -> list[Finding[str]]:
    if entry is None:
        return []
    found = []
    if entry.script is not None and _judges(entry.script):
        why = "the script that measures"
        found.append(Finding(_pattern(entry.script), why, source=Source(entry.script)))
    launcher = entry.starts.launcher
    if launcher is not None:
        why = "starts what is measured"
        found.append(Finding(_pattern(launcher), why, source=entry.source or Source(launcher)))
    if entry.script is None or _judges(entry.script):
        found += [
            Finding(f"{folder}/**", "tests and benchmarks", source=Source(f"{folder}/"))
            for folder in _TEST_FOLDERS
            if any(path.startswith(f"{folder}/") for path in files)
        ]
    whole = PathPatterns([finding.value for finding in found if finding.value.endswith("**")])
    return [f for f in found if f.value.endswith("**") or not whole.match(f.value)]


def _imported_judges(
    files: Mapping[str, str], entry: Command | None, editable: Paths
) -> list[Finding[str]]:
    may_change = PathPatterns([finding.value for finding in editable])
    starts = [path for path in files if path.endswith(".py") and may_change.match(path)]
    if entry is not None and entry.script is not None and entry.script not in starts:
        starts.append(entry.script)
    return [
        Finding(_pattern(path), "imported; evaluation or data", source=Source(start, line))
        for start in starts[:50]
        for path, line in _imports(files, start).items()
        if _is_fixed(path) and not may_change.match(path)
    ]


def _imports(files: Mapping[str, str], script: str) -> dict[str, int]:
    tree = parse(files[script]) if script.endswith(".py") else None
    return local_imports(script, tree, files) if tree is not None else {}


def _judges(path: str) -> bool:
    return _JUDGES.search(PurePosixPath(path).stem.lower()) is not None


def _is_fixed(path: str) -> bool:
    name = PurePosixPath(path).stem.lower()
    return _judges(path) or _PREPARES.search(name) is not None


def _separate(files: Mapping[str, str], editable: Paths, protected: Paths) -> tuple[Paths, Paths]:
    """Give every file to one side: a whole editable folder is taken apart around what is not."""
    fixed = PathPatterns([finding.value for finding in protected])
    narrowed = tuple(part for finding in editable for part in _narrow(files, finding, fixed))
    may_change = PathPatterns([finding.value for finding in narrowed])
    overlap = {path for path in files if may_change.match(path) and fixed.match(path)}
    kept = [f for f in protected if not any(map(PathPatterns([f.value]).match, overlap))]
    return narrowed, tuple(kept)


def _narrow(files: Mapping[str, str], finding: Finding[str], fixed: PathPatterns) -> Paths:
    inside = [path for path in files if PathPatterns([finding.value]).match(path)]
    if not finding.value.endswith("/**") or not any(map(fixed.match, inside)):
        return (finding,)
    folder = finding.value.removesuffix("**")
    depth = folder.count("/")
    children: dict[str, None] = {}
    for path in inside:
        parts = path.split("/")
        children["/".join(parts[: depth + 1]) + ("/" if len(parts) > depth + 1 else "")] = None
    parts_of = [
        Finding(_pattern(child), finding.why, finding.certainty, finding.source)
        for child in children
        if child.endswith("/") or not fixed.match(child)
    ]
    return tuple(part for child in parts_of for part in _narrow(files, child, fixed))
