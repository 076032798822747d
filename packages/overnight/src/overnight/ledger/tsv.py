"""``results.tsv`` in autoresearch's five columns, derived from the ledger after each trial.

Status is ``keep``, ``discard`` or ``crash`` there. A metric that was not measured is an empty
field, never 0, which would be the best score of all.
"""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO, TypeAlias

from overnight.brief import one_line
from overnight.ledger.queries import LedgerReader
from overnight.ledger.records import TrialRecord
from overnight.types import State, Verdict

_CRASHES = {
    Verdict.CRASH,
    Verdict.TIMEOUT,
    Verdict.OUT_OF_MEMORY,
    Verdict.TOO_MANY_PROCESSES,
    Verdict.OUT_OF_DISK,
    Verdict.NO_METRIC,
    Verdict.TAMPERED,
}
_Stamp: TypeAlias = tuple[int, int, int]
_MEMORY_METRICS_MB = ("peak_vram_mb", "peak_memory_mb", "peak_rss_mb")


class ResultsFile:
    """The live table of a study; several threads may add to it.

    Args:
        path: The file; written whole where somebody else has written it since, else appended to.
    """

    def __init__(self, path: Path, ledger: LedgerReader) -> None:
        self.path = path
        self._ledger = ledger
        self._left_as: _Stamp | None = None
        self._last = -1
        self._lock = threading.RLock()

    def append(self, trial: TrialRecord, metrics: Mapping[str, float]) -> None:
        """Add a trial that was just finished.

        Args:
            metrics: What its last run reported.
        """
        with self._lock:
            if trial.number != self._last + 1 or not self._is_as_left():
                self.update()
                return
            with self.path.open("a", encoding="utf-8") as file:
                self._write(file, trial, metrics)
            self._left_as = _stamp(self.path)

    def update(self) -> None:
        """Add every trial that was finished since the last call, up to the first that is not."""
        with self._lock:
            self._update()

    def _update(self) -> None:
        if not self._is_as_left():
            self._last = -1
            header = f"commit\t{self._ledger.study.metric}\tmemory_gb\tstatus\tdescription\n"
            self.path.write_text(header, encoding="utf-8")
        with self.path.open("a", encoding="utf-8") as file:
            for trial in self._ledger.trials(after=self._last):
                if trial.state is not State.DONE:
                    break
                runs = self._ledger.runs(trial.number)
                self._write(file, trial, runs[-1].metrics if runs else {})
        self._left_as = _stamp(self.path)

    def rewrite(self) -> None:
        """Write the whole table anew, after something that it tells has changed."""
        with self._lock:
            self._left_as = None
            self.update()

    def _is_as_left(self) -> bool:
        return self._left_as is not None and _stamp(self.path) == self._left_as

    def _write(self, file: TextIO, trial: TrialRecord, metrics: Mapping[str, float]) -> None:
        self._last = trial.number
        if trial.verdict is Verdict.INTERRUPTED:
            return
        fields = (
            (trial.commit or "")[:7],
            "" if trial.value is None else f"{trial.value:.6f}",
            _memory_gb(metrics),
            _status(trial),
            one_line(trial.title or trial.reason),
        )
        file.write("\t".join(fields) + "\n")


def _stamp(path: Path) -> _Stamp | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def _status(trial: TrialRecord) -> str:
    if trial.verdict is Verdict.KEEP and trial.demoted_after is None:
        return "keep"
    return "crash" if trial.verdict in _CRASHES else "discard"


def _memory_gb(metrics: Mapping[str, float]) -> str:
    found = [metrics[name] for name in _MEMORY_METRICS_MB if name in metrics]
    return f"{found[0] / 1024:.1f}" if found else ""
