import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from overnight.sandbox.network.attendant import ProxyLimits

from .wires import EVER_S, Clients, MakeClients, Site, WaitUntil


@pytest.fixture
def site() -> Iterator[Site]:
    with closing(Site()) as site:
        yield site


@pytest.fixture
def clients_of(tmp_path: Path) -> Iterator[MakeClients]:
    """Makes proxies with these entries on their lists."""
    made: list[Clients] = []

    def make(*allow: str, limits: ProxyLimits | None = None, directory: Path = tmp_path) -> Clients:
        clients = Clients(directory, allow, limits)
        made.append(clients)
        return clients

    yield make
    for clients in made:
        clients.proxy.close()


@pytest.fixture
def clients(clients_of: MakeClients, site: Site) -> Clients:
    """A proxy that lets through to the site, as `api.test` and by its address."""
    return clients_of(f"api.test:{site.port}", f"127.0.0.1:{site.port}")


@pytest.fixture
def wait_until() -> WaitUntil:
    """Waits until a condition comes true."""

    def wait(condition: Callable[[], object]) -> None:
        give_up_at = time.monotonic() + EVER_S
        while not condition():
            assert time.monotonic() < give_up_at, "the condition never came true"
            time.sleep(0.005)

    return wait
