"""Every guard that a proposal must pass before any device time is spent on it."""

from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import islice

from overnight.config import Study
from overnight.guards.reaching import Edit, imported_names, module_names, refuse_reaching
from overnight.guards.scope import refuse_scope
from overnight.guards.startup import import_roots, refuse_startup
from overnight.types import Change, ChangeKind, EntryKind, Judgement
from overnight.workspace.candidates import Candidate
from overnight.workspace.repository import Repository

_MOST_SOURCES = 500


class ProposalGuards:
    """Scope, then what would run outside of the measured program, then what reaches into it.

    Args:
        baseline: The commit whose protected files count.
        importable: Gives the names of modules that must not be shadowed; asked once.
    """

    def __init__(
        self,
        study: Study,
        repository: Repository,
        *,
        baseline: str,
        importable: Callable[[], frozenset[str]],
    ) -> None:
        self._study = study
        self._repository = repository
        self._baseline = baseline
        self._ask_importable = importable

    def refuse(self, candidate: Candidate) -> Judgement | None:
        """Why a candidate is not measured, or None."""
        study, changes = self._study, candidate.changes
        existing = self._repository.files(candidate.parent)
        added = any(change.kind is ChangeKind.ADDED for change in changes)
        known = frozenset(existing) if added else frozenset()
        return (
            refuse_scope(
                changes, editable=study.editable, protected=study.protected, existing=known
            )
            or self._refuse_startup(changes, known)
            or refuse_reaching(self._edits(candidate), protected=self._protected_modules)
        )

    def _refuse_startup(
        self, changes: Sequence[Change], existing: frozenset[str]
    ) -> Judgement | None:
        if not existing:
            return None
        return refuse_startup(
            changes,
            existing=existing,
            import_roots=self._import_roots,
            importable=self._importable,
            protected=self._study.protected,
        )

    def _edits(self, candidate: Candidate) -> list[Edit]:
        return [
            Edit(
                change.path,
                old=self._repository.text(candidate.parent, change.path),
                new=self._repository.text(candidate.commit, change.path),
            )
            for change in candidate.changes
            if change.entry is EntryKind.FILE and _is_source(change.path)
        ]

    @cached_property
    def _importable(self) -> frozenset[str]:
        return self._ask_importable() | self._imported_by_protected()

    def _imported_by_protected(self) -> frozenset[str]:
        """What protected code imports, wherever that is installed."""
        sources = islice(filter(_is_source, self._protected_files), _MOST_SOURCES)
        return imported_names(self._repository.text(self._baseline, path) for path in sources)

    @cached_property
    def _import_roots(self) -> frozenset[str]:
        path = self._study.measure.env.get("PYTHONPATH", "")
        return import_roots(self._study.commands, path)

    @cached_property
    def _protected_modules(self) -> frozenset[str]:
        return module_names(self._protected_files)

    @cached_property
    def _protected_files(self) -> list[str]:
        return list(filter(self._study.protected.match, self._repository.files(self._baseline)))


def _is_source(path: str) -> bool:
    return path.endswith(".py")
