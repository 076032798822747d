"""The program through which a sandbox's command is started, so that it finds a network.

It uses nothing but the standard library. In the sandbox, whose own network is a loopback and
nothing more, it listens on a port that takes HTTP proxy requests, and on those ports of the
harness's loopback that the sandbox may reach. It leaves a process that carries what comes in to the
proxy's socket file, and becomes the command, with the environment that leads programs to the
proxy. Its arguments::

    SOURCES SOCKET_FILE PROXY_PORT FORWARDED_PORTS COMMAND...
"""

import errno
import os
import signal
import socket
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import NoReturn, TypeAlias

_CANNOT_START, _NOT_FOUND = 126, 127
_PROXIED = ("http_proxy", "https_proxy", "all_proxy")
_LOOPBACK = "localhost,127.0.0.1,::1"
_FAMILIES = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
_NO_SUCH_FAMILY = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)

# Listening sockets, each with the port that it stands for outside, None where that is the proxy.
_Doors: TypeAlias = dict[socket.socket, int | None]


def main() -> None:
    """Listen, leave a process that carries, and become the command."""
    proxy, port, forwarded, *command = sys.argv[2:]
    doors: _Doors = dict.fromkeys(_listen(int(port)))
    for number in map(int, filter(None, forwarded.split(","))):
        doors.update(dict.fromkeys(_listen(number), number))
    _leave_carrying(doors, proxy)
    _become(command, {**os.environ, **_leading_to(f"http://127.0.0.1:{port}")})


def _listen(port: int) -> list[socket.socket]:
    listeners = []
    for family, address in _FAMILIES:
        try:
            listener = socket.socket(family)
            listener.bind((address, port))
            listener.listen()
            listeners.append(listener)
        except OSError as error:
            if error.errno not in _NO_SUCH_FAMILY:
                reason = f"cannot listen on {address}, port {port}: {error.strerror}"
                _fail(_CANNOT_START, f"The sandbox {reason}.")
    return listeners


def _leave_carrying(doors: _Doors, proxy: str) -> None:
    """Start a process that is not the command's child and ends when the command does."""
    try:
        command = os.pidfd_open(os.getpid())
        between = os.fork()
        if between == 0:
            _carry_apart(doors, proxy, until=command)
        os.close(command)
        _, status = os.waitpid(between, 0)
    except OSError as error:
        _fail(_CANNOT_START, f"The sandbox's network cannot be set up: {error.strerror}.")
    if status:
        _fail(_CANNOT_START, "The sandbox's network cannot be set up: no process can be started.")


def _carry_apart(doors: _Doors, proxy: str, *, until: int) -> NoReturn:
    failed = True
    try:
        _let_go_of_all_but([until, *(door.fileno() for door in doors)])
        if os.fork() == 0:
            # The command does not wait for asyncio; whoever calls meanwhile is kept in line.
            from overnight.sandbox.network.carrier import carry  # noqa: PLC0415 (see above)

            carry(doors, proxy=proxy, until=until)
        failed = False
    finally:
        os._exit(failed)


def _let_go_of_all_but(kept: Iterable[int]) -> None:
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(nothing, standard)
    open_now = os.listdir("/proc/self/fd")  # noqa: PTH208 (pathlib is long to import)
    for descriptor in set(map(int, open_now)) - {0, 1, 2, *kept}:
        with suppress(OSError):
            os.close(descriptor)


def _leading_to(proxy: str) -> dict[str, str]:
    lower = {**dict.fromkeys(_PROXIED, proxy), "no_proxy": _LOOPBACK}
    upper = {name.upper(): value for name, value in lower.items()}
    return {**lower, **upper, "NODE_USE_ENV_PROXY": "1"}


def _become(command: list[str], environ: Mapping[str, str]) -> NoReturn:
    # Python ignores these signals, and what is ignored stays so in the command.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvpe(command[0], command, environ)  # noqa: S606 (no shell is wanted)
    except (FileNotFoundError, NotADirectoryError):
        _fail(_NOT_FOUND, f"{command[0]} was not found.")
    except OSError as error:
        _fail(_CANNOT_START, f"{command[0]} cannot be started: {error.strerror}.")


def _fail(code: int, sentence: str) -> NoReturn:
    sys.stderr.write(f"overnight: {sentence}\n")
    sys.exit(code)


if __name__ == "__main__":
    main()
