"""What ends a command that does not end by itself, and what may not outlive it."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from overnight.errors import ProcessLost
from overnight.processes.supervisor import (
    Command,
    EndedBy,
    Ending,
    Limits,
    StopSignal,
    Supervisor,
)

LONG = Limits(deadline_s=60.0)
Shell = Callable[..., Ending]
WaitFor = Callable[[Callable[[], Any]], Any]


# What it may not outlive.


def test_a_deadline_ends_the_whole_tree(shell: Shell, family: Any) -> None:
    ending = shell("sleep 1000 & setsid sleep 1000 & wait", limits=Limits(deadline_s=0.2))
    assert (ending.ended_by, ending.code) == (EndedBy.DEADLINE, -signal.SIGTERM)
    assert 0.2 <= ending.duration_s < 10
    assert not family.alive()


def test_a_command_may_clean_up_at_its_deadline(shell: Shell, output: Path) -> None:
    script = "trap 'echo saved; exit 4' TERM; while :; do sleep 0.01; done"
    ending = shell(script, limits=Limits(deadline_s=0.3))
    assert (ending.ended_by, ending.code) == (EndedBy.DEADLINE, 4)
    assert output.read_text().endswith("saved\n")


def test_who_ignores_the_deadline_is_killed(shell: Shell, family: Any) -> None:
    script = "trap '' TERM INT HUP; while :; do sleep 0.01; done"
    ending = shell(script, limits=Limits(deadline_s=0.1))
    assert (ending.ended_by, ending.code) == (EndedBy.DEADLINE, -signal.SIGKILL)
    assert not family.alive()


def test_silence_ends_a_command(shell: Shell, family: Any) -> None:
    ending = shell("echo; sleep 1000", limits=Limits(deadline_s=60, silence_s=0.3))
    assert (ending.ended_by, ending.code) == (EndedBy.SILENCE, -signal.SIGTERM)
    assert 0.3 <= ending.duration_s < 20
    assert not family.alive()


def test_errors_alone_break_the_silence(shell: Shell, tmp_path: Path) -> None:
    limits = Limits(deadline_s=0.6, silence_s=0.3, output_bytes=1000)
    ending = shell("exec yes >&2", limits=limits, errors=tmp_path / "errors")
    assert ending.ended_by is EndedBy.DEADLINE


@pytest.mark.parametrize(
    "script",
    [
        "sleep 1000 &",
        "setsid sleep 1000 &",
        "(setsid sh -c 'sleep 1000 & sleep 1000' &)",
        "setsid sh -c 'setsid sh -c \"trap : TERM HUP; sleep 1000\" & sleep 1000' &",
        "nohup sleep 1000 & ",
        "sh -c 'kill -STOP $$; sleep 1000' &",
    ],
)
def test_nothing_outlives_the_main_process(shell: Shell, family: Any, script: str) -> None:
    ending = shell(f"{script}\nsleep 0.05; exit 6")
    assert (ending.ended_by, ending.code) == (EndedBy.ITSELF, 6)
    assert ending.leftovers >= 1
    assert not family.alive()


def test_a_child_that_holds_the_output_open_delays_nothing(shell: Shell, output: Path) -> None:
    ending = shell(f"(setsid yes child &); until test -s {output}; do sleep 0.01; done; exit 2")
    assert (ending.code, ending.leftovers) == (2, 1)
    assert ending.duration_s < 20
    assert output.read_bytes().startswith(b"child\n")


def test_a_chain_of_fifty_processes_that_keep_forking_dies(
    shell: Shell, family: Any, output: Path
) -> None:
    source = (
        "import os\n"
        "for link in range(50):\n"
        "    if os.fork():\n"
        "        break\n"
        "    if link % 10 == 0:\n"
        "        os.setsid()\n"
        "print(flush=True)\n"
        "while True:\n"
        "    if os.fork() == 0:\n"
        "        os._exit(0)\n"
        "    os.wait()\n"
    )
    all_print = f"until test $(wc -c <{output}) -ge 50; do sleep 0.05; done"
    ending = shell(f"{sys.executable} -ISc '{source}' & {all_print}")
    assert ending.leftovers >= 50
    assert not family.alive()


def test_an_orphan_that_ends_early_is_collected(shell: Shell) -> None:
    ending = shell(
        "(setsid sh -c 'echo $$ >orphan' &)\n"
        "until test -s orphan; do sleep 0.01; done\n"
        "while kill -0 $(cat orphan) 2>/dev/null; do sleep 0.01; done"
    )
    assert (ending.ended_by, ending.leftovers) == (EndedBy.ITSELF, 0)


# Asking it to stop.


def test_stop_from_another_thread_wakes_the_run(
    shell: Shell, stop: StopSignal, family: Any, output: Path, wait_for: WaitFor
) -> None:
    set_at: list[float] = []

    def stop_when_it_runs() -> None:
        wait_for(lambda: output.exists() and output.read_text())
        set_at.append(time.monotonic())
        stop.set()

    thread = threading.Thread(target=stop_when_it_runs)
    thread.start()
    ending = shell("trap '' TERM; setsid sleep 1000 & echo; while :; do sleep 0.01; done")
    ended_at = time.monotonic()
    thread.join()
    assert (ending.ended_by, ending.code) == (EndedBy.STOP, -signal.SIGKILL)
    assert ended_at - set_at[0] < 5.0
    assert not family.alive()


def test_stop_from_a_signal_handler_wakes_the_run(
    shell: Shell, stop: StopSignal, output: Path
) -> None:
    previous = signal.signal(signal.SIGUSR1, lambda *_: stop.set())
    try:
        ending = shell(f"kill -USR1 {os.getpid()}; sleep 1000")
    finally:
        signal.signal(signal.SIGUSR1, previous)
    assert (ending.ended_by, ending.code) == (EndedBy.STOP, -signal.SIGTERM)


def test_a_handler_that_raises_ends_the_command_first(shell: Shell, family: Any) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            shell(f"kill -USR1 {os.getpid()}; sleep 1000")
    finally:
        signal.signal(signal.SIGUSR1, previous)
    assert not family.alive()
    assert shell("exit 0").code == 0


def test_nothing_starts_after_a_stop(shell: Shell, stop: StopSignal, output: Path) -> None:
    stop.set()
    stop.set()
    ending = shell("echo no")
    assert (ending.ended_by, ending.code) == (EndedBy.STOP, None)
    assert output.read_bytes() == b""


def test_waiting_ends_with_the_stop(stop: StopSignal) -> None:
    assert not stop.wait(0.01)
    threading.Timer(0.05, stop.set).start()
    assert stop.wait(60.0)
    assert stop.is_set()


# When the machinery itself dies.


def test_losing_the_helper_is_told_and_cleaned_up(shell: Shell, family: Any) -> None:
    with pytest.raises(ProcessLost, match=r"that ran /bin/sh was killed by SIGKILL\.$"):
        shell("setsid sleep 1000 & (setsid sleep 1000 &); kill -KILL $PPID; sleep 1000")
    assert not family.alive()
    assert shell("exit 9").code == 9


def test_losing_the_helper_between_commands_goes_unnoticed(
    shell: Shell, output: Path, wait_for: WaitFor
) -> None:
    shell("echo $PPID")
    helper = psutil.Process(int(output.read_text()))
    helper.kill()
    wait_for(lambda: not helper.is_running() or helper.status() == psutil.STATUS_ZOMBIE)
    assert shell("exit 8").code == 8


@pytest.mark.parametrize("has_fork", [False, True])
def test_nothing_outlives_a_killed_harness(
    family: Any, output: Path, tmp_path: Path, has_fork: bool, wait_for: WaitFor
) -> None:
    """Even where a fork of the harness still holds its end of the control socket."""
    source = (
        "import os, sys, time\n"
        "from pathlib import Path\n"
        "from overnight.processes.supervisor import *\n"
        "script = 'trap : TERM; setsid sleep 1000 & (setsid sleep 1000 &); echo $$; sleep 1000'\n"
        "with Supervisor(StopSignal()) as supervisor:\n"
        f"    if {has_fork} and os.fork() == 0:\n"
        "        time.sleep(1000)\n"
        f"    command = Command(('/bin/sh', '-c', script), Path('/'), {family.env!r})\n"
        f"    supervisor.run(command, output=Path({str(output)!r}), limits=Limits(600))\n"
    )
    with subprocess.Popen([sys.executable, "-c", source], process_group=0) as harness:
        try:
            wait_for(lambda: output.exists() and output.read_text())
            assert len(family.alive()) >= 3
            os.kill(harness.pid, signal.SIGKILL)
            assert family.is_gone_within(10.0)
        finally:
            os.killpg(harness.pid, signal.SIGKILL)


def test_the_helper_ends_with_the_supervisor(family: Any, output: Path, tmp_path: Path) -> None:
    with Supervisor(StopSignal()) as supervisor:
        command = Command(("/bin/sh", "-c", "echo $PPID"), tmp_path, family.env)
        supervisor.run(command, output=output, limits=LONG)
    assert not psutil.pid_exists(int(output.read_text()))
