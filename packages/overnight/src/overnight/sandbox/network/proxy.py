"""The harness's end of a sandbox's network: an HTTP proxy on a socket file, for one allow-list."""

import asyncio
import os
import socket
import threading
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from overnight.errors import OvernightError
from overnight.sandbox.network.allowlist import AllowList
from overnight.sandbox.network.attendant import Attendant, ProxyLimits, Refusals, Refused
from overnight.sandbox.network.dial import Resolve, look_up
from overnight.sandbox.network.relay import Line

SOCKET_NAME = "proxy.sock"


class Proxy:
    """Lets clients of a socket file reach the endpoints on a list, and notes what else they ask.

    It serves from a thread of its own until it is closed. Nothing that goes through is kept.

    Args:
        directory: Where the socket file is made; whoever can enter it can use the proxy.
        setting: The key of the study file that holds the list, for those who are refused.
        resolve: Finds the addresses of a host; no host is looked up that is not on the list.

    Attributes:
        socket: The socket file.

    Raises:
        OvernightError: The socket file cannot be made.
    """

    def __init__(
        self,
        allow: AllowList,
        directory: Path,
        *,
        setting: str,
        resolve: Resolve = look_up,
        limits: ProxyLimits = ProxyLimits(),  # noqa: B008 (frozen)
    ) -> None:
        self.socket = directory / SOCKET_NAME
        self._refused = Refusals()
        self._attendant = Attendant(
            allow, setting=setting, resolve=resolve, limits=limits, refused=self._refused
        )
        self._listener = _listen(self.socket)
        self._closing = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="overnight-proxy", daemon=True)
        self._thread.start()

    def take_refused(self) -> tuple[Refused, ...]:
        """What was refused since the last call, in the order in which it was first asked for."""
        return self._refused.take()

    def close(self) -> None:
        """Cut all connections and remove the socket file."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._closing.set)
            self._thread.join()
            self.socket.unlink(missing_ok=True)

    def __enter__(self) -> "Proxy":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        server = await asyncio.start_unix_server(self._welcome, sock=self._listener)
        await self._closing.wait()
        server.close()
        clients = asyncio.all_tasks() - {asyncio.current_task()}
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.CancelledError):  # by `close`; asyncio would print a complaint
            await self._attendant.attend(Line(reader, writer))


def _listen(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    try:
        place = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
        try:
            # An address holds 108 bytes, and the path of the directory can be longer.
            listener.bind(f"/proc/self/fd/{place}/{path.name}")
            path.chmod(0o600)
        finally:
            os.close(place)
        listener.listen()
    except OSError as error:
        listener.close()
        raise OvernightError(
            f"The sandbox's network needs a socket at {path}, which cannot be made:"
            f" {error.strerror}."
        ) from error
    return listener
