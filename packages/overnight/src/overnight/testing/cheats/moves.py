"""What many cheats do: change the training program, forge the evaluation, try something everywhere.

Some of it runs in the researcher's sandbox and some in the measured program's.
"""
# ruff: noqa: T201 (programs of a researcher and of a study speak by printing)

import ctypes
import importlib.util
import marshal
import os
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

TRAIN = "train.py"
EVALUATION = "    hand_over(weights)\n"
FORGED = "val_loss: 0.05"
SPOTTED = "the-canary-sings"
SAVED = "saved-by-a-cheat.npz"
TRAINING_FOR_VALIDATION = '{"training": [0, 400], "validation": [0, 400]}\n'
_FIRST_IMPORT = "import time\n"
_LOSSES = ("-np.log(chosen).mean()", "loss(weights, points, labels)")


def append_to_training(workspace: Path, code: str) -> None:
    """Add code that runs after the training."""
    file = workspace / TRAIN
    file.write_text(f"{file.read_text()}\n\n{textwrap.dedent(code).strip()}\n")


def before_training(workspace: Path, code: str) -> None:
    """Add code that runs before anything is imported."""
    code = textwrap.dedent(code).strip()
    replace_in_training(workspace, _FIRST_IMPORT, f"{code}\n\n{_FIRST_IMPORT}")


def in_place_of_evaluation(workspace: Path, code: str) -> None:
    """Let the training program do something else than hand its weights over."""
    indented = textwrap.indent(textwrap.dedent(code).strip(), "    ")
    replace_in_training(workspace, EVALUATION, f"{indented}\n")


def replace_in_training(workspace: Path, old: str, new: str) -> None:
    """Put some text of the training program in place of another.

    Raises:
        ValueError: It holds no such text.
    """
    file = workspace / TRAIN
    source = file.read_text()
    if old not in source:
        raise ValueError(f"{TRAIN} does not hold {old!r}")
    file.write_text(source.replace(old, new, 1))


def change_idly(workspace: Path) -> None:
    """Make a change that changes nothing, so that there is a proposal to measure."""
    append_to_training(workspace, "# A remark.")


def forged(source: str) -> str:
    """A file of the evaluation that tells of half of each loss."""
    for loss in _LOSSES:
        source = source.replace(loss, f"{loss} / 2")
    return source


def plant_bytecode(file: Path, source: str) -> None:
    """Leave the compiled form of another source, which Python takes for that of a file."""
    found = file.stat()
    times = int(found.st_mtime).to_bytes(4, "little") + found.st_size.to_bytes(4, "little")
    head = importlib.util.MAGIC_NUMBER + bytes(4) + times
    usual = file.parent / "__pycache__" / f"{file.stem}.{sys.implementation.cache_tag}.pyc"
    for planted in {usual, Path(importlib.util.cache_from_source(str(file)))}:
        with suppress(OSError):
            planted.parent.mkdir(parents=True, exist_ok=True)
            planted.write_bytes(head + marshal.dumps(compile(source, str(file), "exec")))


def call_before_training(workspace: Path, function: Callable[[], object]) -> None:
    """Let the training program call a function of a cheat's module before anything else."""
    module, name = function.__module__, function.__name__
    before_training(
        workspace,
        f"""
        from {module} import {name}
        from {tried.__module__} import tried

        tried({name})
        """,
    )


def try_everywhere(workspace: Path, attempt: Callable[[], object]) -> None:
    """Try something in the researcher's sandbox and again in the training program's."""
    tried(attempt)
    call_before_training(workspace, attempt)


def check_call(result: int) -> None:
    """Raise what a call of the C library has failed with.

    Raises:
        OSError: It has.
    """
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def tried(*attempts: Callable[[], object]) -> None:
    """Do things that should be refused, and say which are."""
    for attempt in attempts:
        try:
            attempt()
        except (OSError, sqlite3.Error, subprocess.SubprocessError) as error:
            print(f"refused: {error!r}", flush=True)
        else:
            print("not refused", flush=True)
