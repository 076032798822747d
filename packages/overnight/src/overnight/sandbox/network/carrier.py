"""The process in a sandbox that carries bytes from its ports to the proxy's socket file."""

import asyncio
import os
import socket
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from overnight.sandbox.network.relay import Line, Patience, relay

_HEAD_END = b"\r\n\r\n"


def carry(doors: Mapping[socket.socket, int | None], *, proxy: str, until: int) -> None:
    """Carry until a process ends.

    Args:
        doors: Listening sockets, each with the port of the harness's loopback that it stands for,
            or None where it takes proxy requests.
        proxy: The socket file.
        until: A descriptor that becomes readable when the process has ended.
    """
    # An address holds 108 bytes, and the path can be longer.
    path = Path(proxy)
    os.chdir(path.parent)
    asyncio.run(_carry(doors, proxy=path.name, until=until))


async def _carry(doors: Mapping[socket.socket, int | None], *, proxy: str, until: int) -> None:
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(until, ended.set)
    servers = [
        await asyncio.start_server(partial(_attend, proxy=proxy, port=port), sock=door)
        for door, port in doors.items()
    ]
    await ended.wait()
    for server in servers:
        server.close()


async def _attend(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, proxy: str, port: int | None
) -> None:
    async with Line(reader, writer) as client:
        try:
            outside = Line(*await asyncio.open_unix_connection(proxy))
            async with outside:
                if port is None or await _leads_to(port, outside):
                    await relay(client, outside, patience=Patience())
        except OSError:
            pass  # the proxy is gone, which the client sees as well


async def _leads_to(port: int, line: Line) -> bool:
    """Ask the proxy for a tunnel to a port of the harness's loopback."""
    await line.send(b"CONNECT localhost:%d HTTP/1.1\r\nHost: localhost\r\n\r\n" % port)
    try:
        answer = await line.receive_until(_HEAD_END)
    except EOFError:
        return False
    return answer.startswith(b"HTTP/1.1 200 ")
