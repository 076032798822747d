import subprocess
import sys
import uuid
from typing import Any

import pytest

from overnight.processes.leftovers import TOKEN_VARIABLE, kill_marked, kill_run
from overnight.processes.tree import _process_table, _process_table_of_ps


@pytest.fixture
def marker() -> str:
    return uuid.uuid4().hex


def sleeper(family: Any, token: str) -> subprocess.Popen[bytes]:
    script = "setsid sleep 1000 & sleep 1000"
    return subprocess.Popen(["/bin/sh", "-c", script], env={**family.env, TOKEN_VARIABLE: token})


def test_what_an_earlier_night_left_is_killed(family: Any, marker: str) -> None:
    with sleeper(family, f"{marker}-0a1b2c-7"):
        assert kill_marked(marker) >= 1
    assert family.is_gone_within(10.0)


@pytest.mark.parametrize("token", ["{}", "{}x-0a1b2c-7", "{}-other-0a1b2c-7", "x{}-0a1b2c-7"])
def test_what_belongs_to_others_is_left_alone(family: Any, marker: str, token: str) -> None:
    with sleeper(family, token.format(marker)) as process:
        assert kill_marked(marker) == 0
        assert process.poll() is None
        for member in family.alive():
            member.kill()


def test_a_process_without_its_environment_goes_with_its_group(family: Any, marker: str) -> None:
    script = "env -i sleep 1000 & echo $!; wait"
    with subprocess.Popen(
        ["/bin/sh", "-c", script], stdout=subprocess.PIPE, start_new_session=True
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert kill_run(marker, main=process.pid) == 2


def test_a_marked_caller_spares_itself(family: Any, marker: str) -> None:
    source = f"from overnight.processes.leftovers import *; print(kill_marked({marker!r}))"
    env = {**family.env, TOKEN_VARIABLE: f"{marker}-0a1b2c-7"}
    command = [sys.executable, "-c", source]
    assert subprocess.run(command, env=env, capture_output=True, check=True).stdout == b"0\n"


def test_ps_tells_the_same_as_proc(family: Any, marker: str) -> None:
    """The reading of other systems, as far as it can be tested on this one."""
    with sleeper(family, marker) as process:
        (here,) = (each for each in _process_table() if each.pid == process.pid)
        (there,) = (each for each in _process_table_of_ps() if each.pid == process.pid)
        for member in family.alive():
            member.kill()
    assert here[:3] == there[:3]
