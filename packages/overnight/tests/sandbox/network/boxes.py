"""Real sandboxes that have a gateway and no other network."""

import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from overnight.sandbox.network.launch import gateway_argv

_MARK = "OVERNIGHT_TEST_BOX"
_CONFINED = (
    *("--ro-bind", "/", "/", "--dev", "/dev", "--tmpfs", "/run"),
    *("--unshare-user", "--unshare-net", "--new-session"),
)
_DYING = ("--unshare-pid", "--proc", "/proc", "--die-with-parent")


@dataclass(frozen=True)
class Box:
    """A sandbox around one command after the other.

    Attributes:
        socket: The proxy's socket file outside.
        place: The directory where the socket file is found inside.
        ports: Ports of the harness's loopback that lead through.
        writable: Directories that it may change.
        own_processes: Whether its processes die with it by the kernel's doing.
        env: More of its environment.
    """

    socket: Path
    place: Path = Path("/run/overnight")
    ports: tuple[int, ...] = ()
    writable: tuple[Path, ...] = ()
    own_processes: bool = True
    env: dict[str, str] = field(default_factory=dict)
    mark: str = field(default_factory=lambda: uuid.uuid4().hex)

    def argv(self, command: Sequence[str]) -> list[str]:
        bound = ["--ro-bind", str(self.socket.parent), str(self.place)]
        for directory in self.writable:
            bound += ["--bind", str(directory), str(directory)]
        confined = (*_CONFINED, *(_DYING if self.own_processes else ()), *bound)
        socket = self.place / self.socket.name
        gateway = gateway_argv(Path(sys.executable), socket=socket, forward_ports=self.ports)
        return [program("bwrap"), *confined, "--", *gateway, *command]

    def start(self, *command: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            self.argv(command),
            env={"PATH": os.environ["PATH"], "HOME": "/", _MARK: self.mark, **self.env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        with self.start(*command) as process:
            output, errors = process.communicate(timeout=60)
        return subprocess.CompletedProcess(command, process.returncode, output, errors)

    def output(self, *command: str) -> str:
        """What a command prints that ends well and does not complain."""
        ended = self.run(*command)
        assert (ended.returncode, ended.stderr) == (0, "")
        return ended.stdout

    def alive(self) -> list[psutil.Process]:
        """Every process that was started in it and is still there."""
        return [process for process in psutil.process_iter() if self._owns(process)]

    def find(self, name: str) -> list[psutil.Process]:
        """Its processes of this name."""
        found = []
        for process in self.alive():
            with suppress(psutil.Error):  # it may be gone by now
                found += [process] if process.name().startswith(name) else []
        return found

    def _owns(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get(_MARK) == self.mark
        except psutil.Error:
            return False


def program(name: str) -> str:
    """A program of this machine; without it a test is skipped, but fails in CI."""
    found = shutil.which(name)
    if found is None:
        refuse = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        refuse(f"{name} is not installed")
    return found
