"""Every guard that a proposal must pass before any device time is spent on it."""

from collections.abc import Callable, Sequence
from functools import cached_property

from overnight.config import Study
from overnight.guards.reaching import Edit, module_names, refuse_reaching
from overnight.guards.scope import refuse_scope
from overnight.guards.startup import import_roots, refuse_startup
from overnight.types import Change, ChangeKind, EntryKind, Judgement
from overnight.workspace.candidates import Candidate
from overnight.workspace.repository import Repository


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
        known = list(existing) if added else []
        return (
            refuse_scope(
                changes, editable=study.editable, protected=study.protected, existing=known
            )
            or self._refuse_startup(changes, known)
            or refuse_reaching(self._edits(candidate), protected=self._protected_modules)
        )

    def _refuse_startup(self, changes: Sequence[Change], existing: list[str]) -> Judgement | None:
        if not existing:
            return None
        return refuse_startup(
            changes,
            existing=existing,
            import_roots=self._import_roots,
            importable=self._importable,
        )

    def _edits(self, candidate: Candidate) -> list[Edit]:
        return [
            Edit(
                change.path,
                old=self._repository.text(candidate.parent, change.path),
                new=self._repository.text(candidate.commit, change.path),
            )
            for change in candidate.changes
            if change.entry is EntryKind.FILE and change.path.endswith(".py")
        ]

    @cached_property
    def _importable(self) -> frozenset[str]:
        return self._ask_importable()

    @cached_property
    def _import_roots(self) -> frozenset[str]:
        study = self._study
        tables = (study.measure, study.score, study.holdout)
        lines = [table.command for table in tables if table is not None]
        return import_roots(lines, study.measure.env.get("PYTHONPATH", ""))

    @cached_property
    def _protected_modules(self) -> frozenset[str]:
        files = self._repository.files(self._baseline)
        return module_names([path for path in files if self._study.protected.match(path)])
