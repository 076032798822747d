"""The tables of ``overnight.toml`` and what each key may hold."""

import re
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
)

from overnight.durations import parse_duration_s
from overnight.notices import News
from overnight.sandbox.network.allowlist import AllowList
from overnight.types import Clock, Constraint, Goal, SandboxKind, Ties

METRIC_NAME = r"[A-Za-z_][\w./-]*"
_NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$"  # of branches too


def _check_pattern(pattern: str) -> str:
    if not pattern.strip() or pattern.startswith("!"):
        raise ValueError("write a path or a pattern such as 'train.py' or 'src/**'")
    if ".." in PurePosixPath(pattern).parts or pattern.startswith("~"):
        raise ValueError("a pattern is relative to the repository root and stays inside it")
    return pattern


def _check_network(value: object) -> object:
    if isinstance(value, str) and value in ("off", "on", "needed"):
        return value
    if not isinstance(value, list | tuple) or not all(isinstance(host, str) for host in value):
        raise ValueError("write 'off', 'on' or a list of hosts such as ['api.openai.com']")
    AllowList.parse(value)
    return tuple(value)


def _check_path(path: str) -> str:
    if not path.strip():
        raise ValueError("write a path; '~' is your home, others start at the repository root")
    return path


def _check_device(name: str) -> str:
    if not re.fullmatch(r"\d+|(GPU|MIG)-.+|cpu:\d+(-\d+)?(,\d+(-\d+)?)*", name):
        raise ValueError("write a GPU's index or UUID, or processors such as 'cpu:0-3'")
    return name


def _as_table(value: object) -> object:
    return {"kind": value} if isinstance(value, str) else value


Duration = Annotated[float, BeforeValidator(parse_duration_s)]
Pattern = Annotated[str, AfterValidator(_check_pattern)]
Network = Annotated[str | tuple[str, ...], BeforeValidator(_check_network)]
HostPath = Annotated[str, AfterValidator(_check_path)]
DeviceName = Annotated[str, AfterValidator(_check_device)]


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
    network: Network = "off"


class ClaimedTimeTable(_Table):
    """``[measure.claimed_time]``: the training time that a run reports, to hold against ours.

    Attributes:
        metric: Its name, in seconds.
        clock: Which of the harness's clocks it must agree with.
    """

    metric: str = Field(pattern=f"^{METRIC_NAME}$")
    clock: Clock = Clock.WALL


class MeasureTable(_Table):
    """``[measure]``: the command whose output carries the metric.

    Attributes:
        strict: Refuse a metric that is reported twice, or by a child of the program.
        seed_variable: The environment variable that seeds a run; checkpoints set it anew.
        pass_env: Variables of the user's to hand on although their names look like secrets.
    """

    command: str = Field(min_length=1)
    deadline_s: Duration = Field(alias="deadline")
    output_mb: float = Field(default=64.0, gt=0)
    env: dict[str, str] = Field(default_factory=dict)
    pass_env: tuple[str, ...] = ()
    network: Network = "off"
    strict: bool = False
    seed_variable: str | None = Field(default=None, pattern=r"^[A-Za-z_]\w*$")
    claimed_time: ClaimedTimeTable | None = None


class ScoreTable(_Table):
    """``[score]``: protected code that turns what a run left into the metric, in its own sandbox.

    Attributes:
        files: Files and directories that no other sandbox ever sees.
    """

    command: str = Field(min_length=1)
    deadline_s: Duration = Field(default=600.0, alias="deadline")
    env: dict[str, str] = Field(default_factory=dict)
    files: tuple[HostPath, ...] = ()


class HoldoutTable(ScoreTable):
    """``[holdout]``: a second score at checkpoints only, which no brief ever tells.

    Attributes:
        metric: What it reports; the study's metric where it is not named.
    """

    metric: str | None = Field(default=None, pattern=f"^{METRIC_NAME}$")


class SandboxTable(_Table):
    """``sandbox = "none"`` or ``[sandbox]``: what programs can see and use.

    Attributes:
        read: More that they may read, such as a directory of data.
        write: What they may write and find again in the next run.
        hide: What they must not see although the system's other files are visible.
        caches: Package managers' caches, writable for one run; left out: those that are there.
        gpu: ``auto`` leases the first free one, ``none`` hides all; or an index or UUID.
        devices: More device nodes.
        memory_gb: For all processes of a command; left out: nine tenths of the machine's.
        disk_gb: What a command may write; left out: what is free, less a reserve.
    """

    kind: SandboxKind = SandboxKind.BUBBLEWRAP
    read: tuple[HostPath, ...] = ()
    write: tuple[HostPath, ...] = ()
    hide: tuple[HostPath, ...] = ()
    caches: tuple[HostPath, ...] | None = None
    gpu: str = "auto"
    devices: tuple[Annotated[str, Field(pattern=r"^/dev/")], ...] = ()
    memory_gb: float | None = Field(default=None, gt=0)
    processes: int = Field(default=4096, ge=8)
    disk_gb: float | None = Field(default=None, gt=0)


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
    network: Network = "needed"
    gpu: bool = True
    price: PriceTable | None = None
    options: dict[str, Any] = Field(default_factory=dict)


class BudgetTable(_Table):
    """``[budget]``: when the night ends; what is not set has no limit."""

    hours: float | None = Field(default=None, gt=0, le=87_600)
    device_hours: float | None = Field(default=None, gt=0, le=87_600)
    trials: int | None = Field(default=None, ge=1)
    agent_tokens: int | None = Field(default=None, ge=1)
    money_usd: float | None = Field(default=None, gt=0)


