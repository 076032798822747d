"""Bytes carried between two connections; for both sides of a sandbox, standard library only."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType

CHUNK_BYTES = 64 * 1024
_GOODBYE_S = 5.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a connection may stand still.

    Attributes:
        idle_s: While both ends may still send; a model can think for long before it answers.
        half_closed_s: After one end has said that it sends no more, as one that is gone does too.
    """

    idle_s: float = 4 * 3600.0
    half_closed_s: float = 300.0


class Watch:
    """An asynchronous context that ends in TimeoutError once nothing has moved for too long."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._silence_s = patience.idle_s
        self._timeout = asyncio.timeout(self._silence_s)

    def moved(self) -> None:
        """Some bytes went through."""
        self._timeout.reschedule(asyncio.get_running_loop().time() + self._silence_s)

    def half_closed(self) -> None:
        """One end sends no more."""
        self._silence_s = self._patience.half_closed_s
        self.moved()

    async def __aenter__(self) -> "Watch":
        await self._timeout.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._timeout.__aexit__(kind, error, trace)


class Line:
    """One connection; leaving its context cuts it.

    What was sent is in the kernel's hands when `send` returns, so that cutting loses none of it.
    """

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        writer.transport.set_write_buffer_limits(high=0)

    async def receive(self) -> bytes:
        """Whatever comes next; nothing at the end.

        Raises:
            OSError: The connection broke.
        """
        return await self._reader.read(CHUNK_BYTES)

    async def receive_until(self, end: bytes) -> bytes:
        """Everything up to and with `end`.

        Raises:
            OSError: The connection broke.
            EOFError: It ended before.
            asyncio.LimitOverrunError: More came than a reasonable head.
        """
        return await self._reader.readuntil(end)

    async def send(self, data: bytes) -> None:
        """Send all of it.

        Raises:
            OSError: The connection broke.
        """
        self._writer.write(data)
        await self._writer.drain()

    def end(self) -> None:
        """Say that nothing more will be sent.

        Raises:
            OSError: The connection broke.
        """
        self._writer.write_eof()

    async def say_goodbye(self) -> None:
        """End it so that the other end can read what was sent, although it was still sending."""
        with suppress(OSError):
            async with asyncio.timeout(_GOODBYE_S):
                self.end()
                while await self.receive():
                    pass

    def cut(self) -> None:
        """Close it now."""
        self._writer.transport.abort()

    async def __aenter__(self) -> "Line":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.cut()


async def relay(one: Line, other: Line, *, patience: Patience) -> None:
    """Carry bytes both ways until both ends have said all, one breaks, or nothing moves."""
    try:
        async with Watch(patience) as watch, asyncio.TaskGroup() as pumps:
            pumps.create_task(_pump(one, other, watch))
            pumps.create_task(_pump(other, one, watch))
    except* OSError:
        pass  # how it ended is of no interest to anybody


async def _pump(source: Line, sink: Line, watch: Watch) -> None:
    while data := await source.receive():
        watch.moved()
        await sink.send(data)
    sink.end()
    watch.half_closed()
