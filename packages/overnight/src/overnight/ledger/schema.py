"""Tables of ``.overnight/ledger.db``."""

import sqlite3
from pathlib import Path

from sqlalchemy import (
    JSON,
    URL,
    Boolean,
    Column,
    Dialect,
    Engine,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    create_engine,
    event,
)
from sqlalchemy.pool import ConnectionPoolEntry

SCHEMA_VERSION = 3
OLDEST_VERSION = 2  # since then, versions only add columns that may be NULL

metadata = MetaData()


class ForeignText(TypeDecorator[str]):
    """Text from outside; halves of surrogate pairs, which no database takes, are escaped."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 (the interface)
        """Make a value storable."""
        return None if value is None else value.encode(errors="backslashreplace").decode()


study = Table(
    "study",
    metadata,
    Column("id", String, primary_key=True),
    Column("schema_version", Integer, nullable=False),
    Column("name", String, nullable=False),
    Column("metric", String, nullable=False),
    Column("goal", String, nullable=False),
    Column("baseline_commit", String, nullable=False),
    Column("created_at", String, nullable=False),
)

# Arms run against each other under equal budgets.
comparisons = Table(
    "comparisons",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("started_at", String, nullable=False),
    Column("ended_at", String),
    Column("settings", JSON, nullable=False, default=dict),  # schedule, seed, budget, runs
)

# One researcher set-up in a comparison: a chain of keeps of its own, on a branch of its own.
arms = Table(
    "arms",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("comparison", ForeignKey("comparisons.id"), nullable=False),
    Column("name", String, nullable=False),
    Column("repeat", Integer, nullable=False),  # from 1: which of its nights
    Column("branch", String, nullable=False),
    Column("settings", JSON, nullable=False, default=dict),  # kind, model, options
    UniqueConstraint("comparison", "name", "repeat"),
)

# A night is one budget's worth of work; it may be interrupted and gone on with in several sessions.
nights = Table(
    "nights",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("arm", ForeignKey("arms.id")),
    Column("started_at", String, nullable=False),
    Column("ended_at", String),
    Column("end_reason", ForeignText),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("night", ForeignKey("nights.number"), nullable=False),
    Column("host", String, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started_at", String, nullable=False),
    Column("ended_at", String),
    Column("active_s", Float, nullable=False, default=0.0),
)

trials = Table(
    "trials",
    metadata,
    Column("number", Integer, primary_key=True),  # 0 is the baseline
    Column("night", ForeignKey("nights.number"), nullable=False),
    Column("state", String, nullable=False),
    Column("verdict", String),
    Column("reason", ForeignText),
    Column("researcher", String, nullable=False),
    Column("model", String),
    Column("parent_commit", String, nullable=False),
    Column("commit", String),
    Column("tree", String),
    Column("title", ForeignText, nullable=False, default=""),
    Column("rationale", ForeignText, nullable=False, default=""),
    Column("target", ForeignText, nullable=False, default=""),  # the metric it says it improves
    Column("details", JSON, nullable=False, default=dict),
    Column("lines_added", Integer),
    Column("lines_removed", Integer),
    Column("value", Float),  # the objective, as judged; NULL when there is none
    Column("to_beat", Float),  # the incumbent's value that it was judged against
    Column("demoted_after", Integer),  # a keep that did not hold: the latest trial at that time
    Column("created_at", String, nullable=False),
    Column("proposed_at", String),
    Column("finished_at", String),
    Column("thinking_s", Float),  # where its time went; NULL where that is not known
    Column("guards_s", Float),
    Column("measuring_s", Float),
    Column("idle_s", Float),
    Index("trials_by_verdict", "verdict", "number"),
    Index("trials_by_tree", "tree"),
    Index("trials_by_state", "state"),
    Index("trials_by_night", "night", "verdict"),
)

runs = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("trial", ForeignKey("trials.number"), nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("started_at", String, nullable=False),
    Column("outcome", String),
    Column("reason", ForeignText),
    Column("exit_code", Integer),
    Column("duration_s", Float),
    Column("output_bytes", Integer),
    Column("metrics", JSON, nullable=False, default=dict),
    Column("trust", String, nullable=False, default="open"),
    Column("purpose", String, nullable=False, default="trial"),
    Column("checkpoint", ForeignKey("checkpoints.id")),
    Column("device", String),  # where a comparison has several
    Column("block", Integer),  # of a comparison's last measurement
    UniqueConstraint("trial", "ordinal"),
    Index("runs_by_checkpoint", "checkpoint"),
)

# A re-validation of the incumbent, or an audit of the whole chain; its runs name it.
checkpoints = Table(
    "checkpoints",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("night", ForeignKey("nights.number")),
    Column("kind", String, nullable=False),
    Column("after_trial", Integer, nullable=False),  # the latest trial when it began
    Column("incumbent", ForeignKey("trials.number"), nullable=False),
    Column("started_at", String, nullable=False),
    Column("finished_at", String),
    Column("outcome", String),
    Column("reason", ForeignText, nullable=False, default=""),
    Column("culprit", Integer),  # the keep at fault, where one was found
    Column("branch_from", String),  # where the branch is being moved back from, until it is
    Column("facts", JSON, nullable=False, default=dict),
)

drift = Table(
    "drift",
    metadata,
    Column("trial", ForeignKey("trials.number"), primary_key=True),
    Column("score", Float, nullable=False),
    Column("threshold", Float, nullable=False),
    Column("drifting", Boolean, nullable=False),
    Column("signals", JSON, nullable=False, default=list),
    Column("response", String),
)

# What happened beside the trials: steering, pauses, responses to drift, trouble.
events = Table(
    "events",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", String, nullable=False),
    Column("night", ForeignKey("nights.number")),
    Column("trial", Integer),
    Column("kind", String, nullable=False),
    Column("text", ForeignText, nullable=False, default=""),
    Column("details", JSON, nullable=False, default=dict),
    Index("events_by_kind", "kind", "id"),
)

attempts = Table(
    "attempts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("trial", ForeignKey("trials.number"), nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("started_at", String, nullable=False),
    Column("duration_s", Float, nullable=False),
    Column("outcome", String, nullable=False),  # "proposal", or the kind of a ResearcherError
    Column("message", ForeignText, nullable=False, default=""),
    Column("input_tokens", Integer),
    Column("cached_input_tokens", Integer),
    Column("output_tokens", Integer),
    Column("reasoning_tokens", Integer),
    Column("cost_usd", Float),
    Column("priced_by", String),  # whose price that is
    Column("commands", JSON, nullable=False, default=list),  # what the agent says it ran
    Column("refused", JSON, nullable=False, default=list),  # what the sandbox did not let it do
    UniqueConstraint("trial", "ordinal"),
    Index("attempts_by_trial", "trial"),
)


def connect(path: Path) -> Engine:
    """Open a ledger's database; writers wait for each other up to ten seconds."""
    where = URL.create("sqlite", database=str(path))  # not as text: a path may hold ? # and %
    engine = create_engine(where, connect_args={"timeout": 10.0})
    event.listen(engine, "connect", _set_pragmas)
    return engine


def _set_pragmas(connection: sqlite3.Connection, _record: ConnectionPoolEntry) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
