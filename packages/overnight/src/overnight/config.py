"""``overnight.toml`` -> `Study`, checked once; every error names the key, the line and the fix."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import ErrorDetails

from overnight.durations import parse_duration_s
from overnight.errors import StudyFileError
from overnight.patterns import PathPatterns
from overnight.researchers.base import ResearcherSettings
from overnight.types import Constraint, Goal, Objective, Ties

STUDY_FILE = "overnight.toml"
METRIC_NAME = r"[A-Za-z_][\w./-]*"


def _check_pattern(pattern: str) -> str:
    if not pattern.strip() or pattern.startswith("!"):
        raise ValueError("write a path or a pattern such as 'train.py' or 'src/**'")
    if ".." in PurePosixPath(pattern).parts or pattern.startswith("~"):
        raise ValueError("a pattern is relative to the repository root and stays inside it")
    return pattern


Duration = Annotated[float, BeforeValidator(parse_duration_s)]
Pattern = Annotated[str, AfterValidator(_check_pattern)]


class _Table(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, populate_by_name=True, allow_inf_nan=False
    )


class MetricTable(_Table):
    """``[metric]``: what is optimised and what must hold."""

    name: str = Field(pattern=f"^{METRIC_NAME}$")
    goal: Goal = Goal.MINIMIZE
    constraints: tuple[str, ...] = ()

    @field_validator("goal", mode="before")
    @classmethod
    def _accept_british(cls, value: object) -> object:
        return value.replace("ise", "ize") if isinstance(value, str) else value

    @field_validator("constraints")
    @classmethod
    def _readable(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            Constraint.parse(text)
        return value


class ScopeTable(_Table):
    """``[scope]``: which files a proposal may change."""

    editable: tuple[Pattern, ...] = Field(min_length=1)
    protected: tuple[Pattern, ...] = ()
    max_file_mb: float = Field(default=1.0, gt=0)

    @field_validator("protected")
    @classmethod
    def _disjoint(cls, value: tuple[str, ...], others: ValidationInfo) -> tuple[str, ...]:
        both = set(value) & set(others.data.get("editable", ()))
        if both:
            raise ValueError(f"{min(both)!r} is editable too; take it out of one of the two")
        return value


class SetupTable(_Table):
    """``[setup]``: runs in every fresh checkout before the measured command, untimed."""

    command: str = Field(min_length=1)
    deadline_s: Duration = Field(default=600.0, alias="deadline")


class MeasureTable(_Table):
    """``[measure]``: the command whose output carries the metric."""

    command: str = Field(min_length=1)
    deadline_s: Duration = Field(alias="deadline")
    output_mb: float = Field(default=64.0, gt=0)
    env: dict[str, str] = Field(default_factory=dict)


class GateTable(_Table):
    """``[gate]``: what it takes to be kept."""

    ties: Ties = Ties.DISCARD
    min_delta: float = Field(default=0.0, ge=0)


class PriceTable(_Table):
    """``[researcher.price]``: US dollars per million tokens, where no public price is known."""

    input: float = Field(ge=0)
    cached_input: float | None = Field(default=None, ge=0)
    output: float = Field(ge=0)


class ResearcherTable(_Table):
    """``[researcher]``: who proposes."""

    kind: str = "tune"
    model: str | None = None
    deadline_s: Duration = Field(default=1200.0, alias="deadline")
    silence_s: Duration = Field(default=300.0, alias="silence")
    attempts: int = Field(default=4, ge=1)
    price: PriceTable | None = None
    options: dict[str, Any] = Field(default_factory=dict)


class BudgetTable(_Table):
    """``[budget]``: when the night ends; what is not set has no limit."""

    hours: float | None = Field(default=None, gt=0, le=87_600)
    trials: int | None = Field(default=None, ge=1)
    agent_tokens: int | None = Field(default=None, ge=1)
    money_usd: float | None = Field(default=None, gt=0)


class StudyTables(_Table):
    """The whole study file."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$", max_length=100)
    program: str | None = None
    metric: MetricTable
    scope: ScopeTable
    setup: SetupTable | None = None
    measure: MeasureTable
    gate: GateTable = GateTable()
    researcher: ResearcherTable = ResearcherTable()
    budget: BudgetTable = BudgetTable()

    @field_validator("name")
    @classmethod
    def _names_a_branch(cls, value: str) -> str:
        if value.endswith(".lock"):
            raise ValueError("git allows no branch whose name ends with '.lock'")
        return value


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
            raise StudyFileError(_explain("In place of the study file's", "", error)) from error
        who = tables.researcher
        if researcher is not None and researcher != who.kind:
            who = ResearcherTable(kind=researcher)
        if model is not None:
            who = who.model_copy(update={"model": model})
        changed = {"budget": budget, "researcher": who}
        return Study(self.path, tables.model_copy(update=changed))

    @property
    def branch(self) -> str:
        """The branch that carries the kept commits."""
        return f"overnight/{self.name}"

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
        raise StudyFileError(_explain_syntax(path.name, text, error)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise StudyFileError(f"{path.name} cannot be read: {error}.") from error
    try:
        study = Study(path, StudyTables.model_validate(document))
    except ValidationError as error:
        raise StudyFileError(_explain(path.name, text, error)) from error
    study.program_text()
    return study


def _explain_syntax(file: str, text: str, error: tomllib.TOMLDecodeError) -> str:
    told = re.fullmatch(r"(?P<what>.+) \(at line (?P<line>\d+), column \d+\)", str(error))
    what, line = (told["what"], int(told["line"])) if told else (str(error), text.count("\n") + 1)
    what = what.removesuffix(" (at end of document)")
    return f"{file}:{line}: this is not TOML: {what}. Mend that line; see https://toml.io."


def _explain(file: str, text: str, error: ValidationError) -> str:
    lines = [_explain_one(file, text, detail) for detail in error.errors()]
    return "\n".join(lines)


def _explain_one(file: str, text: str, detail: ErrorDetails) -> str:
    keys = tuple(str(part) for part in detail["loc"] if isinstance(part, str))
    line = line_of_key(text, keys)
    where = f"{file}:{line}" if line else file
    key = ".".join(keys)
    match detail["type"]:
        case "extra_forbidden":
            return f"{where}: unknown key {key!r}. {_suggest_key(keys)}"
        case "missing":
            return f"{where}: {key!r} is missing. Add it; see `overnight init --help`."
        case "model_type" | "dict_type":
            problem = f"write it as a table, [{key}]"
        case "tuple_type" | "too_short":
            problem = "write a list, such as ['one', 'two']"
        case _:
            problem = detail["msg"].removeprefix("Value error, ")
    return f"{where}: {key} = {detail['input']!r}: {problem[:1].lower()}{problem[1:]}."


def _suggest_key(keys: tuple[str, ...]) -> str:
    known = _known_keys(keys[:-1])
    close = get_close_matches(keys[-1], known, n=1)
    return f"Did you mean {close[0]!r}?" if close else f"Known here: {', '.join(known)}."


def _known_keys(tables: tuple[str, ...]) -> list[str]:
    model: type[BaseModel] = StudyTables
    for name in tables:
        annotation = model.model_fields[name].annotation
        options = getattr(annotation, "__args__", (annotation,))
        model = next(o for o in options if isinstance(o, type) and issubclass(o, BaseModel))
    return [field.alias or name for name, field in model.model_fields.items()]


def line_of_key(text: str, keys: Sequence[str]) -> int | None:
    """The 1-based line of valid TOML where a key stands; its table's where the key is absent.

    The beginning of a TOML file up to the end of any statement is TOML too: the statement that
    ends where `keys` first appear is the one that holds them.
    """
    lines = text.split("\n")
    first = 1
    for last in range(1, len(lines) + 1):
        try:
            document = tomllib.loads("\n".join(lines[:last]) + "\n")
        except tomllib.TOMLDecodeError:
            continue
        if _holds(document, keys):
            return first
        first = last + 1
    return line_of_key(text, keys[:-1]) if len(keys) > 1 else None


def _holds(value: object, keys: Sequence[str]) -> bool:
    if not keys:
        return True
    if isinstance(value, list):
        return any(_holds(element, keys) for element in value)
    return isinstance(value, Mapping) and keys[0] in value and _holds(value[keys[0]], keys[1:])