class ArmTable(ResearcherTable):
    """``[[compare.arms]]``: a researcher of a comparison.

    Attributes:
        name: What it is called; left out: its kind and model.
        program: A program file in place of the study's.
    """

    name: str | None = Field(default=None, pattern=_NAME, max_length=60)
    program: str | None = None


class CompareTable(_Table):
    """``[compare]``: researchers run against each other.

    Attributes:
        budget: What each arm may use up; the study's own where nothing is said.
        order: Turns in random blocks, one arm after the other, or at the same time on `devices`.
        devices: GPUs by index or UUID, or processors as ``cpu:0-3``; left out: the free GPUs.
        repeats: Nights of each arm, each from the baseline.
        runs: How often the results and the baseline are measured again at the end.
    """

    arms: tuple[ArmTable, ...] = ()
    budget: BudgetTable = BudgetTable()
    order: Literal["interleaved", "sequential", "parallel"] = "interleaved"
    devices: tuple[DeviceName, ...] = ()
    seed: int = 0
    repeats: int = Field(default=1, ge=1, le=100)
    runs: int = Field(default=5, ge=2, le=100)

    @field_validator("devices")
    @classmethod
    def _for_parallel(cls, value: tuple[str, ...], others: ValidationInfo) -> tuple[str, ...]:
        if value and others.data.get("order", "parallel") != "parallel":
            raise ValueError("only order = 'parallel' uses devices; say that as well")
        if len(set(value)) < len(value):
            raise ValueError("a device is named twice")
        return value


class CheckpointTable(_Table):
    """``[checkpoint]``: when baseline and incumbent are measured again from a clean clone.

    Attributes:
        every_trials: After so many trials with a verdict; 0 for never.
        every_s: After so much time at work.
        at_end: Also when a night has used up its budget.
        repeats: Runs of each side.
        least_share: How much of the gain that was recorded must be there again.
    """

    every_trials: int = Field(default=25, ge=0)
    every_s: Duration | None = Field(default=None, alias="every")
    at_end: bool = True
    repeats: int = Field(default=2, ge=1, le=20)
    least_share: float = Field(default=0.25, ge=0, le=1)

    @property
    def is_periodic(self) -> bool:
        """Whether there are any in the course of a night."""
        return self.every_trials > 0 or self.every_s is not None


class JudgeTable(_Table):
    """``[drift.judge]``: a model that is asked whether the night still serves its objective."""

    base_url: str = Field(pattern=r"^https?://\S+$")
    model: str = Field(min_length=1)
    env_key: str | None = Field(default=None, min_length=1)
    every_trials: int = Field(default=5, ge=1)


class DriftTable(_Table):
    """``[drift]``: how drift is seen, and what is done about it, in which order.

    Attributes:
        window: How many of the latest trials the signals look at.
        grace: Trials that a response is given to work before the next one.
        limits: How often each response may be given in a night; left out: once each, pause always.
    """

    watch: bool = True
    window: int = Field(default=8, ge=3, le=100)
    burn_in: int = Field(default=8, ge=3, le=100)
    grace: int = Field(default=3, ge=1, le=50)
    responses: tuple[Literal["re_anchor", "clean_context", "roll_back", "pause"], ...] = (
        "re_anchor",
        "clean_context",
        "roll_back",
        "pause",
    )
    limits: dict[Literal["re_anchor", "clean_context", "roll_back", "pause"], int] = Field(
        default_factory=dict
    )
    judge: JudgeTable | None = None


class NotifyTable(_Table):
    """``[notify]``: where news of the night goes, as apprise's URLs.

    Attributes:
        urls: ``${NAME}`` in them stands for an environment variable, so that no secret is here.
        news: Which kinds; left out: all.
    """

    urls: tuple[str, ...] = ()
    news: tuple[News, ...] = tuple(News)


class WatchTable(_Table):
    """``[watch]``: when to stop spending on something that is broken.

    Attributes:
        agent_failures: So many failures of the agent in a row.
        unmeasured: So many trials in a row that came to no measurement.
        least_disk_gb: Free space below which nothing is begun.
        pause: Wait for `overnight resume` then, rather than end the session.
        give_up_s: Longest pause of its own; then the session ends.
    """

    agent_failures: int = Field(default=5, ge=1)
    unmeasured: int = Field(default=10, ge=1)
    least_disk_gb: float = Field(default=1.0, ge=0)
    pause: bool = True
    give_up_s: Duration = Field(default=12 * 3600.0, alias="give_up")


class StudyTables(_Table):
    """The whole study file."""

    name: str = Field(pattern=_NAME, max_length=100)
    program: str | None = None
    metric: MetricTable
    scope: ScopeTable
    setup: SetupTable | None = None
    measure: MeasureTable
    score: ScoreTable | None = None
    holdout: HoldoutTable | None = None
    gate: GateTable = GateTable()
    researcher: ResearcherTable = ResearcherTable()
    budget: BudgetTable = BudgetTable()
    compare: CompareTable = CompareTable()
    sandbox: Annotated[SandboxTable, BeforeValidator(_as_table)] = SandboxTable()
    checkpoint: CheckpointTable = CheckpointTable()
    drift: DriftTable = DriftTable()
    notify: NotifyTable = NotifyTable()
    watch: WatchTable = WatchTable()

    @field_validator("name")
    @classmethod
    def _names_a_branch(cls, value: str) -> str:
        if value.endswith(".lock"):
            raise ValueError("git allows no branch whose name ends with '.lock'")
        return value
