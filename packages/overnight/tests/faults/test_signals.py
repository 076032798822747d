"""Ctrl-C and signals on a real `overnight run`: what ends when, and how the next run goes on."""

import os
import select
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import IO, TypeAlias

import psutil
import pytest

from overnight.testing.studies import TRAIN, TinyStudy, prints
from overnight.types import Outcome, Verdict

PATIENCE_S = 60.0
Consistent = Callable[[TinyStudy], None]
Make = Callable[..., TinyStudy]


class Gate:
    """Two pipes: a shell script says at one that it is there, and waits at the other."""

    def __init__(self, directory: Path) -> None:
        self._here, self._go = directory / "here", directory / "go"
        self._descriptors = [_open_fifo(path) for path in (self._here, self._go)]
        self.script = f"echo here >'{self._here}'\nread line <'{self._go}'\n"

    def wait(self) -> None:
        """Until a script has come."""
        assert select.select([self._descriptors[0]], [], [], PATIENCE_S)[0], "nobody came"
        os.read(self._descriptors[0], 100)

    def open(self) -> None:
        """Let one script pass, now or when it comes."""
        os.write(self._descriptors[1], b"go\n")

    def close(self) -> None:
        for descriptor in self._descriptors:
            os.close(descriptor)


def _open_fifo(path: Path) -> int:
    os.mkfifo(path)
    return os.open(path, os.O_RDWR | os.O_NONBLOCK)


