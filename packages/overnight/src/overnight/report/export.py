"""Every trial in one file, for other tools."""

import csv
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from io import BytesIO

from overnight.report.frames import flat, flat_columns, frame_of
from overnight.report.jsons import to_json
from overnight.report.rows import TrialRow


class Format(StrEnum):
    """The formats that trials can be exported in."""

    TSV = "tsv"
    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


def encode(rows: Sequence[TrialRow], file_format: Format) -> bytes:
    """Trials as a file's content.

    Tables have a header and a column ``metric.<name>`` per metric; an unknown value is an empty
    field. Fields with tabs, line ends or quotes are quoted as in CSV, in TSV too.
    """
    match file_format:
        case Format.JSONL:
            return "".join(f"{to_json(row)}\n" for row in rows).encode("ascii")
        case Format.PARQUET:
            content = BytesIO()
            frame_of(rows).to_parquet(content, engine="pyarrow", index=False)
            return content.getvalue()
        case Format.TSV:
            return _table(rows, delimiter="\t")
        case Format.CSV:
            return _table(rows, delimiter=",")


class _Lines:
    """Ends rows with LF that csv ended with CR LF, which makes it quote fields with either."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, line: str) -> None:
        """Take one row."""
        self.lines.append(line.removesuffix("\r\n") + "\n")


def _table(rows: Sequence[TrialRow], *, delimiter: str) -> bytes:
    columns = flat_columns(rows)
    table = _Lines()
    writer = csv.writer(table, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        cells = flat(row)
        writer.writerow([_cell(cells.get(name)) for name in columns])
    return "".join(table.lines).encode("utf-8")


def _cell(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value
