"""The fixed half of the study: the text, the clock, the evaluation and the summary.

Protected: a candidate is judged by this file, so no candidate may change it.

The text is the source code of the Python that runs the study, split into training and validation
**by file**. Figures are therefore comparable between runs of one Python, not between versions.

The budget is **processor time** of this process (`time.process_time`), with BLAS held to a single
thread: a busy neighbour on the machine then costs the study patience rather than training steps.
Processor time counts every thread, so a candidate that starts more of them gains nothing.
"""

# ruff: noqa: N803, N806 - letters in names give shapes: B rows, V vocabulary

import os

os.environ.update(  # read when numpy loads its BLAS, hence before the other imports
    OPENBLAS_NUM_THREADS="1",
    MKL_NUM_THREADS="1",
    OMP_NUM_THREADS="1",
    VECLIB_MAXIMUM_THREADS="1",
)

import hashlib
import re
import resource
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Bytes: TypeAlias = npt.NDArray[np.uint8]
Floats: TypeAlias = npt.NDArray[np.floating[Any]]

TIME_BUDGET_S = 5.0  # processor seconds of training; the evaluation comes on top
TIME_BUDGET_VARIABLE = "CHARLM_TIME_BUDGET_S"  # environment variable that overrides it, for tests
SEED = 1337  # of everything random; here, because a lucky seed is not a finding
VOCABULARY = 256  # every byte
MAX_CONTEXT = 128  # bytes before the target that the evaluation hands to a model
EVAL_BYTES = 32_768  # targets, spread evenly over the validation text
EVAL_BATCHES = 32
MAX_TRAIN_BYTES = 4_000_000
MAX_VALIDATION_BYTES = 400_000
VALIDATION_SHARE = 0.1  # of the files
NOT_LIBRARY = {"__pycache__", "site-packages", "dist-packages", "lib-dynload"}
NOT_TYPICAL = {"test", "tests", "idle_test", "lib2to3", "idlelib", "turtledemo", "ensurepip"}
NOT_CODE = {"encodings", "pydoc_data"}  # tables and prose
SKIPPED_FOLDERS = NOT_LIBRARY | NOT_TYPICAL | NOT_CODE
_LOADED_S = time.perf_counter()
_STATUS = Path("/proc/self/status")  # getrusage also counts what the parent held before exec


@dataclass(frozen=True, slots=True)
class Corpus:
    """Two texts that share no file; within each, a zero byte ends every file."""

    train: Bytes
    validation: Bytes


class TimeBudget:
    """The training clock: which fraction of the allowed processor time is spent."""

    def __init__(self, seconds: float | None = None) -> None:
        self.seconds = budget_s() if seconds is None else seconds
        self._started_s = time.process_time()

    def elapsed_s(self) -> float:
        """Processor seconds since the clock was made."""
        return time.process_time() - self._started_s

    def fraction(self) -> float:
        """0 at the start; training is over at 1."""
        return self.elapsed_s() / self.seconds


def budget_s() -> float:
    """Processor seconds that training may take."""
    return float(os.environ.get(TIME_BUDGET_VARIABLE, TIME_BUDGET_S))


@lru_cache(maxsize=1)
def load_corpus() -> Corpus:
    """Read the standard library, a few megabytes of it, always the same ones."""
    names: dict[bool, list[str]] = {False: [], True: []}
    for name in source_names():
        names[is_validation(name)].append(name)
    return Corpus(
        train=_read(names[False], MAX_TRAIN_BYTES),
        validation=_read(names[True], MAX_VALIDATION_BYTES),
    )


def source_names() -> list[str]:
    """Paths of the library's modules below its root, in an order that is random but fixed.

    A cap that cut an alphabetical list would drop whole packages; this order makes any prefix
    a fair sample of the library.
    """
    return sorted(_walk(_library()), key=_digest)


def is_validation(name: str) -> bool:
    """Which side of the split a file is on; depends on its name alone."""
    return int(_digest(name)[-8:], 16) < VALIDATION_SHARE * 16**8


def evaluate_bpb(model_logprob_fn: Callable[[Bytes], Floats]) -> float:
    """Bits per byte of a model on fixed positions of the validation text; lower is better.

    Args:
        model_logprob_fn: Maps contexts (B, `MAX_CONTEXT`), the bytes right before each target,
            to natural log-probabilities (B, `VOCABULARY`) of the target.

    Raises:
        ValueError: What the model returns is no probability distribution.
    """
    text = load_corpus().validation
    contexts = np.lib.stride_tricks.sliding_window_view(text, MAX_CONTEXT)
    targets = np.linspace(MAX_CONTEXT, len(text) - 1, EVAL_BYTES).astype(np.int64)
    nats = 0.0
    for batch in range(EVAL_BATCHES):
        # Rows of one call lie far apart, so that no row's context holds another row's target.
        target_B = targets[batch::EVAL_BATCHES]
        logprob_BV = model_logprob_fn(contexts[target_B - MAX_CONTEXT])
        _check_distribution(logprob_BV, rows=len(target_B))
        nats -= float(logprob_BV[np.arange(len(target_B)), text[target_B]].sum(dtype=np.float64))
    return nats / EVAL_BYTES / float(np.log(2))


def peak_rss_mb() -> float:
    """The most memory this process ever held, in MiB."""
    if _STATUS.exists() and (found := re.search(r"^VmHWM:\s*(\d+) kB", _STATUS.read_text(), re.M)):
        return int(found[1]) / 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def total_seconds() -> float:
    """Wall-clock seconds since this module was loaded."""
    return time.perf_counter() - _LOADED_S


def print_summary(metrics: Mapping[str, float | int]) -> None:
    """The block of ``name: value`` lines that the harness reads."""
    print("---")
    for name, value in metrics.items():
        print(f"{name}: {value:.6f}" if isinstance(value, float) else f"{name}: {value}")
    sys.stdout.flush()


def _library() -> Path:
    return Path(sysconfig.get_path("stdlib"))


def _walk(root: Path) -> Iterator[str]:
    for folder, subfolders, files in os.walk(root):
        subfolders[:] = [
            name
            for name in subfolders
            if name not in SKIPPED_FOLDERS and not name.startswith("config-")
        ]
        for name in files:
            # _sysconfigdata holds the paths and compiler flags of one machine.
            if name.endswith(".py") and not name.startswith("_sysconfigdata"):
                yield (Path(folder) / name).relative_to(root).as_posix()


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def _read(names: list[str], max_bytes: int) -> Bytes:
    parts: list[bytes] = []
    size = 0
    for name in names:
        if size >= max_bytes:
            break
        parts.append((_library() / name).read_bytes() + b"\0")
        size += len(parts[-1])
    return np.frombuffer(b"".join(parts)[:max_bytes], dtype=np.uint8)


def _check_distribution(logprob_BV: Floats, *, rows: int) -> None:
    if logprob_BV.shape != (rows, VOCABULARY):
        raise ValueError(f"log-probabilities {logprob_BV.shape}, not {(rows, VOCABULARY)}")
    error = float(np.abs(np.exp(logprob_BV).sum(axis=1) - 1).max())
    if not error < 1e-3:  # written so that NaN fails too
        raise ValueError(f"probabilities do not sum to 1: off by {error:.3g}")
