"""One HTTP/1.1 exchange at a time: reading a request, declining it, or passing it on."""

import asyncio

import h11

from overnight.brief import one_line
from overnight.sandbox.network.relay import Line, Patience, Watch

_MOST_HEAD_BYTES = 64 * 1024
_MOST_SENTENCE_CHARACTERS = 1000
_HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"upgrade",
    }
)
_CLOSE = (b"connection", b"close")


class Declined(Exception):
    """A request is answered by the proxy itself.

    Attributes:
        status: HTTP status.
        sentence: The reason, which may quote what a client sent.
    """

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


class Party:
    """Who is at the other end of a connection that carries one exchange.

    Args:
        line: The connection.
        is_client: Whether it asks and this end answers.
    """

    def __init__(self, line: Line, *, is_client: bool) -> None:
        self.line = line
        self._http = h11.Connection(
            h11.SERVER if is_client else h11.CLIENT, max_incomplete_event_size=_MOST_HEAD_BYTES
        )

    async def request(self) -> h11.Request | None:
        """What it asks for; None where it left without a word.

        Raises:
            h11.RemoteProtocolError: It is no HTTP, or it broke off.
            OSError: The connection broke.
        """
        request = await self.next_event()
        if not isinstance(request, h11.Request):
            return None
        if request.method == b"CONNECT":
            while not isinstance(await self.next_event(), h11.EndOfMessage):
                pass
        return request

    async def next_event(self) -> h11.Event:
        """The next part of what it says.

        Raises:
            h11.RemoteProtocolError: It is no HTTP, or it broke off.
            OSError: The connection broke.
        """
        while not isinstance(event := self._http.next_event(), h11.Event):
            self._http.receive_data(await self.line.receive())
        return event

    async def send(self, event: h11.Event) -> None:
        """Say a part.

        Raises:
            h11.LocalProtocolError: It cannot come now.
            OSError: The connection broke.
        """
        data = self._http.send(event)
        if data:
            await self.line.send(data)

    async def accept_tunnel(self) -> bytes:
        """Answer CONNECT; returns what came ahead of the answer.

        Raises:
            OSError: The connection broke.
        """
        await self.send(h11.Response(status_code=200, headers=[], reason=b"Connected"))
        return self._http.trailing_data[0]

    async def decline(self, declined: Declined) -> None:
        """Answer with a line of text, unless an answer has begun."""
        if self._http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        sentence = one_line(declined.sentence, most_characters=_MOST_SENTENCE_CHARACTERS)
        text = f"overnight: {sentence}\n".encode()
        headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", b"%d" % len(text)),
            _CLOSE,
        ]
        await self.send(h11.Response(status_code=declined.status, headers=headers))
        await self.send(h11.Data(data=text))
        await self.send(h11.EndOfMessage())


async def forward(
    request: h11.Request, *, client: Party, server: Party, host: bytes, patience: Patience
) -> None:
    """Pass a request on and the answer back, each as it comes.

    Args:
        request: With the target that the server expects.
        host: What the server is told that it was asked for.

    Raises:
        Declined: It failed; where the answer had begun, the client sees it break off.
    """
    problem = ""
    try:
        async with Watch(patience) as watch, asyncio.TaskGroup() as both:
            upload = both.create_task(_upload(request, client, server, host=host, watch=watch))
            await _download(server, client, watch)
            upload.cancel()
    except* (OSError, h11.ProtocolError) as group:
        problem = str(group.exceptions[0]) or "nothing came for too long"
    if problem:
        raise Declined(502, f"the exchange with {host.decode()} failed: {problem}.")


async def _upload(
    request: h11.Request, client: Party, server: Party, *, host: bytes, watch: Watch
) -> None:
    headers = [(b"host", host), *_end_to_end(request.headers.raw_items(), but=b"host"), _CLOSE]
    try:
        await server.send(
            h11.Request(method=request.method, target=request.target, headers=headers)
        )
        while isinstance(data := await client.next_event(), h11.Data):
            watch.moved()
            await server.send(data)
        await server.send(h11.EndOfMessage())
        while await client.line.receive():
            pass  # there is one exchange on a connection
    except OSError:
        pass  # a server may answer without having read all; if nobody does, the watch ends it
    watch.half_closed()


async def _download(server: Party, client: Party, watch: Watch) -> None:
    while not isinstance(event := await server.next_event(), h11.EndOfMessage):
        watch.moved()
        if isinstance(event, h11.Response):
            headers = [*_end_to_end(event.headers.raw_items()), _CLOSE]
            event = h11.Response(
                status_code=event.status_code, headers=headers, reason=event.reason
            )
        await client.send(event)
    await client.send(h11.EndOfMessage())


def _end_to_end(
    headers: list[tuple[bytes, bytes]], *, but: bytes = b""
) -> list[tuple[bytes, bytes]]:
    """The headers that are not only for the next hop."""
    named = b",".join(value for name, value in headers if name.lower() == b"connection")
    dropped = {*_HOP_BY_HOP, but, *(name.strip() for name in named.lower().split(b","))}
    return [(name, value) for name, value in headers if name.lower() not in dropped]