class Night:
    """An `overnight run` in a process of its own."""

    def __init__(self, command: Sequence[str], study: TinyStudy) -> None:
        self.process = subprocess.Popen(
            command, cwd=study.root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    @property
    def _output(self) -> IO[str]:
        assert self.process.stdout is not None
        return self.process.stdout

    def send(self, number: signal.Signals, *, until: str) -> None:
        """Send a signal and wait for what is said to it."""
        self.process.send_signal(number)
        for line in self._output:
            if until in line:
                return
        pytest.fail(f"never said {until!r}")

    def told(self) -> str:
        """Everything that it says from now on, to its end."""
        return self._output.read()

    def end(self) -> int:
        """Wait for the end; returns the exit code."""
        self.told()
        return self.process.wait(PATIENCE_S)


Start: TypeAlias = Callable[[TinyStudy], Night]


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    gate = Gate(tmp_path)
    yield gate
    gate.close()


@pytest.fixture
def measuring(make: Make, gate: Gate) -> TinyStudy:
    """A study whose first trial waits at the gate while it is measured."""
    step = {"title": "better", "write": {TRAIN: gate.script + prints(0.9)}}
    return make(researcher={"kind": "scripted", "options": {"steps": [step]}})


@pytest.fixture
def proposing(make: Make, gate: Gate) -> TinyStudy:
    """A study whose researcher waits at the gate and then halves the metric's last digit."""
    command = f"{gate.script}sed -i 's/1.0/0.9/' {TRAIN}\necho better\n"
    researcher = {"kind": "command", "options": {"command": command}}
    return make(researcher=researcher, budget={"trials": 1})


@pytest.fixture
def start(run_command: tuple[str, ...]) -> Start:
    return partial(Night, run_command)


def passes(gate: Gate, night: Night) -> int:
    """The exit code of a run whose script comes to the gate and may go on."""
    gate.wait()
    gate.open()
    return night.end()


def outcomes(study: TinyStudy) -> list[Outcome | None]:
    return [run.outcome for run in study.runs(1)]


def test_interrupt_while_measuring_finishes_the_trial(
    measuring: TinyStudy, gate: Gate, start: Start, consistent: Consistent
) -> None:
    night = start(measuring)
    gate.wait()
    night.send(signal.SIGINT, until="Finishing trial 1, at most ")
    gate.open()
    assert night.end() == 130
    consistent(measuring)
    assert measuring.trials()[1].verdict is Verdict.KEEP
    assert start(measuring).end() == 0
    assert outcomes(measuring) == [Outcome.MEASURED]


def test_interrupt_while_proposing_abandons_the_trial(
    proposing: TinyStudy, gate: Gate, start: Start, consistent: Consistent
) -> None:
    night = start(proposing)
    gate.wait()
    night.send(signal.SIGINT, until="Abandoning trial 1, which has no proposal yet.")
    assert night.end() == 130
    consistent(proposing)
    abandoned = proposing.trials()[1]
    assert (abandoned.verdict, abandoned.reason) == (
        Verdict.INTERRUPTED,
        "Stopped while proposing.",
    )
    assert passes(gate, start(proposing)) == 0
    assert proposing.trials()[2].verdict is Verdict.KEEP
    consistent(proposing)


@pytest.mark.parametrize(
    "signals",
    [
        pytest.param([signal.SIGINT, signal.SIGINT], id="SIGINT twice"),
        pytest.param([signal.SIGTERM], id="SIGTERM"),
        pytest.param([signal.SIGHUP], id="SIGHUP", marks=pytest.mark.slow),
    ],
)
def test_insisting_stops_now_and_the_trial_is_measured_again(
    signals: list[signal.Signals],
    measuring: TinyStudy,
    gate: Gate,
    start: Start,
    consistent: Consistent,
) -> None:
    night = start(measuring)
    gate.wait()
    *first, last = signals
    for number in first:
        night.send(number, until="Finishing trial 1")
    night.send(last, until="Stopping now; trial 1 is left consistent.")
    assert night.end() == 130
    assert outcomes(measuring) == [Outcome.INTERRUPTED]
    assert passes(gate, start(measuring)) == 0
    assert outcomes(measuring) == [Outcome.INTERRUPTED, Outcome.MEASURED]
    assert measuring.trials()[1].verdict is Verdict.KEEP
    consistent(measuring)


def test_trial_gone_on_with_counts_in_the_budget(make: Make, gate: Gate, start: Start) -> None:
    steps = [
        {"title": "better", "write": {TRAIN: gate.script + prints(0.9)}},
        {"title": "too much", "write": {TRAIN: prints(0.8)}},
    ]
    researcher = {"kind": "scripted", "options": {"steps": steps}}
    study = make(researcher=researcher, budget={"trials": 1})
    night = start(study)
    gate.wait()
    night.send(signal.SIGTERM, until="Stopping now")
    assert night.end() == 130
    assert passes(gate, start(study)) == 0
    assert [trial.title for trial in study.trials()] == ["baseline", "better"]


def helper_of(harness: psutil.Process) -> psutil.Process:
    """The process that owns what the harness runs, found by what it runs."""
    return next(child for child in harness.children() if child.children())


def is_alive(process: psutil.Process) -> bool:
    """Whether it still runs; what init has not collected yet does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("helper_too", [False, True], ids=["harness", "harness and helper"])
def test_killed_while_measuring(
    helper_too: bool, measuring: TinyStudy, gate: Gate, start: Start, consistent: Consistent
) -> None:
    night = start(measuring)
    gate.wait()
    harness = psutil.Process(night.process.pid)
    helper = helper_of(harness)
    command = helper.children(recursive=True)
    harness.suspend()  # or it would see its helper die
    if helper_too:
        helper.kill()
    harness.kill()
    assert night.process.wait(PATIENCE_S) == -signal.SIGKILL
    gone, left = psutil.wait_procs(command, timeout=0 if helper_too else PATIENCE_S)
    assert set(left if helper_too else gone) == set(command)
    # The gate opens once the new command is there: one left alive must not take its turn.
    assert passes(gate, start(measuring)) == 0
    assert not any(map(is_alive, command))
    assert outcomes(measuring) == [Outcome.INTERRUPTED, Outcome.MEASURED]
    consistent(measuring)


def test_second_run_names_the_first(measuring: TinyStudy, gate: Gate, start: Start) -> None:
    first = start(measuring)
    gate.wait()
    second = start(measuring)
    told = second.told()
    assert second.end() == 3
    [sentence] = told.splitlines()
    assert f"being run by process {first.process.pid} on " in sentence
    gate.open()
    assert first.end() == 0


def test_a_night_under_nohup_outlives_its_terminal(
    study: TinyStudy, run_command: Sequence[str], consistent: Consistent
) -> None:
    study.configure(researcher={"kind": "command", "options": {"command": "sleep 1; false"}})
    night = subprocess.Popen(
        ["nohup", *run_command, "--trials", "1"],
        cwd=study.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert night.stdout is not None
    for line in night.stdout:
        if "proposing" in line:
            night.send_signal(signal.SIGHUP)
            night.send_signal(signal.SIGINT)
            break
    told = night.stdout.read()
    night.wait(PATIENCE_S)
    assert "Stopping now" not in told, "the SIGHUP was ignored, the SIGINT was not"
    assert "Abandoning trial 1" in told
    consistent(study)
