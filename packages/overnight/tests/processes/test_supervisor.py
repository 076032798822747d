"""What a command gets, what it prints, and how it ends by itself."""

import os
import resource
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

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


# How a command ends by itself.


@pytest.mark.parametrize("code", [0, 1, 77, 255])
def test_exit_status_is_reported(shell: Shell, code: int) -> None:
    ending = shell(f"exit {code}")
    assert (ending.ended_by, ending.code, ending.leftovers) == (EndedBy.ITSELF, code, 0)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_signal_is_reported_as_a_negative_status(shell: Shell, number: signal.Signals) -> None:
    assert shell(f"kill -{int(number)} $$").code == -number


def test_duration_ends_with_the_main_process(shell: Shell) -> None:
    assert 0.2 <= shell("sleep 0.2").duration_s < 10


def test_commands_follow_each_other_in_one_helper(shell: Shell, output: Path) -> None:
    helpers = set()
    for _ in range(3):
        shell("echo $PPID")
        helpers.add(output.read_text())
    assert len(helpers) == 1


def test_commands_run_on_the_processors_that_they_are_given(
    supervisor: Supervisor, shell: Shell, output: Path
) -> None:
    """Also when another helper has taken the place of the first one."""
    last = max(os.sched_getaffinity(0))
    supervisor.pin(frozenset({last}))
    for _helper in range(2):
        shell("grep Cpus_allowed_list /proc/self/status")
        assert output.read_text().split()[-1] == str(last)
        supervisor.close()


# What a command gets.


def test_environment_is_exact_but_for_the_token(
    supervisor: Supervisor, output: Path, tmp_path: Path
) -> None:
    env = {"ONE": "1", "ODD": "a=b\nc", "BYTES": os.fsdecode(b"\xff")}
    command = Command(("/usr/bin/env", "-0"), tmp_path, env)
    supervisor.run(command, output=output, limits=LONG)
    printed = dict(item.split(b"=", 1) for item in output.read_bytes().split(b"\0") if item)
    assert printed.pop(b"OVERNIGHT_RUN_TOKEN").startswith(b"overnight-")
    assert printed == {os.fsencode(name): os.fsencode(value) for name, value in env.items()}


def test_tokens_begin_with_the_marker_and_differ(
    stop: StopSignal, output: Path, tmp_path: Path
) -> None:
    tokens = []
    command = Command(("/bin/sh", "-c", "echo $OVERNIGHT_RUN_TOKEN"), tmp_path)
    with Supervisor(stop, marker="study-7") as supervisor:
        for _ in range(2):
            supervisor.run(command, output=output, limits=LONG)
            tokens.append(output.read_text())
    assert tokens[0] != tokens[1]
    assert all(token.startswith("study-7-") for token in tokens)


@pytest.mark.parametrize("text", ["", "hello\n", "ünïcödé\n" * 200_000])
def test_stdin_carries_the_text(
    supervisor: Supervisor, output: Path, tmp_path: Path, text: str
) -> None:
    command = Command(("/bin/cat",), tmp_path, stdin=text)
    assert supervisor.run(command, output=output, limits=LONG).code == 0
    assert output.read_text() == text


def test_stdin_survives_text_that_cannot_be_encoded(
    supervisor: Supervisor, output: Path, tmp_path: Path
) -> None:
    command = Command(("/bin/cat",), tmp_path, stdin="a\udcffb\ud800c")
    supervisor.run(command, output=output, limits=LONG)
    assert output.read_bytes() == b"a\xffb\xef\xbf\xbdc"


def test_stdin_is_empty_without_a_text(shell: Shell, output: Path) -> None:
    assert shell("cat; echo done").code == 0
    assert output.read_text() == "done\n"


def test_the_command_inherits_nothing_but_three_descriptors(shell: Shell, output: Path) -> None:
    open_here = os.open("/dev/null", os.O_RDONLY)
    os.set_inheritable(open_here, True)
    try:
        with Supervisor(StopSignal()) as late:
            command = Command(("/bin/ls", "/proc/self/fd"), Path("/"))
            late.run(command, output=output, limits=LONG)
    finally:
        os.close(open_here)
    assert output.read_text().split() == ["0", "1", "2", "3"]  # 3 is the directory ls reads


def test_signal_handling_is_as_after_login(shell: Shell, output: Path) -> None:
    shell("cat /proc/self/status")
    status = dict(line.split(":\t", 1) for line in output.read_text().splitlines())
    of_the_c_library = 0b11 << 31  # glibc's posix_spawn has 32 and 33, its own two, ignored
    for name in ("SigBlk", "SigIgn", "SigCgt"):
        assert int(status[name], 16) & ~of_the_c_library == 0, name


def test_umask_and_directory_are_as_asked(shell: Shell, output: Path, tmp_path: Path) -> None:
    mask = os.umask(0)
    os.umask(mask)
    shell("umask; pwd")
    printed_mask, printed_cwd = output.read_text().split()
    assert int(printed_mask, 8) == mask
    assert Path(printed_cwd) == tmp_path.resolve()


def test_it_runs_in_a_session_of_its_own(shell: Shell, output: Path) -> None:
    shell("cut -d ' ' -f 1,5,6 /proc/self/stat; echo $$")
    (_, group, session), (main,) = (line.split() for line in output.read_text().splitlines())
    assert group == session == main != str(os.getsid(0))


# What cannot start.


