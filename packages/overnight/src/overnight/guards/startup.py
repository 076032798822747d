"""Files that run before the measured program, or in place of a module that it imports."""

from collections.abc import Collection, Iterable, Sequence
from itertools import pairwise
from pathlib import PurePosixPath

from overnight.patterns import PathPatterns
from overnight.types import Change, ChangeKind, Judgement, Verdict

_RUN_FIRST = {
    "conftest.py": "which pytest runs before any test",
    "pyvenv.cfg": "which tells Python where its modules are",
    ".python-version": "which chooses the interpreter",
    "uv.toml": "which changes what uv installs",
}
_MODULES_RUN_FIRST = frozenset({"sitecustomize", "usercustomize"})
_SUFFIXES = {
    ".pth": "whose lines Python runs before any program",
    ".egg-link": "which adds to Python's path",
    ".pyc": "which Python can run in place of a source file",
}
_ENTERING = ("cd", "pushd", "-C", "--directory")
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
        why = _why_first(path)
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

    They are those of the scripts that are named, each also below the directories that are entered.

    Args:
        python_path: The study's own PYTHONPATH, if any.
    """
    words = [word.strip("'\";()&") for line in commands for word in line.split()]
    entered = [word for before, word in pairwise(words) if before in _ENTERING]
    scripts = [str(PurePosixPath(word).parent) for word in words if word.endswith(".py")]
    inline = [word.partition("=")[2] for word in words if word.startswith("PYTHONPATH=")]
    found = [place for paths in (python_path, *inline) for place in paths.split(":")]
    bases = [PurePosixPath(base) for base in ("", *entered)]
    places = [base / place for base in bases for place in ("", *scripts, *found)]
    return frozenset("" if place == PurePosixPath() else str(place) for place in places)


def _why_first(path: PurePosixPath) -> str | None:
    """Why a file would run, or have its say, before the measured program."""
    modules = {*path.parts[:-1], _module_name(path.name)}
    if not modules.isdisjoint(_MODULES_RUN_FIRST):
        return "which Python runs before any program"
    name = path.name.lower()
    by_suffix = (why for suffix, why in _SUFFIXES.items() if name.endswith(suffix))
    return _RUN_FIRST.get(name) or next(by_suffix, None)


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
    """The importable name that a new module would stand in for."""
    if _module_name(path.name) is None:
        return None
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
    return any(
        other.startswith((f"{place}{name}/", f"{place}{name}.")) and _module_name(other) is not None
        for other in existing
    )
