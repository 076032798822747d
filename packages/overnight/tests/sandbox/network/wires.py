"""Both ends of a proxy as sockets that a test holds in its own hands."""

import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from overnight.sandbox.network.allowlist import AllowList
from overnight.sandbox.network.attendant import ProxyLimits
from overnight.sandbox.network.proxy import Proxy

EVER_S = 20.0
SETTING = "researcher.network"
NAMES = {
    "api.test": ["127.0.0.1"],
    "twice.test": ["127.0.0.2", "127.0.0.1"],
    "cloud.test": ["169.254.169.254"],
    "empty.test": [],
}


class Wire:
    """A connected socket."""

    def __init__(self, connected: socket.socket) -> None:
        connected.settimeout(EVER_S)
        self.socket = connected
        self._received = b""

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def say_all(self, data: bytes) -> None:
        self.send(data)
        self.end()

    def end(self) -> None:
        self.socket.shutdown(socket.SHUT_WR)

    def read_until(self, end: bytes) -> bytes:
        """Everything up to and with `end`, waiting for it."""
        while end not in self._received:
            data = self.socket.recv(65536)
            assert data, f"{end!r} never came, only {self._received!r}"
            self._received += data
        before, _, self._received = self._received.partition(end)
        return before + end

    def read_all(self) -> bytes:
        """Everything until the other end closes, however it does."""
        try:
            while data := self.socket.recv(65536):
                self._received += data
        except ConnectionError:
            pass
        everything, self._received = self._received, b""
        return everything

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Site:
    """A server whose answers a test gives itself, connection by connection."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=200)
        self._listener.settimeout(EVER_S)
        self.port: int = self._listener.getsockname()[1]

    def accept(self) -> Wire:
        return Wire(self._listener.accept()[0])

    def nobody_came(self) -> bool:
        self._listener.setblocking(False)
        try:
            self._listener.accept()[0].close()
        except BlockingIOError:
            return True
        else:
            return False

    def close(self) -> None:
        self._listener.close()


class Clients:
    """A proxy, and connections to it.

    Attributes:
        looked_up: The hosts that it wanted the addresses of.
    """

    def __init__(
        self, directory: Path, allow: Sequence[str], limits: ProxyLimits | None = None
    ) -> None:
        self.looked_up: list[str] = []
        self.proxy = Proxy(
            AllowList.parse(allow),
            directory,
            setting=SETTING,
            resolve=self._resolve,
            limits=limits or ProxyLimits(),
        )

    async def _resolve(self, host: str) -> list[str]:
        self.looked_up.append(host)
        if host[0].isdigit():
            return [host]
        if host not in NAMES:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return NAMES[host]

    def connect(self) -> Wire:
        client = socket.socket(socket.AF_UNIX)
        client.connect(str(self.proxy.socket))
        return Wire(client)

    def say(self, request: bytes) -> Wire:
        """A new connection on which this was sent, if the proxy did not cut it off before."""
        wire = self.connect()
        with suppress(ConnectionError):
            wire.send(request)
        return wire

    def ask(self, request: bytes) -> bytes:
        """What comes for a request until the connection ends."""
        with self.say(request) as wire:
            return wire.read_all()

    def tunnel(self, authority: str) -> Wire:
        wire = self.say(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode())
        assert wire.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 200 ")
        return wire


MakeClients: TypeAlias = Callable[..., Clients]
WaitUntil: TypeAlias = Callable[[Callable[[], object]], None]


def get(url: str, *headers: str) -> bytes:
    return "\r\n".join([f"GET {url} HTTP/1.1", "Host: elsewhere.test", *headers, "", ""]).encode()


def connect(authority: str) -> bytes:
    return f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode()


def post(site: Site, *headers: str) -> bytes:
    return get(f"http://api.test:{site.port}/", *headers).replace(b"GET", b"POST", 1)


def status(answer: bytes) -> int:
    version, code, _ = answer.split(b" ", 2)
    assert version == b"HTTP/1.1"
    return int(code)


def sentence(answer: bytes) -> str:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"connection: close" in head.lower()
    assert body.endswith(b"\n")
    assert body.count(b"\n") == 1
    return body.decode().removeprefix("overnight: ").rstrip("\n")
