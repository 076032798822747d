"""Starting a command from a process that keeps its own surroundings apart from it."""

import contextlib
import errno
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path


class NotStarted(Exception):
    """The command cannot be started; says why."""


def spawn(
    argv: list[bytes],
    *,
    cwd: bytes,
    environ: Mapping[bytes, bytes],
    stdin: bytes | None,
    outputs: tuple[int, int],
) -> int:
    """Start a program in a session of its own, found on the PATH that it is given.

    It gets the three standard descriptors and no other, default signal handling and no blocked
    signal. The calling process is in ``/`` afterwards.

    Args:
        stdin: What it can read from its standard input, or None for an empty one.
        outputs: Descriptors for its standard output and standard error.

    Returns:
        Its process id, which is also its process group and session.

    Raises:
        NotStarted: There is no such program or directory, or it cannot be used.
    """
    if not argv:
        raise NotStarted("there is no program to start: the command is empty")
    try:
        _enter(cwd)
        with _input(stdin) as descriptor:
            return _spawn_from_path(argv, environ, (descriptor, *outputs))
    except (OSError, ValueError) as error:
        raise NotStarted(_explain(argv[0], error)) from error
    finally:
        os.chdir("/")


def _enter(directory: bytes) -> None:
    try:
        os.chdir(directory)
    except OSError as error:
        where = f"the working directory {os.fsdecode(directory)}"
        raise NotStarted(f"{where} cannot be entered: {error.strerror}") from error


@contextlib.contextmanager
def _input(text: bytes | None) -> Iterator[int]:
    if text is None:
        with Path(os.devnull).open("rb") as nothing:
            yield nothing.fileno()
        return
    import tempfile  # noqa: PLC0415 - a quarter of the helper's start, and few commands are told anything

    with tempfile.TemporaryFile() as file:
        file.write(text)
        file.seek(0)
        yield file.fileno()


def _spawn_from_path(
    argv: list[bytes], environ: Mapping[bytes, bytes], descriptors: Sequence[int]
) -> int:
    places = [b""]
    if b"/" not in argv[0]:
        path = environ.get(b"PATH", os.fsencode(os.defpath))
        places = [place + b"/" if place else b"./" for place in path.split(b":")]
    problem: OSError = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    for place in places:
        try:
            return os.posix_spawn(
                place + argv[0],
                argv,
                environ,
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, source, target)
                    for target, source in enumerate(descriptors)
                ],
                setsid=True,
                setsigmask=[],
                setsigdef=signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP},
            )
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            problem = error
    raise problem


def _explain(program: bytes, error: OSError | ValueError) -> str:
    name = os.fsdecode(program)
    if isinstance(error, ValueError):
        return f"{name} cannot be started: {error}"
    if error.errno != errno.ENOENT:
        return f"{name} cannot be started: {error.strerror}"
    if b"/" not in program:
        return f"{name} was not found on PATH"
    if Path(name).exists():
        return f"{name} cannot be started: the interpreter in its first line does not exist"
    return f"{name} does not exist"
