"""What goes through a proxy."""

import os
import socket
import stat
import threading
from pathlib import Path

import pytest

from overnight.errors import OvernightError

from .wires import Clients, MakeClients, Site, WaitUntil, Wire, connect, get, post, sentence, status

# Tunnels.


def test_a_tunnel_carries_bytes_both_ways(clients: Clients, site: Site) -> None:
    with clients.tunnel(f"api.test:{site.port}") as client, site.accept() as server:
        client.send(b"\x16\x03\x01 ping")
        server.read_until(b"ping")
        server.send(b"\x00\xff pong")
        client.read_until(b"pong")


def test_what_comes_ahead_of_the_answer_is_carried_too(clients: Clients, site: Site) -> None:
    with clients.say(connect(f"api.test:{site.port}") + b"early") as client:
        with site.accept() as server:
            server.read_until(b"early")
            server.send(b"late")
        assert client.read_all().endswith(b"\r\n\r\nlate")


@pytest.mark.parametrize("size", [1, 5_000_000])
def test_each_end_may_say_all_and_go_on_listening(clients: Clients, site: Site, size: int) -> None:
    with clients.tunnel(f"api.test:{site.port}") as client, site.accept() as server:
        for speaker, listener in ((client, server), (server, client)):
            speech = os.urandom(size)
            speaking = threading.Thread(target=speaker.say_all, args=[speech])
            speaking.start()
            assert listener.read_all() == speech
            speaking.join()


def test_when_one_end_is_gone_the_other_hears(clients: Clients, site: Site) -> None:
    with clients.tunnel(f"api.test:{site.port}") as client, site.accept() as server:
        client.close()
        assert server.read_all() == b""
    with clients.tunnel(f"api.test:{site.port}") as client:
        site.accept().close()
        assert client.read_all() == b""


# Plain requests.


def test_a_request_is_passed_on_without_what_is_for_the_next_hop(
    clients: Clients, site: Site
) -> None:
    request = get(
        f"http://api.test:{site.port}/a/b?c=d",
        "Accept: text/plain",
        "Connection: keep-alive, X-Private",
        "X-Private: secret",
        "Keep-Alive: timeout=5",
        "Proxy-Connection: keep-alive",
        "Proxy-Authorization: Basic secret",
        "TE: trailers",
        "Upgrade: websocket",
    )
    with clients.say(request) as client, site.accept() as server:
        asked = server.read_until(b"\r\n\r\n").decode()
        server.send(
            b"HTTP/1.1 404 Nothing Here\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\n"
            b"Keep-Alive: timeout=5\r\nContent-Length: 3\r\nX-Kept: 2\r\n\r\nno\n"
        )
        answer = client.read_all()
    lines = asked.rstrip().lower().split("\r\n")
    assert lines[0] == "get /a/b?c=d http/1.1"
    assert sorted(lines[1:]) == [
        "accept: text/plain",
        "connection: close",
        f"host: api.test:{site.port}",
    ]
    assert answer.startswith(b"HTTP/1.1 404 Nothing Here\r\n")
    assert sentence(answer) == "no"
    assert b"X-Kept: 2" in answer
    assert b"Keep-Alive" not in answer
    assert b"X-Hop" not in answer


@pytest.mark.parametrize(
    ("url", "target"), [("", "/"), ("?a", "/?a"), ("/#part", "/"), ("/a%20b", "/a%20b")]
)
def test_target_that_the_server_is_asked_for(
    clients: Clients, site: Site, url: str, target: str
) -> None:
    with clients.say(get(f"HTTP://API.Test.:{site.port}{url}")), site.accept() as server:
        assert server.read_until(b"\r\n").decode() == f"GET {target} HTTP/1.1\r\n"


def test_bodies_stream_in_both_directions(clients: Clients, site: Site) -> None:
    with clients.say(post(site, "Transfer-Encoding: chunked")) as client, site.accept() as server:
        server.read_until(b"\r\n\r\n")
        client.send(b"3\r\none\r\n")
        server.read_until(b"one")
        client.send(b"3\r\ntwo\r\n")
        server.read_until(b"two")
        client.send(b"0\r\n\r\n")
        server.read_until(b"0\r\n\r\n")
        server.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n")
        server.send(b"Transfer-Encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n")
        client.read_until(b"data: 1\n\n")
        server.send(b"9\r\ndata: 2\n\n\r\n")
        client.read_until(b"data: 2\n\n")
        server.send(b"0\r\n\r\n")
        assert client.read_all().endswith(b"0\r\n\r\n")


