"""Connections from the harness to the endpoints on a list."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias

from overnight.sandbox.network.allowlist import AllowList, Endpoint
from overnight.sandbox.network.relay import Line

Resolve: TypeAlias = Callable[[str], Awaitable[Sequence[str]]]
"""From a name, or an address, to addresses; raises OSError."""

_LOCALHOST = ("127.0.0.1", "::1")
_ADDRESS_S = 20.0


class Unreachable(Exception):
    """No connection to an endpoint could be made; says why."""


class LedAstray(Exception):
    """A name on the list leads to an address that it must not stand for.

    Attributes:
        address: Where it leads.
    """

    def __init__(self, address: Endpoint) -> None:
        super().__init__(str(address))
        self.address = address


async def look_up(host: str) -> list[str]:
    """The addresses of a name, as this machine resolves it.

    Raises:
        OSError: It has none.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


async def dial(endpoint: Endpoint, *, allow: AllowList, resolve: Resolve) -> Line:
    """Connect to the first address of an endpoint that answers.

    Raises:
        Unreachable: None does.
        LedAstray: All its addresses are some that the name must not stand for.
    """
    try:
        found = _LOCALHOST if endpoint.host == "localhost" else await resolve(endpoint.host)
    except OSError as error:
        raise Unreachable(_reason(error)) from error
    addresses = [address for address in found if allow.lets_lead_to(address, endpoint.port)]
    if found and not addresses:
        raise LedAstray(Endpoint(found[0], endpoint.port))
    problem = OSError("it has no address")
    for address in addresses:
        try:
            async with asyncio.timeout(_ADDRESS_S):
                return Line(*await asyncio.open_connection(address, endpoint.port))
        except OSError as error:
            problem = error
    raise Unreachable(_reason(problem)) from problem


def _reason(error: OSError) -> str:
    if isinstance(error, TimeoutError) and error.errno is None:
        return f"no answer within {_ADDRESS_S:g} s"
    if error.errno is None or error.errno < 0:
        return error.strerror or str(error)
    return os.strerror(error.errno)
