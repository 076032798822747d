"""The ledger as data frames."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from overnight.ledger.queries import LedgerReader
from overnight.report.jsons import to_json
from overnight.report.rows import TrialRow, trial_rows

if TYPE_CHECKING:
    import pandas as pd

METRIC_PREFIX = "metric."
_NESTED = ("details", "metrics")
_TIMES = ("created_at", "proposed_at", "finished_at")
_INTEGERS = (
    "number",
    "night",
    "incumbent",
    "demoted_after",
    "attempts",
    "runs",
    "exit_code",
    "lines_added",
    "lines_removed",
    "input_tokens",
    "cached_input_tokens",
    "output_tokens",
    "reasoning_tokens",
)
_NUMBERS = (
    "value",
    "incumbent_value",
    "to_beat",
    "gain",
    "best",
    "minutes",
    "work_minutes",
    "propose_s",
    "measure_s",
    "thinking_s",
    "guards_s",
    "measuring_s",
    "idle_s",
    "cost_usd",
)


def flat_columns(rows: Sequence[TrialRow]) -> list[str]:
    """The columns of a table of trials: a row's keys, and one for each metric that any run told."""
    plain = [name for name in TrialRow.__annotations__ if name not in _NESTED]
    metrics = sorted({name for row in rows for name in row["metrics"]})
    return [*plain, "details", *(METRIC_PREFIX + name for name in metrics)]


def flat(row: TrialRow) -> dict[str, object]:
    """A row without nesting: metrics as columns of their own, details as JSON."""
    plain: dict[str, object] = {name: cell for name, cell in row.items() if name not in _NESTED}
    plain["details"] = to_json(row["details"])
    plain.update({METRIC_PREFIX + name: value for name, value in row["metrics"].items()})
    return plain


def trial_frame(reader: LedgerReader) -> "pd.DataFrame":
    """One row per trial, as `TrialRow` describes it, with a column ``metric.<name>`` per metric.

    Whole numbers are ``Int64`` and times are in UTC; what is not known is missing, never 0.
    """
    return frame_of(trial_rows(reader))


def frame_of(rows: Sequence[TrialRow]) -> "pd.DataFrame":
    """Rows as a data frame; see `trial_frame`."""
    import pandas as pd  # noqa: PLC0415 (slow to import, and few commands need it)

    columns = flat_columns(rows)
    frame = pd.DataFrame.from_records([flat(row) for row in rows], columns=columns)
    dtypes = {name: _dtype(name) for name in columns}
    for name in _TIMES:
        frame[name] = pd.to_datetime(frame[name], utc=True)
    return frame.astype(dtypes)


def _dtype(column: str) -> str:
    if column in _INTEGERS:
        return "Int64"
    if column in _TIMES:
        return "datetime64[us, UTC]"
    if column in _NUMBERS or column.startswith(METRIC_PREFIX):
        return "float64"
    return "str"
