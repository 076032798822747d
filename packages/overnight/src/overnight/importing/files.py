"""Opening a log of another tool: whose it is, and where its parts lie."""

from pathlib import Path

from overnight.importing.labloop import read_labloop
from overnight.importing.lines import Note, objects_of, unreadable
from overnight.importing.pi_autoresearch import read_pi
from overnight.importing.results_tsv import read_results
from overnight.importing.rows import Imported
from overnight.importing.timing_log import Timing, read_timing
from overnight.types import Goal

MOST_BYTES = 64 * 1024 * 1024
_HEAD_BYTES = 64 * 1024
_MOST_LOOKED_AT = 20


def import_log(
    path: Path,
    *,
    name: str | None = None,
    metric: str | None = None,
    goal: Goal | None = None,
    timing: Path | None = None,
) -> Imported:
    """Read a ``results.tsv``, labloop's ledger or pi-autoresearch's log, told apart by content.

    Args:
        name: Of the arm; without it, the directory's.
        metric: Column of the objective in a ``results.tsv``.
        goal: Which way the objective should go, where the log does not say.
        timing: The codex harness's ``timing.log``; without it, the one beside the log.

    Raises:
        OvernightError: It cannot be read.
    """
    data, source = read_bytes(path), str(path)
    arm = name or path.absolute().parent.name or path.stem
    if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        if _is_labloop(data, source):
            return read_labloop(data, source=source, name=arm, goal=goal)
        return read_pi(data, source=source, name=arm, goal=goal)
    times, notes = _timing(timing, beside=path)
    read = read_results(data, source=source, name=arm, metric=metric, goal=goal, timing=times)
    return Imported(read.metric, read.goal, read.arms, (*read.notes, *notes))


def read_bytes(path: Path) -> bytes:
    """A file's content.

    Raises:
        OvernightError: It is absent, no plain file, or larger than `MOST_BYTES`.
    """
    if not path.is_file():
        raise unreadable(str(path), "is absent or no plain file", fix="Name a log.")
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        why = f"cannot be read: {error.strerror or 'unknown reason'}"
        raise unreadable(str(path), why, fix="Name a log.") from error
    if len(data) > MOST_BYTES:
        fix = f"A log has {MOST_BYTES // 2**20} MiB at most."
        raise unreadable(str(path), "is too large", fix=fix)
    return data


def _is_labloop(data: bytes, source: str) -> bool:
    looked: list[Note] = []
    head = objects_of(data[:_HEAD_BYTES], source=source, notes=looked)
    for (_, record), _ in zip(head, range(_MOST_LOOKED_AT), strict=False):
        if record.get("manifest") == 1 or "outcome" in record:
            return True
        if record.get("type") == "config" or "run" in record:
            return False
    return False


def _timing(path: Path | None, *, beside: Path) -> tuple[Timing | None, list[Note]]:
    found = path or beside.with_name("timing.log")
    if path is None and not found.is_file():
        return None, []
    return read_timing(read_bytes(found), source=str(found))
