"""Which of some real processes is the command's program."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from overnight.processes.authorship import is_program
from overnight.processes.supervisor import Command, Ending, Limits, Supervisor

PYTHON = sys.executable
WAIT = "import sys; sys.stdin.read()"
Started = Callable[..., psutil.Process]


@pytest.fixture
def start() -> Iterator[Started]:
    """Starts a command line; it ends with the test, and everything below it."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*argv: str) -> psutil.Process:
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, start_new_session=True)
        started.append(process)
        return psutil.Process(process.pid)

    yield start
    for process in started:
        os.killpg(process.pid, 9)
        process.communicate()


def below(main: psutil.Process, *, number: int) -> list[psutil.Process]:
    """All processes below one, once there are so many."""
    give_up_at = time.monotonic() + 20
    while len(found := main.children(recursive=True)) < number:
        assert time.monotonic() < give_up_at, "they never came"
        time.sleep(0.01)
    return found


def test_the_command_itself_is(start: Started) -> None:
    main = start(PYTHON, "-ISc", WAIT)
    assert is_program(main.pid, main=main.pid)


def test_what_launchers_start_is(start: Started) -> None:
    main = start("sh", "-c", f"env timeout 100 sh -c '{PYTHON} -ISc \"{WAIT}\"; true'; true")
    found = below(main, number=3)
    assert all(is_program(process.pid, main=main.pid) for process in found)


def test_a_child_of_a_program_is_not(start: Started) -> None:
    fork = f"import os; os.fork(); {WAIT}"
    main = start("sh", "-c", f"{PYTHON} -ISc '{fork}'; true")
    program, child = below(main, number=2)
    assert is_program(program.pid, main=main.pid)
    assert not is_program(child.pid, main=main.pid)


def test_nor_what_a_program_starts_by_a_shell(start: Started) -> None:
    main = start(PYTHON, "-ISc", "import os; os.system('sleep 1000; true')")
    found = below(main, number=2)
    assert not [process for process in found if is_program(process.pid, main=main.pid)]


def test_nor_below_a_program_that_calls_itself_a_launcher(start: Started, tmp_path: Path) -> None:
    fake = shutil.copy(shutil.which("sleep") or "", tmp_path / "uv")
    source = f"import subprocess; subprocess.run([{str(fake)!r}, '1000'])"
    main = start(PYTHON, "-ISc", source)
    [child] = below(main, number=1)
    while Path(f"/proc/{child.pid}/exe").readlink().name != "uv":
        time.sleep(0.01)  # it is still a fork of the program
    assert not is_program(child.pid, main=main.pid)


def test_nor_somebody_elses(start: Started) -> None:
    main, other = start(PYTHON, "-ISc", WAIT), start(PYTHON, "-ISc", WAIT)
    assert not is_program(other.pid, main=main.pid)
    assert not is_program(os.getpid(), main=main.pid)
    assert not is_program(1, main=main.pid)


def test_nor_who_is_gone(start: Started) -> None:
    main = start(PYTHON, "-ISc", WAIT)
    assert not is_program(2**22 + 1, main=main.pid)
    assert not is_program(0, main=main.pid)


# By the supervisor, with output.


@pytest.fixture
def attributed(supervisor: Supervisor, tmp_path: Path) -> Callable[..., tuple[Ending, str, str]]:
    """Runs a command; gives what its program printed, and what others did."""

    def run(*argv: str) -> tuple[Ending, str, str]:
        output, children = tmp_path / "output.log", tmp_path / "children.log"
        command = Command(argv, tmp_path, dict(os.environ))
        limits = Limits(deadline_s=60, output_bytes=100_000)
        ending = supervisor.run(command, output=output, limits=limits, children=children)
        return ending, output.read_text(), children.read_text()

    return run


SAY = "import os, sys, time; print('mine', flush=True); time.sleep(0.2)\n"
Attributed = Callable[..., tuple[Ending, str, str]]


def test_each_line_goes_to_whose_it_is(attributed: Attributed) -> None:
    source = f"{SAY}os.system('echo theirs; echo err >&2'); print('mine again', flush=True)"
    ending, own, others = attributed(PYTHON, "-ISc", source)
    assert ending.code == 0
    assert own == "mine\nmine again\n"
    assert others == "theirs\nerr\n"
    assert ending.printed_bytes == len(own) + len(others)


def test_lines_are_told_apart_however_close(attributed: Attributed) -> None:
    """The kernel never hands over what two processes wrote as one."""
    source = f"{SAY}\nif os.fork():\n  for n in range(2000): os.write(1, b'mine\\n')\n  os.wait()\n"
    source += "else:\n  for n in range(2000): os.write(1, b'theirs\\n')\n  os._exit(0)\n"
    _, own, others = attributed(PYTHON, "-ISc", source)
    assert own.splitlines() == ["mine"] * 2001
    assert others.splitlines() == ["theirs"] * 2000


def test_an_orphan_is_another(attributed: Attributed) -> None:
    orphan = "(setsid sh -c 'sleep 0.1; echo theirs' &)"
    _, own, others = attributed(PYTHON, "-ISc", f"{SAY}os.system({orphan!r}); time.sleep(0.4)")
    assert (own, others) == ("mine\n", "theirs\n")


def test_a_program_that_opens_its_output_anew_fails(attributed: Attributed) -> None:
    """Which is the price, and told by the program itself."""
    ending, _, _ = attributed("sh", "-c", "echo mine; exec 3>/dev/stdout || exit 9")
    assert ending.code != 0


def test_each_file_is_bounded(attributed: Attributed) -> None:
    _, own, others = attributed(PYTHON, "-ISc", f"{SAY}os.system('yes | head -c 1000000')")
    assert own == "mine\n"
    assert len(others) < 101_000
