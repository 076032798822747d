"""A listener on the user's machine: nothing that a cheat sends out may arrive."""

import selectors
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

LOOPBACK = "127.0.0.1"


class Listener:
    """Takes note of connections and datagrams on one port, by TCP and UDP.

    Attributes:
        port: The port.
    """

    def __init__(self, sockets: list[socket.socket]) -> None:
        self.port: int = sockets[0].getsockname()[1]
        self._selector = selectors.DefaultSelector()
        for each in sockets:
            self._selector.register(each, selectors.EVENT_READ)

    def was_reached(self) -> bool:
        """Whether anything has arrived since it began to listen."""
        return bool(self._selector.select(timeout=0))


@contextmanager
def listening() -> Iterator[Listener]:
    """Listen on every address of the machine while the block lasts."""
    with ExitStack() as stack:
        tcp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        tcp.bind((LOOPBACK, 0))
        tcp.listen()
        udp.bind(tcp.getsockname())
        yield Listener([tcp, udp])
