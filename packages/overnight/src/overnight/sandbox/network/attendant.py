"""What the proxy does with one client: hear what it wants, look at the list, connect or decline."""

import asyncio
import re
import threading
from dataclasses import dataclass, field

import h11

from overnight.brief import one_line
from overnight.sandbox.network.allowlist import AllowList, Endpoint
from overnight.sandbox.network.dial import LedAstray, Resolve, Unreachable, dial
from overnight.sandbox.network.exchange import Declined, Party, forward
from overnight.sandbox.network.relay import Line, Patience, relay

_ABSOLUTE = re.compile(rb"http://([^/?#]*)([^#]*)(?:#.*)?", re.IGNORECASE)
_MOST_SHOWN_CHARACTERS = 100
_MOST_NOTED = 200
OTHERS = "other hosts"


@dataclass(frozen=True, slots=True)
class Refused:
    """An endpoint that was asked for and is not on the list.

    Attributes:
        host: As asked for; ``other hosts`` for all that came after the first 200.
        port: 0 where none is known.
        count: How often it was asked for.
    """

    host: str
    port: int
    count: int


@dataclass(frozen=True, slots=True)
class ProxyLimits:
    """What clients may take up.

    Attributes:
        connections: At once; each takes two descriptors of the harness.
        head_s: Longest time for a client to say what it wants.
    """

    connections: int = 128
    head_s: float = 15.0
    patience: Patience = field(default_factory=Patience)


class Refusals:
    """Counts what was refused, in bounded memory; one thread may note while another takes."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, int], int] = {}
        self._lock = threading.Lock()

    def note(self, host: str, port: int) -> None:
        """Count one more."""
        with self._lock:
            key = (host, port)
            if key not in self._counts and len(self._counts) >= _MOST_NOTED:
                key = (OTHERS, 0)
            self._counts[key] = self._counts.get(key, 0) + 1

    def take(self) -> tuple[Refused, ...]:
        """Everything since the last call, in the order of its first time."""
        with self._lock:
            counts, self._counts = self._counts, {}
        return tuple(Refused(host, port, count) for (host, port), count in counts.items())


class Attendant:
    """Attends to clients, each in a task of its own.

    Args:
        setting: The key of the study file that holds the list.
        refused: Where what is not on the list is noted.
    """

    def __init__(
        self,
        allow: AllowList,
        *,
        setting: str,
        resolve: Resolve,
        limits: ProxyLimits,
        refused: Refusals,
    ) -> None:
        self._allow = allow
        self._setting = setting
        self._resolve = resolve
        self._limits = limits
        self._refused = refused
        self._connections = 0

    async def attend(self, line: Line) -> None:
        """Do what a client wants, if it may, and cut its connection."""
        self._connections += 1
        try:
            async with line:
                await self._answer(Party(line, is_client=True))
        except (OSError, h11.ProtocolError):
            pass  # the client is gone, or makes too little sense to be answered
        finally:
            self._connections -= 1

    async def _answer(self, client: Party) -> None:
        if self._connections > self._limits.connections:
            await client.decline(Declined(503, "there are too many connections at once."))
            return
        try:
            request = await self._hear(client)
            if request is None:
                return
            if request.method == b"CONNECT":
                await self._tunnel(client, request.target)
                return
            await self._forward(client, request)
        except Declined as declined:
            await client.decline(declined)
        await client.line.say_goodbye()

    async def _hear(self, client: Party) -> h11.Request | None:
        try:
            async with asyncio.timeout(self._limits.head_s):
                return await client.request()
        except h11.RemoteProtocolError as error:
            raise Declined(error.error_status_hint, f"this is no HTTP request: {error}.") from error
        except TimeoutError as error:
            raise Declined(408, "the request took too long to come.") from error

    async def _tunnel(self, client: Party, target: bytes) -> None:
        endpoint = self._permitted(target, default_port=None)
        async with await self._dial(endpoint) as line:
            await line.send(await client.accept_tunnel())
            await relay(client.line, line, patience=self._limits.patience)

    async def _forward(self, client: Party, request: h11.Request) -> None:
        url = _ABSOLUTE.fullmatch(request.target)
        if url is None:
            raise Declined(400, "this is a proxy; ask it for http://HOST/PATH, or with CONNECT.")
        endpoint = self._permitted(url[1], default_port=80)
        path = url[2] if url[2].startswith(b"/") else b"/" + url[2]
        async with await self._dial(endpoint) as line:
            await forward(
                h11.Request(method=request.method, target=path, headers=request.headers),
                client=client,
                server=Party(line, is_client=False),
                host=str(endpoint).removesuffix(":80").encode(),
                patience=self._limits.patience,
            )

    def _permitted(self, target: bytes, *, default_port: int | None) -> Endpoint:
        authority = one_line(target.decode("latin-1"), most_characters=_MOST_SHOWN_CHARACTERS)
        try:
            endpoint = Endpoint.parse(target.decode("latin-1"), default_port=default_port)
        except ValueError as problem:
            self._refused.note(authority, 0)
            raise Declined(403, f"{authority} is not on the allow-list: {problem}.") from problem
        if not self._allow.permits(endpoint):
            self._refused.note(endpoint.host, endpoint.port)
            raise Declined(
                403,
                f"{endpoint} is not on the allow-list;"
                f' to let this sandbox reach it, add "{endpoint}" to {self._setting}.',
            )
        return endpoint

    async def _dial(self, endpoint: Endpoint) -> Line:
        try:
            return await dial(endpoint, allow=self._allow, resolve=self._resolve)
        except Unreachable as problem:
            raise Declined(502, f"{endpoint} cannot be reached: {problem}.") from problem
        except LedAstray as astray:
            self._refused.note(astray.address.host, astray.address.port)
            raise Declined(
                403,
                f"{endpoint} leads to {astray.address},"
                f" which only an entry of its own in {self._setting} can allow.",
            ) from astray