def test_an_answer_without_a_length_streams_until_its_end(clients: Clients, site: Site) -> None:
    with clients.say(get(f"http://api.test:{site.port}/")) as client:
        with site.accept() as server:
            server.read_until(b"\r\n\r\n")
            server.send(b"HTTP/1.1 200 OK\r\n\r\ndata: 1\n\n")
            client.read_until(b"data: 1\n\n")
        assert client.read_all().endswith(b"\r\n0\r\n\r\n"), "the client can tell it from a cut"


def test_a_client_that_waits_for_leave_to_send(clients: Clients, site: Site) -> None:
    request = post(site, "Content-Length: 4", "Expect: 100-continue")
    with clients.say(request) as client, site.accept() as server:
        assert b"100-continue" in server.read_until(b"\r\n\r\n")
        server.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        client.read_until(b"\r\n\r\n")
        client.send(b"body")
        server.read_until(b"body")
        server.send(b"HTTP/1.1 204 Done\r\n\r\n")
        assert status(client.read_all()) == 204


def test_an_early_answer_comes_through_although_the_client_goes_on_sending(
    clients: Clients, site: Site
) -> None:
    with clients.say(post(site, "Content-Length: 10") + b"half") as client, site.accept() as server:
        server.read_until(b"half")
        server.send(b"HTTP/1.1 413 Too Big\r\nContent-Length: 0\r\n\r\n")
        assert client.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 413 ")
        client.send(b"more")
        client.end()
        assert client.read_all() == b""


@pytest.mark.parametrize("answer", [b"", b"\x00\x01garbage\r\n\r\n", b"HTTP/1.1 200 OK\r\nX"])
def test_a_server_that_gives_no_answer(clients: Clients, site: Site, answer: bytes) -> None:
    with clients.say(get(f"http://api.test:{site.port}/")) as client:
        with site.accept() as server:
            server.read_until(b"\r\n\r\n")
            server.send(answer)
        told = client.read_all()
    assert status(told) == 502
    assert sentence(told).startswith(f"the exchange with api.test:{site.port} failed: ")


def test_an_answer_that_breaks_off_is_not_completed(clients: Clients, site: Site) -> None:
    with clients.say(get(f"http://api.test:{site.port}/")) as client:
        with site.accept() as server:
            server.read_until(b"\r\n\r\n")
            server.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        assert client.read_all().endswith(b"\r\n\r\nhalf")


# Many, and the end.


def test_fifty_at_once(clients: Clients, site: Site, wait_until: WaitUntil) -> None:
    descriptors = Path("/proc/self/fd")
    before = len(list(descriptors.iterdir()))
    pairs: list[tuple[Wire, Wire]] = []
    for _ in range(50):
        client = clients.tunnel(f"api.test:{site.port}")
        pairs.append((client, site.accept()))
    for number, (client, _) in enumerate(pairs):
        client.send(b"%d." % number)
    for number, (_, server) in enumerate(pairs):
        assert server.read_until(b".") == b"%d." % number
    for client, server in pairs:
        client.close()
        server.close()
    wait_until(lambda: len(list(descriptors.iterdir())) <= before)


def test_closing_cuts_everybody_and_removes_the_socket(
    clients: Clients, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    waiting = clients.say(b"CONNECT")
    tunnel, server = clients.tunnel(f"api.test:{site.port}"), site.accept()
    asking, asked = clients.say(get(f"http://api.test:{site.port}/")), site.accept()
    asked.read_until(b"\r\n\r\n")
    clients.proxy.close()
    for wire in (waiting, tunnel, server, asking, asked):
        with wire:
            assert wire.read_all() == b""
    assert not clients.proxy.socket.exists()
    clients.proxy.close()
    assert caplog.text == ""
    assert "overnight-proxy" not in {thread.name for thread in threading.enumerate()}


def test_a_directory_whose_path_is_longer_than_an_address(
    clients_of: MakeClients, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path.joinpath(*["long" * 20] * 5)
    directory.mkdir(parents=True)
    clients = clients_of(directory=directory)
    assert len(os.fsencode(clients.proxy.socket)) > 400
    assert stat.S_IMODE(clients.proxy.socket.stat().st_mode) == 0o600
    monkeypatch.chdir(directory)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(clients.proxy.socket.name)
        client.sendall(connect("evil.org:443"))
        assert status(Wire(client).read_all()) == 403
    clients.proxy.close()
    assert not clients.proxy.socket.exists()


def test_a_socket_that_cannot_be_made_is_told(clients_of: MakeClients, tmp_path: Path) -> None:
    with pytest.raises(OvernightError, match=r"missing/proxy\.sock, .*: No such file"):
        clients_of(directory=tmp_path / "missing")
    clients_of()
    with pytest.raises(OvernightError, match="Address already in use"):
        clients_of()
