"""Which endpoints can be reached, directly, and through the proxy that the environment names."""

import json
import os
import re
import socket
import sys

_PATIENCE_S = 10.0


def directly(host: str, port: int) -> str:
    """Why there is no connection, or an empty string."""
    try:
        socket.create_connection((host, port), timeout=_PATIENCE_S).close()
    except OSError as error:
        return error.strerror or str(error)
    return ""


def through(proxy: str, host: str, port: int) -> str:
    """Why the proxy makes no connection, in its own words, or an empty string."""
    place = re.fullmatch(r"http://([\d.]+):(\d+)/?", proxy)
    if place is None:
        return f"{proxy} is no proxy"
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    request = f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n"
    try:
        with socket.create_connection((place[1], int(place[2])), timeout=_PATIENCE_S) as wire:
            wire.sendall(request.encode())
            return _problem(wire)
    except OSError as error:
        return error.strerror or str(error)


def _problem(wire: socket.socket) -> str:
    with wire.makefile("r", encoding="utf-8", errors="replace") as answer:
        status = answer.readline().split()
        if status[1:2] == ["200"]:
            return ""
        told = [line for line in answer.read().splitlines() if line.strip()]
    return told[-1] if told else "the proxy gave no answer"


def reach(endpoint: str) -> dict[str, str]:
    """Why an endpoint cannot be reached on either way; an empty string where it can."""
    host, _, port = endpoint.rpartition(":")
    host = host.strip("[]")
    proxy = os.environ.get("HTTPS_PROXY", "")
    return {
        "directly": directly(host, int(port)),
        "through": through(proxy, host, int(port)) if proxy else "there is no proxy",
    }


def main() -> None:
    """Print the answers."""
    sys.stdout.write(json.dumps({place: reach(place) for place in sys.argv[1:]}) + "\n")


if __name__ == "__main__":
    main()
