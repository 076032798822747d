"""Clients and servers that mean no good, or are gone."""

from contextlib import suppress

import pytest

from overnight.sandbox.network.attendant import ProxyLimits
from overnight.sandbox.network.relay import Patience

from .wires import Clients, MakeClients, Site, connect, get, post, sentence, status

SOON_S = 0.2

HOSTILE = {
    "garbage": bytes(range(256)) * 40,
    "lines": b"\r\n" * 50_000,
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
    "huge line": b"GET http://api.test/" + b"a" * 200_000,
    "huge header": get("http://api.test/")[:-2] + b"X: " + b"a" * 200_000,
    "many headers": get("http://api.test/")[:-2] + b"X: y\r\n" * 50_000,
    "old": b"GET http://api.test/\r\n\r\n",
    "two lengths": get("http://api.test/", "Content-Length: 1", "Content-Length: 2"),
    "odd coding": get("http://api.test/", "Transfer-Encoding: gzip, chunked"),
    "folded": get("http://api.test/", "X: y", " z: w", "\x00: x"),
    "no target": b"GET  HTTP/1.1\r\n\r\n",
    "origin form": get("/"),
    "another scheme": get("https://api.test/"),
    "ftp": get("ftp://api.test/"),
    "asterisk": b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    "socks": b"\x05\x01\x00",
    "nothing": b"",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_input_gets_an_error_and_disturbs_nobody(
    clients: Clients, site: Site, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    with clients.tunnel(f"api.test:{site.port}") as other, site.accept() as server:
        with clients.connect() as client:
            with suppress(ConnectionError):  # when it is cut off
                client.say_all(HOSTILE[name])
            answer = client.read_all()
        if answer:
            assert status(answer) in {400, 431, 501}
            assert sentence(answer)
        else:
            assert name == "nothing"
        other.send(b"still here")
        server.read_until(b"still here")
    assert clients.proxy.take_refused() == ()
    assert caplog.text == ""


def test_a_second_request_on_a_connection_is_not_heard(clients: Clients, site: Site) -> None:
    first, second = (get(f"http://api.test:{site.port}/{name}") for name in ("one", "two"))
    with clients.say(first + second + get("http://evil.org/")) as client:
        with site.accept() as server:
            assert b"GET /one " in server.read_until(b"\r\n\r\n")
            server.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            assert server.read_all() == b""
        assert client.read_all().endswith(b"\r\n\r\nok")
    assert site.nobody_came()
    assert clients.proxy.take_refused() == ()


def test_a_tunnel_with_a_body_is_a_tunnel_without_it(clients: Clients, site: Site) -> None:
    head = connect(f"api.test:{site.port}")[:-2] + b"Content-Length: 4\r\n\r\nbody"
    with clients.say(head + b"after") as client, site.accept() as server:
        client.read_until(b"\r\n\r\n")
        assert server.read_until(b"after") == b"after"


def test_a_body_without_a_legal_frame_ends_the_exchange(clients: Clients, site: Site) -> None:
    with (
        clients.say(post(site, "Transfer-Encoding: chunked") + b"zz\r\n") as client,
        site.accept() as server,
    ):
        assert b"zz" not in server.read_all()
        assert status(client.read_all()) == 502


def test_slow_requests_are_given_up(clients_of: MakeClients) -> None:
    clients = clients_of(limits=ProxyLimits(head_s=SOON_S))
    for begun in (b"", b"GET http://api", get("http://api.test/")[:-2], b"CONNECT a:1 HTTP/1.1"):
        with clients.say(begun) as client:
            answer = client.read_all()
        assert status(answer) == 408


def test_too_many_connections_are_told_so(clients_of: MakeClients, site: Site) -> None:
    clients = clients_of(f"127.0.0.1:{site.port}", limits=ProxyLimits(connections=2))
    tunnels = [clients.tunnel(f"127.0.0.1:{site.port}") for _ in range(2)]
    servers = [site.accept() for _ in tunnels]
    with clients.connect() as client:
        assert status(client.read_all()) == 503
    for wire in (*tunnels, *servers):
        wire.close()


@pytest.mark.parametrize("ended", [False, True])
def test_connections_on_which_nothing_moves_are_cut(
    clients_of: MakeClients, site: Site, ended: bool
) -> None:
    patience = Patience(half_closed_s=SOON_S) if ended else Patience(idle_s=SOON_S)
    clients = clients_of(f"127.0.0.1:{site.port}", limits=ProxyLimits(patience=patience))
    with clients.tunnel(f"127.0.0.1:{site.port}") as client, site.accept() as server:
        if ended:
            client.end()
        assert server.read_all() == b""
        assert client.read_all() == b""
    with clients.say(get(f"http://127.0.0.1:{site.port}/")) as client, site.accept() as server:
        server.read_until(b"\r\n\r\n")
        if ended:
            client.end()
        assert server.read_all() == b""
        assert status(client.read_all()) == 502


def test_a_client_that_does_not_read_holds_its_server_back(clients: Clients, site: Site) -> None:
    enough = 64 * 2**20
    with clients.tunnel(f"api.test:{site.port}"), site.accept() as server:
        server.socket.settimeout(SOON_S)
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < enough:
                sent += server.socket.send(bytes(2**20))
        assert sent < enough
