import os
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from overnight.processes.supervisor import Command, Ending, Limits, StopSignal, Supervisor

LONG_S = 60.0


class Family:
    """The whole offspring of a test, known by a mark in the environment."""

    VARIABLE = "OVERNIGHT_TEST_FAMILY"

    def __init__(self) -> None:
        self.name = uuid.uuid4().hex
        self.env = {self.VARIABLE: self.name, "PATH": os.environ["PATH"]}

    def alive(self) -> list[psutil.Process]:
        return [process for process in psutil.process_iter() if self._owns(process)]

    def is_gone_within(self, seconds: float) -> bool:
        give_up_at = time.monotonic() + seconds
        while self.alive():
            if time.monotonic() > give_up_at:
                return False
            time.sleep(0.01)
        return True

    def _owns(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get(self.VARIABLE) == self.name
        except psutil.Error:
            return False


@pytest.fixture
def family() -> Iterator[Family]:
    family = Family()
    yield family
    for process in family.alive():
        process.kill()


@pytest.fixture
def stop() -> StopSignal:
    return StopSignal()


@pytest.fixture
def supervisor(stop: StopSignal) -> Iterator[Supervisor]:
    with Supervisor(stop) as supervisor:
        yield supervisor


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return tmp_path / "output.log"


@pytest.fixture
def shell(
    supervisor: Supervisor, family: Family, output: Path, tmp_path: Path
) -> Callable[..., Ending]:
    """Runs a line of shell as a member of the family."""

    def run(script: str, *, limits: Limits | None = None, errors: Path | None = None) -> Ending:
        command = Command(("/bin/sh", "-c", script), tmp_path, family.env)
        return supervisor.run(
            command, output=output, limits=limits or Limits(deadline_s=LONG_S), errors=errors
        )

    return run


@pytest.fixture
def wait_for() -> Callable[[Callable[[], Any]], Any]:
    """Waits until a condition comes true, and gives what it gave."""

    def wait(condition: Callable[[], Any], *, seconds: float = 20.0) -> Any:
        give_up_at = time.monotonic() + seconds
        while not (result := condition()):
            assert time.monotonic() < give_up_at, "the condition never came true"
            time.sleep(0.005)
        return result

    return wait
