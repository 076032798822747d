"""What a command finds in a sandbox whose only way out is the gateway."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from overnight.sandbox.network.attendant import Refused

from .boxes import Box, program
from .wires import EVER_S, SETTING, Clients, MakeClients, Site, WaitUntil

AT_ONCE = 50
PROXY_PORT = 3128
CUT = {52, 56}  # what curl calls a connection that ends without an answer

FETCH = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1]).read().decode())"
MEET = f"""
import sys, urllib.request
from concurrent.futures import ThreadPoolExecutor
def fetch(number):
    return urllib.request.urlopen(sys.argv[1 + number % 2] + str(number)).read().decode()
with ThreadPoolExecutor({AT_ONCE}) as pool:
    print(*pool.map(fetch, range({AT_ONCE})), sep="\\n")
"""
CONNECT = """
import errno, socket, sys
for place in sys.argv[1:]:
    host, _, port = place.rpartition(":")
    try:
        socket.create_connection((host, int(port)))
    except OSError as error:
        print(errno.errorcode[error.errno])
"""
GARBAGE = f"""
import os, socket
with socket.create_connection(("127.0.0.1", {PROXY_PORT})) as wire:
    wire.sendall(os.urandom(1000) + b"\\r\\n\\r\\n")
    print(wire.recv(12).decode())
"""
CHILDREN = """
import os
try:
    os.wait()
except ChildProcessError:
    print("none")
