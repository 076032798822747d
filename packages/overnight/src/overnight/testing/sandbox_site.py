"""A user's machine in small, and sandboxes on it: what the sandbox contract is judged on."""

import http.server
import os
import stat
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from overnight.processes.supervisor import Command, Ending, Limits, StopSignal, Supervisor
from overnight.sandbox.base import Confinement, NetworkAccess, Refused, Sandbox

PATIENT = Limits(deadline_s=60.0)
_MARK = "OVERNIGHT_CONTRACT"


class Site:
    """A user's machine in small, on which a sandbox is used.

    Attributes:
        home: The user's home, which holds a file ``secret``.
        study: The study's repository, which holds one too.
        work: Where clones and checkouts are made, likewise.
        tree: A directory in there that a command works in.
        logs: Where the harness keeps output.
        devices: Nodes that a command may see only where it is granted the GPU.
        environ: The user's environment.
        stop: Ends the running command.
        processes: What a sandbox runs its commands with.

    Args:
        root: An empty directory.
    """

    def __init__(self, root: Path, *, devices: tuple[Path, ...] = ()) -> None:
        self.home, self.study, self.work = root / "home", root / "study", root / "work"
        self.tree, self.logs = self.work / "tree", root / "logs"
        for place in (self.home, self.study, self.tree, self.logs):
            place.mkdir(parents=True)
        for place in (self.home, self.study, self.work):
            (place / "secret").write_text("the user's\n", encoding="ascii")
        self.devices = devices
        self.name = uuid.uuid4().hex
        self.environ = {"PATH": os.environ["PATH"], "HOME": str(self.home), _MARK: self.name}
        self.stop = StopSignal()
        self.processes = Supervisor(self.stop)

    def alive(self) -> list[psutil.Process]:
        """Processes of commands that were run here and are still there."""
        return [process for process in psutil.process_iter() if self._owns(process)]

    def _owns(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get(_MARK) == self.name
        except psutil.Error:
            return False


@dataclass(frozen=True, slots=True)
class Told:
    """What came of a command."""

    ending: Ending
    output: str
    errors: str
    refused: tuple[Refused, ...]


class Box:
    """A sandbox on a site.

    Attributes:
        usual: A confinement with the site's tree to write in, and this interpreter.
    """

    def __init__(self, site: Site, sandbox: Sandbox) -> None:
        self.site = site
        self.sandbox = sandbox
        prefixes = (Path(sys.prefix), Path(sys.base_prefix))
        self.usual = Confinement(writable=(site.tree,), readable=prefixes)

    def run(
        self,
        *argv: str,
        confinement: Confinement | None = None,
        limits: Limits = PATIENT,
        cwd: Path | None = None,
        stdin: str | None = None,
        env: dict[str, str] | None = None,
    ) -> Told:
        """Run a program, by default in the site's tree and as `usual`."""
        output, errors = self.site.logs / "output", self.site.logs / "errors"
        confined = self.sandbox.run(
            Command(argv, cwd or self.site.tree, {**self.site.environ, **(env or {})}, stdin),
            confinement or self.usual,
            output=output,
            errors=errors,
            limits=limits,
        )
        return Told(confined.ending, _text(output), _text(errors), confined.refused)

    def sh(
        self, script: str, *, confinement: Confinement | None = None, limits: Limits = PATIENT
    ) -> Told:
        """Run a line of shell."""
        return self.run("/bin/sh", "-c", script, confinement=confinement, limits=limits)

    def python(
        self,
        source: str,
        *arguments: str,
        confinement: Confinement | None = None,
        limits: Limits = PATIENT,
    ) -> Told:
        """Run a program in this interpreter."""
        argv = (sys.executable, "-c", source, *arguments)
        return self.run(*argv, confinement=confinement, limits=limits)

    def with_network(self, network: NetworkAccess) -> Confinement:
        """The usual confinement with another network."""
        return replace(self.usual, network=network)


def _text(path: Path) -> str:
    return path.read_bytes().decode(errors="surrogateescape")


@contextmanager
def device_node() -> Iterator[tuple[Path, ...]]:
    """A device node that is nothing but another ``/dev/null``, where one can be made."""
    node = Path(f"/dev/overnight-{uuid.uuid4().hex}")
    try:
        os.mknod(node, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    except OSError:
        yield ()
        return
    try:
        yield (node,)
    finally:
        node.unlink()


@contextmanager
def serving() -> Iterator[int]:
    """A web server on a port of the loopback."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


class _Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:  # http.server calls it by this name
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"served")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base's name
        """Say nothing."""
