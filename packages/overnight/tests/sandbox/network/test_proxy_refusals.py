"""What a proxy does not let through, and what it says and notes about it."""

import asyncio
import socket

import pytest

from overnight.sandbox.network.attendant import Refused
from overnight.sandbox.network.dial import look_up

from .wires import (
    SETTING,
    Clients,
    MakeClients,
    Site,
    connect,
    get,
    sentence,
    status,
)


@pytest.mark.parametrize(
    "authority",
    [
        "evil.org:443",
        "api.test.evil.org:443",
        "evilapi.test:443",
        "api.test:1",
        "127.0.0.1:1",
        "[::1]:22",
        "169.254.169.254:80",
    ],
)
def test_what_is_not_listed_is_refused_and_noted(clients: Clients, authority: str) -> None:
    host, _, port = authority.rpartition(":")
    asked = (connect(authority), get(f"http://{authority}/"), connect(authority.upper()))
    for request in asked:
        answer = clients.ask(request)
        assert status(answer) == 403
        assert sentence(answer) == (
            f"{authority} is not on the allow-list;"
            f' to let this sandbox reach it, add "{authority}" to {SETTING}.'
        )
    refused = Refused(host.strip("[]"), int(port), len(asked))
    assert clients.proxy.take_refused() == (refused,)
    assert clients.proxy.take_refused() == ()
    assert clients.looked_up == [], "asking for an address would already tell something"


@pytest.mark.parametrize(
    "authority",
    [
        "api.test@evil.org:443",
        "api.test:x@evil.org:443",
        "api.test\\@evil.org:443",
        "api.test",
        "127.1:443",
        "0x7f000001:443",
        "2130706433:443",
        "::1:443",
        "api.test:99999",
        ":443",
        "a" * 300 + ":443",
    ],
)
def test_what_is_no_endpoint_is_refused_and_noted(clients: Clients, authority: str) -> None:
    answer = clients.ask(connect(authority))
    assert status(answer) == 403
    assert " is not on the allow-list: " in sentence(answer)
    (refused,) = clients.proxy.take_refused()
    assert (refused.host[:90], refused.port, refused.count) == (authority[:90], 0, 1)
    assert len(refused.host) <= 100


def test_notes_are_bounded(clients: Clients) -> None:
    for number in range(210):
        clients.ask(connect(f"{number}.evil.org:443"))
    clients.ask(connect("0.evil.org:443"))
    refused = clients.proxy.take_refused()
    assert len(refused) == 201
    assert refused[0] == Refused("0.evil.org", 443, 2)
    assert refused[-1] == Refused("other hosts", 0, 10)


def test_a_name_must_not_lead_to_this_machine_or_its_link(
    clients_of: MakeClients, site: Site
) -> None:
    clients = clients_of(f"api.test:{site.port}", "cloud.test")
    for name, address in (("api.test", "127.0.0.1"), ("cloud.test", "169.254.169.254")):
        port = site.port if name == "api.test" else 443
        answer = clients.ask(connect(f"{name}:{port}"))
        assert status(answer) == 403
        assert f"{name}:{port} leads to {address}:{port}, which only" in sentence(answer)
        assert clients.proxy.take_refused() == (Refused(address, port, 1),)
    assert site.nobody_came()


@pytest.mark.parametrize(
    ("authority", "reason"),
    [
        ("nowhere.test:443", "Name or service not known"),
        ("empty.test:443", "it has no address"),
        ("127.0.0.1:{free}", "Connection refused"),
    ],
)
def test_what_is_listed_and_cannot_be_reached(
    clients_of: MakeClients, authority: str, reason: str
) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        authority = authority.format(free=reserved.getsockname()[1])
        answer = clients_of(authority).ask(connect(authority))
    assert status(answer) == 502
    assert sentence(answer) == f"{authority} cannot be reached: {reason}."


def test_all_addresses_are_tried(clients_of: MakeClients, site: Site) -> None:
    hosts = ("twice.test", "127.0.0.1", "127.0.0.2")
    clients = clients_of(*(f"{host}:{site.port}" for host in hosts))
    with clients.tunnel(f"twice.test:{site.port}"):
        site.accept().close()


def test_this_machine_is_found_without_asking(clients: Clients, site: Site) -> None:
    with clients.tunnel(f"localhost:{site.port}"):
        site.accept().close()
    assert clients.looked_up == []


def test_addresses_are_looked_up_as_this_machine_does() -> None:
    assert asyncio.run(look_up("127.0.0.1")) == ["127.0.0.1"]