"""


class Web(ThreadingHTTPServer):
    """Says what it was asked for; below ``/meet`` only once so many ask at the same time."""

    daemon_threads = True
    request_queue_size = 2 * AT_ONCE

    def __init__(self) -> None:
        self.meeting = threading.Barrier(AT_ONCE)
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: Web

    def do_GET(self) -> None:  # http.server calls it by this name
        if self.path.startswith("/meet"):
            self.server.meeting.wait(EVER_S)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.path.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    with Web() as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def proxied(clients_of: MakeClients, web: Web) -> Clients:
    return clients_of(f"api.test:{web.server_port}", f"127.0.0.1:{web.server_port}")


@pytest.fixture
def box(proxied: Clients, web: Web, wait_until: WaitUntil) -> Iterator[Box]:
    """A sandbox from which `web` can be reached, by a name and on its own loopback."""
    box = Box(proxied.proxy.socket, ports=(web.server_port,))
    yield box
    wait_until(lambda: not box.alive())


# What can be reached.


def test_a_listed_host_is_found_through_the_proxy(box: Box, web: Web) -> None:
    url = f"http://api.test:{web.server_port}/page"
    assert box.output("curl", "-sS", url) == "/page"
    assert box.output("curl", "-sS", "--proxytunnel", url) == "/page"
    assert box.output(sys.executable, "-c", FETCH, url) == "/page\n"


def test_a_port_of_this_machine_is_found_by_clients_that_know_no_proxy(box: Box, web: Web) -> None:
    for host in ("127.0.0.1", "localhost"):
        url = f"http://{host}:{web.server_port}/page"
        assert box.output("curl", "-sS", "--noproxy", "*", url) == "/page"
        assert box.output(sys.executable, "-c", FETCH, url) == "/page\n"


@pytest.mark.skipif(
    "00000000000000000000000000000001" not in Path("/proc/net/if_inet6").read_text(),
    reason="this machine has no ::1",
)
def test_a_port_of_this_machine_is_found_by_its_other_address(box: Box, web: Web) -> None:
    url = f"http://[::1]:{web.server_port}/page"
    assert box.output("curl", "-sS", "--noproxy", "*", url) == "/page"


def test_node_finds_a_port_of_this_machine(box: Box, web: Web) -> None:
    url = f"http://localhost:{web.server_port}/page"
    fetch = f"fetch('{url}').then(answer => answer.text()).then(console.log)"
    assert box.output(program("node"), "-e", fetch) == "/page\n"


@pytest.mark.parametrize("host", ["api.test", "127.0.0.1"])
def test_events_come_one_by_one(clients: Clients, site: Site, host: str) -> None:
    box = Box(clients.proxy.socket, ports=(site.port,))
    curl = box.start("curl", "-sSN", f"http://{host}:{site.port}/")
    with curl, site.accept() as server:
        assert curl.stdout is not None
        server.read_until(b"\r\n\r\n")
        server.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        for number in range(3):
            server.send(b"data: %d\n" % number)
            assert curl.stdout.readline() == f"data: {number}\n"
        server.end()
        assert curl.wait(EVER_S) == 0


def test_fifty_at_once(box: Box, web: Web) -> None:
    urls = [f"http://{host}:{web.server_port}/meet/" for host in ("api.test", "localhost")]
    fetched = box.output(sys.executable, "-c", MEET, *urls).split()
    assert fetched == [f"/meet/{number}" for number in range(AT_ONCE)]


def test_a_socket_whose_path_is_longer_than_an_address(box: Box, web: Web) -> None:
    deep = replace(box, place=Path("/run", *["long" * 20] * 5))
    assert deep.output("curl", "-sS", f"http://api.test:{web.server_port}/page") == "/page"


# What cannot.


def test_a_host_that_is_not_listed_is_refused_and_noted(box: Box, proxied: Clients) -> None:
    told = box.output("curl", "-sS", "http://evil.test/page")
    assert told == (
        "overnight: evil.test:80 is not on the allow-list;"
        f' to let this sandbox reach it, add "evil.test:80" to {SETTING}.\n'
    )
    assert "response 403" in box.run("curl", "-sS", "https://evil.test/page").stderr
    refused = (Refused("evil.test", 80, 1), Refused("evil.test", 443, 1))
    assert proxied.proxy.take_refused() == refused


def test_nothing_is_reached_without_the_proxy(box: Box, site: Site) -> None:
    places = (f"127.0.0.1:{site.port}", "192.0.2.1:80")
    failures = box.output(sys.executable, "-c", CONNECT, *places).split()
    assert failures == ["ECONNREFUSED", "ENETUNREACH"]
    assert site.nobody_came()


def test_a_port_that_is_not_listed_is_not_led_through(
    box: Box, proxied: Clients, site: Site
) -> None:
    wider = replace(box, ports=(site.port,))
    assert wider.run("curl", "-sS", f"http://127.0.0.1:{site.port}/").returncode in CUT
    assert proxied.proxy.take_refused() == (Refused("localhost", site.port, 1),)
    assert site.nobody_came()


def test_a_proxy_that_is_gone_fails_clients_at_once(box: Box, proxied: Clients, web: Web) -> None:
    proxied.proxy.close()
    for host in ("api.test", "127.0.0.1"):
        url = f"http://{host}:{web.server_port}/"
        assert box.run("curl", "-sS", url).returncode in CUT


def test_garbage_is_answered_and_harms_nobody(box: Box, web: Web) -> None:
    url = f"http://api.test:{web.server_port}/page"
    script = f'{sys.executable} -c "$1" && curl -sS {url}'
    assert box.output("sh", "-c", script, "-", GARBAGE) == "HTTP/1.1 400\n/page"


# What the command is like.


@pytest.mark.parametrize("code", [0, 1, 77, 255])
def test_exit_status_is_the_commands(box: Box, code: int) -> None:
    assert box.run("sh", "-c", f"echo out; echo err >&2; exit {code}").returncode == code


def test_death_by_a_signal_is_the_commands(box: Box) -> None:
    assert box.run("sh", "-c", "kill -TERM $$").returncode == 128 + signal.SIGTERM


def test_words_and_standard_streams_are_the_commands(box: Box) -> None:
    words = ["two words", "", "--", "$HOME", "ünï\n", os.fsdecode(b"\xff")]
    script = 'printf "%s|" "$@"; echo err >&2; cat'
    ended = subprocess.run(
        box.argv(["sh", "-c", script, "-", *words]), input=b"in", capture_output=True, check=True
    )
    assert ended.stdout == b"".join(os.fsencode(word) + b"|" for word in words) + b"in"
    assert ended.stderr == b"err\n"


def test_environment_leads_to_the_proxy(box: Box) -> None:
    there = replace(box, env={"OTHER": "kept", "http_proxy": "http://elsewhere", "NO_PROXY": "*"})
    found = dict(line.split("=", 1) for line in there.output("env").splitlines())
    proxy, loopback = f"http://127.0.0.1:{PROXY_PORT}", "localhost,127.0.0.1,::1"
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        assert (found[name], found[name.upper()]) == (proxy, proxy)
    assert (found["no_proxy"], found["NO_PROXY"]) == (loopback, loopback)
    assert found["NODE_USE_ENV_PROXY"] == "1"
    assert found["OTHER"] == "kept"


def test_the_proxys_port_makes_way(box: Box) -> None:
    crowded = replace(box, ports=(PROXY_PORT, PROXY_PORT + 1))
    assert crowded.output("sh", "-c", "echo $http_proxy") == f"http://127.0.0.1:{PROXY_PORT + 2}\n"


def test_signals_and_descriptors_are_as_without_a_gateway(box: Box) -> None:
    look = ("sh", "-c", "grep -E 'Sig(Blk|Ign)' /proc/self/status; ls /proc/self/fd")
    outside = subprocess.run(
        look, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert box.output(*look) == outside.stdout


def test_it_has_no_child_that_it_did_not_start(box: Box) -> None:
    assert box.output(sys.executable, "-c", CHILDREN) == "none\n"


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        ("no-such-program", 127, "no-such-program was not found"),
        ("/no/such/program", 127, "/no/such/program was not found"),
        ("/etc/passwd", 126, "/etc/passwd cannot be started: Permission denied"),
        ("/", 126, "/ cannot be started: Permission denied"),
    ],
)
def test_a_command_that_cannot_start(box: Box, command: str, code: int, words: str) -> None:
    ended = box.run(command)
    assert (ended.returncode, ended.stderr) == (code, f"overnight: {words}.\n")


def test_a_port_that_cannot_be_listened_on(box: Box) -> None:
    ended = replace(box, ports=(9000, 9000)).run("true")
    problem = "cannot listen on 127.0.0.1, port 9000: Address already in use"
    assert (ended.returncode, ended.stderr) == (126, f"overnight: The sandbox {problem}.\n")


# What is left.


@pytest.mark.parametrize("own_processes", [True, False])
def test_nothing_is_left_running(box: Box, wait_until: WaitUntil, own_processes: bool) -> None:
    box = replace(box, own_processes=own_processes)
    assert box.output("echo", "done") == "done\n"
    wait_until(lambda: not box.alive())
    with box.start("sleep", "1000") as sandbox:
        wait_until(lambda: box.find("sleep"))
        if own_processes:
            sandbox.kill()
        else:
            box.find("sleep")[0].kill()
    wait_until(lambda: not box.alive())


def test_who_carries_holds_nothing_of_the_commands(box: Box, wait_until: WaitUntil) -> None:
    box = replace(box, own_processes=False)
    with box.start("sleep", "1000"):
        wait_until(lambda: box.find("sleep"))
        (sleep,), (carrier,) = box.find("sleep"), box.find("python")
        for standard in range(3):
            assert Path(f"/proc/{carrier.pid}/fd/{standard}").readlink() == Path("/dev/null")
        assert os.getsid(carrier.pid) not in {os.getsid(sleep.pid), os.getsid(0)}
        sleep.kill()