def start_problem(supervisor: Supervisor, output: Path, command: Command) -> str:
    ending = supervisor.run(command, output=output, limits=LONG)
    assert (ending.ended_by, ending.code) == (EndedBy.NOT_STARTED, None)
    assert output.read_bytes() == b""
    return ending.detail


def test_problems_at_the_start_are_sentences(
    supervisor: Supervisor, output: Path, tmp_path: Path
) -> None:
    plain = tmp_path / "plain"
    plain.write_text("text")
    orphan = tmp_path / "orphan"
    orphan.write_text("#!/no/such/interpreter\n")
    orphan.chmod(0o755)
    empty = tmp_path / "empty"
    empty.touch(mode=0o755)
    env = {"PATH": "/usr/bin:/bin"}
    cases = {
        ("no-such-program",): "no-such-program was not found on PATH",
        ("/no/such/program",): "/no/such/program does not exist",
        (str(plain),): f"{plain} cannot be started: Permission denied",
        (str(empty),): f"{empty} cannot be started: Exec format error",
        (str(orphan),): f"{orphan} cannot be started: the interpreter in its first line does not",
        ("/bin/echo", "a\0b"): "/bin/echo cannot be started: embedded null byte",
        (): "there is no program to start",
    }
    for argv, sentence in cases.items():
        assert sentence in start_problem(supervisor, output, Command(argv, tmp_path, env))
    elsewhere = Command(("/bin/true",), tmp_path / "missing", env)
    assert "missing cannot be entered: No such file" in start_problem(supervisor, output, elsewhere)
    assert supervisor.run(Command(("true",), tmp_path, env), output=output, limits=LONG).code == 0


def test_a_program_is_found_on_the_path_it_is_given(
    supervisor: Supervisor, output: Path, tmp_path: Path
) -> None:
    tool = tmp_path / "bin" / "tool"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\necho found\n")
    tool.chmod(0o755)
    command = Command(("tool",), tmp_path, {"PATH": f"/no/such/place:{tmp_path / 'bin'}:/bin"})
    supervisor.run(command, output=output, limits=LONG)
    assert output.read_text() == "found\n"


def test_an_output_file_that_cannot_be_opened_is_an_error(
    supervisor: Supervisor, output: Path, tmp_path: Path
) -> None:
    missing = tmp_path / "missing" / "errors.log"
    command = Command(("/bin/true",), tmp_path)
    with pytest.raises(FileNotFoundError, match=r"errors\.log"):
        supervisor.run(command, output=output, limits=LONG, errors=missing)
    assert supervisor.run(command, output=output, limits=LONG).code == 0


# What it prints.


def test_errors_go_with_the_output_or_apart(shell: Shell, output: Path, tmp_path: Path) -> None:
    script = "echo one; echo two >&2; echo three"
    assert shell(script).printed_bytes == 14
    assert output.read_text() == "one\ntwo\nthree\n"
    errors = tmp_path / "errors.log"
    assert shell(script, errors=errors).printed_bytes == 14
    assert (output.read_text(), errors.read_text()) == ("one\nthree\n", "two\n")


def test_output_shows_while_the_command_runs(
    shell: Shell, output: Path, tmp_path: Path, wait_for: WaitFor
) -> None:
    seen = tmp_path / "seen"

    def watch() -> None:
        wait_for(lambda: output.exists() and output.read_text() == "early\n")
        seen.touch()

    watcher = threading.Thread(target=watch)
    watcher.start()
    ending = shell(f"echo early; until test -e {seen}; do sleep 0.01; done")
    watcher.join()
    assert ending.code == 0


def test_a_gigabyte_leaves_the_file_and_the_helper_small(shell: Shell, output: Path) -> None:
    limits = Limits(deadline_s=60.0, output_bytes=2**20)
    ending = shell(
        "echo $PPID; head -c 1073741824 /dev/zero; printf '\\nloss: 1\\n'", limits=limits
    )
    printed = output.read_bytes()
    assert ending.code == 0
    assert ending.printed_bytes > 2**30
    assert 2**20 - 2**17 < len(printed) < 2**20 + 100
    assert printed.endswith(b"\nloss: 1\n")
    helper = int(printed.split(b"\n", 1)[0])
    peak = Path(f"/proc/{helper}/status").read_text().split("VmHWM:")[1].split()[0]
    assert int(peak) < 64 * 1024


def test_closing_its_output_does_not_end_a_command(shell: Shell) -> None:
    ending = shell("exec >&- 2>&-; sleep 0.1; exit 5")
    assert (ending.ended_by, ending.code) == (EndedBy.ITSELF, 5)


def test_a_full_disk_is_told_and_ends_nothing(
    supervisor: Supervisor, output: Path, tmp_path: Path
) -> None:
    command = Command(("/bin/sh", "-c", "head -c 10000000 /dev/zero; exit 3"), tmp_path)
    ending = supervisor.run(command, output=Path("/dev/full"), limits=LONG)
    assert (ending.code, ending.printed_bytes) == (3, 10_000_000)
    assert ending.detail.startswith("/dev/full holds only part of the output")
    assert "No space left" in ending.detail


def test_a_file_size_limit_is_told_and_ends_nothing(shell: Shell, output: Path) -> None:
    shell("echo $PPID")
    resource.prlimit(int(output.read_text()), resource.RLIMIT_FSIZE, (1000, 1000))
    ending = shell("yes | head -c 200000 || true")
    assert (ending.code, ending.printed_bytes) == (0, 200_000)
    assert "File too large" in ending.detail
    assert output.stat().st_size == 1000
