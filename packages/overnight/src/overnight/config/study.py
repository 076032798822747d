"""A study as its file states it, read and checked once."""

import tomllib
from pathlib import Path

from pydantic import ValidationError

from overnight.config.explain import explain, explain_syntax
from overnight.config.tables import ArmTable, BudgetTable, ResearcherTable, StudyTables
from overnight.errors import StudyFileError
from overnight.patterns import PathPatterns
from overnight.researchers.base import ResearcherSettings
from overnight.types import Constraint, Objective

STUDY_FILE = "overnight.toml"


class Study:
    """One objective over one repository, as its study file states it.

    Args:
        path: The study file; the repository is the directory that holds it.
        tables: Its checked content.
    """

    def __init__(self, path: Path, tables: StudyTables) -> None:
        self.path = path
        self.tables = tables
        self.root = path.parent
        self.name = tables.name
        self.objective = Objective(
            metric=tables.metric.name,
            goal=tables.metric.goal,
            constraints=tuple(Constraint.parse(text) for text in tables.metric.constraints),
        )
        self.editable = PathPatterns(tables.scope.editable)
        self.protected = PathPatterns(tables.scope.protected)
        self.max_file_bytes = int(tables.scope.max_file_mb * 2**20)
        self.setup = tables.setup
        self.measure = tables.measure
        self.gate = tables.gate
        self.researcher = tables.researcher
        self.budget = tables.budget
        self.program = tables.program
        self.score = tables.score
        self.holdout = tables.holdout
        self.sandbox = tables.sandbox
        self.compare = tables.compare
        self.checkpoint = tables.checkpoint
        self.drift = tables.drift
        self.notify = tables.notify
        self.watch = tables.watch

    def override(
        self,
        *,
        trials: int | None = None,
        hours: float | None = None,
        researcher: str | None = None,
        model: str | None = None,
    ) -> "Study":
        """The same study with some settings of the study file replaced; None leaves one alone.

        Naming another researcher leaves the study file's options for its own researcher behind.

        Raises:
            StudyFileError: The study file could not hold such a value either.
        """
        tables = self.tables
        asked = {"trials": trials, "hours": hours}
        given = {name: value for name, value in asked.items() if value is not None}
        try:
            budget = BudgetTable.model_validate(tables.budget.model_dump() | given)
        except ValidationError as error:
            raise StudyFileError(explain("In place of the study file's", "", error)) from error
        who = tables.researcher
        if researcher is not None and researcher != who.kind:
            who = ResearcherTable(kind=researcher)
        if model is not None:
            who = who.model_copy(update={"model": model})
        changed = {"budget": budget, "researcher": who}
        return Study(self.path, tables.model_copy(update=changed))

    def with_budget(self, budget: BudgetTable) -> "Study":
        """The same study with another budget."""
        return Study(self.path, self.tables.model_copy(update={"budget": budget}))

    def with_arm(self, arm: ArmTable, budget: BudgetTable) -> "Study":
        """The same study with the researcher, program and budget of an arm of a comparison."""
        changed = {
            "researcher": arm,
            "budget": budget,
            "program": arm.program or self.program,
        }
        return Study(self.path, self.tables.model_copy(update=changed))

    @property
    def branch(self) -> str:
        """The branch that carries the kept commits."""
        return f"overnight/{self.name}"

    @property
    def commands(self) -> list[str]:
        """The lines of shell that measure a candidate, in all its parts."""
        tables = (self.measure, self.score, self.holdout)
        return [table.command for table in tables if table is not None]

    @property
    def researcher_settings(self) -> ResearcherSettings:
        """What the researcher's factory needs."""
        table = self.researcher
        return ResearcherSettings(
            kind=table.kind,
            model=table.model,
            deadline_s=table.deadline_s,
            silence_s=table.silence_s,
            options=table.options,
            root=self.root,
        )

    def program_text(self) -> str:
        """The study's program for the researcher, or an empty string.

        Raises:
            StudyFileError: The program file cannot be read.
        """
        if self.program is None:
            return ""
        try:
            return (self.root / self.program).read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise StudyFileError(
                f"{self.path.name}: program = {self.program!r} cannot be read ({error.strerror}).",
                fix="Write the file, or remove the key.",
            ) from error


def load_study(path: Path) -> Study:
    """Read and check a study file, given itself or the directory that holds it.

    Raises:
        StudyFileError: It is missing, is not TOML, or holds a key or value that cannot be.
    """
    if path.is_dir():
        path = path / STUDY_FILE
    path = path.absolute()
    try:
        text = path.read_text(encoding="utf-8-sig")
        document = tomllib.loads(text)
    except FileNotFoundError as error:
        raise StudyFileError(
            f"There is no {path.name} in {path.parent}.", fix="Run `overnight init` there first."
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise StudyFileError(explain_syntax(path.name, text, error)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise StudyFileError(f"{path.name} cannot be read: {error}.") from error
    try:
        study = Study(path, StudyTables.model_validate(document))
    except ValidationError as error:
        raise StudyFileError(explain(path.name, text, error)) from error
    study.program_text()
    return study
