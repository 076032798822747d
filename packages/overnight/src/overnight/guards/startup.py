"""Files that run before the measured program, or in place of a module that it imports."""

from collections.abc import Collection, Iterable, Sequence
from pathlib import PurePosixPath

from overnight.patterns import PathPatterns
from overnight.types import Change, ChangeKind, Judgement, Verdict

_RUN_FIRST = {
    "sitecustomize.py": "which Python runs before any program",
    "usercustomize.py": "which Python runs before any program",
    "conftest.py": "which pytest runs before any test",
    "pyvenv.cfg": "which tells Python where its modules are",
}
_SUFFIXES = {
    ".pth": "whose lines Python runs before any program",
    ".egg-link": "which adds to Python's path",
    ".pyc": "which Python can run in place of a source file",
}
_MODULE_SUFFIXES = (".py", ".pyi", ".so", ".pyd")
_BINARY_SUFFIXES = (".so", ".pyd")


def refuse_startup(
    changes: Sequence[Change],
    *,
    existing: Collection[str],
    import_roots: Collection[str],
    importable: Collection[str],
    protected: PathPatterns,
) -> Judgement | None:
    """Refuse added files that could take over the measured program from outside of it.

    Args:
        existing: Every path of the parent.
        import_roots: Directories of the checkout that modules are imported from; ``""`` is its top.
        importable: Top-level names of the standard library and of installed packages, and those
            that protected code imports.
    """
    for change in changes:
        if change.kind is not ChangeKind.ADDED:
            continue
        path = PurePosixPath(change.path)
        why = _RUN_FIRST.get(path.name.lower()) or _SUFFIXES.get(path.suffix.lower())
        if why is not None:
            return Judgement(Verdict.TAMPERED, f"It adds {path}, {why}.")
        hidden = _hidden_module(path)
        if hidden in existing and protected.match(hidden):
            reason = f"It adds {path}, which would be imported in place of {hidden}."
            return Judgement(Verdict.TAMPERED, reason)
        shadowed = _shadowed(path, import_roots, importable)
        if shadowed is not None and not _is_known(shadowed, path, existing):
            reason = f"It adds {path}, which would be imported in place of the module {shadowed!r}."
            return Judgement(Verdict.TAMPERED, reason)
    return None


def import_roots(commands: Iterable[str], python_path: str = "") -> frozenset[str]:
    """The directories of a checkout from which the programs of some command lines import.

    Args:
        python_path: The study's own PYTHONPATH, if any.
    """
    words = (word.strip("'\";()") for line in commands for word in line.split())
    scripts = (PurePosixPath(word) for word in words if word.endswith(".py"))
    places = (PurePosixPath(place) for place in python_path.split(":") if place)
    found = {str(script.parent) for script in scripts} | {str(place) for place in places}
    return frozenset("" if place == "." else place.removeprefix("./") for place in found | {"."})


def _hidden_module(path: PurePosixPath) -> str:
    """The source file that Python passes by for a new one: a package or a binary goes before it."""
    if path.name.startswith("__init__."):
        return f"{path.parent}.py"
    if path.suffix.lower() in _BINARY_SUFFIXES:
        return str(path.with_name(f"{_module_name(path.name)}.py"))
    return ""


def _shadowed(
    path: PurePosixPath, roots: Collection[str], importable: Collection[str]
) -> str | None:
    """The importable name that a new file would stand in for."""
    for root in roots:
        if root and not path.is_relative_to(root):
            continue
        first, *rest = path.relative_to(root).parts if root else path.parts
        name = first if rest else _module_name(first)
        if name in importable:
            return name
    return None


def _module_name(file: str) -> str | None:
    return file.split(".", 1)[0] if file.endswith(_MODULE_SUFFIXES) else None


def _is_known(name: str, path: PurePosixPath, existing: Collection[str]) -> bool:
    """Whether the study itself has a module of that name in the same place."""
    parts = path.parts
    above = "/".join(parts[: parts.index(name)]) if name in parts[:-1] else str(path.parent)
    place = "" if above in ("", ".") else f"{above}/"
    return any(other.startswith((f"{place}{name}/", f"{place}{name}.")) for other in existing)
