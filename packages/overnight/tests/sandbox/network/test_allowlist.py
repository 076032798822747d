"""Which endpoints a list means."""

import socket
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.sandbox.network.allowlist import AllowList, Endpoint

LABELS = st.from_regex(r"[a-z]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True).filter(
    lambda label: not label.startswith("xn--")
)
NAMES = st.lists(LABELS, min_size=2, max_size=4).map(".".join)
PORTS = st.integers(1, 65535)


def permits(entries: list[str], authority: str, *, port: int = 443) -> bool:
    """As the proxy decides about what a client asks for."""
    try:
        return AllowList.parse(entries).permits(Endpoint.parse(authority, default_port=port))
    except ValueError:
        return False


@pytest.mark.parametrize(
    ("entry", "meant", "not_meant"),
    [
        (
            "api.openai.com",
            ["api.openai.com:443", "api.openai.com:80", "API.OpenAI.com.:443"],
            ["api.openai.com:8443", "openai.com:443", "eu.api.openai.com:443"],
        ),
        (
            "*.openai.com",
            ["api.openai.com:443", "a.b.openai.com:80"],
            ["openai.com:443", "evilopenai.com:443", ".openai.com:443", "openai.com.evil.org:443"],
        ),
        ("*.x.org:8443", ["a.x.org:8443"], ["a.x.org:443", "x.org:8443"]),
        ("api.example.com:8443", ["api.example.com:8443"], ["api.example.com:443"]),
        ("https://host.org/path?q#f", ["host.org:443"], ["host.org:80"]),
        ("http://host.org", ["host.org:80"], ["host.org:443"]),
        ("HTTPS://Host.ORG:8443/v1", ["host.org:8443"], ["host.org:443"]),
        ("vllm", ["vllm:443", "vllm:80"], ["vllm.org:443"]),
        ("under_score.org", ["under_score.org:443"], ["underscore.org:443"]),
        ("bücher.example", ["xn--bcher-kva.example:443"], ["bucher.example:443"]),
        ("BÜCHER。example", ["xn--bcher-kva.example:443"], []),
        ("10.0.0.7:9000", ["10.0.0.7:9000"], ["10.0.0.8:9000", "10.0.0.7:443"]),
        ("[2001:DB8::1]:9000", ["[2001:db8:0::1]:9000"], ["[2001:db8::2]:9000"]),
        ("[::ffff:10.0.0.7]:9000", ["10.0.0.7:9000", "[::ffff:a00:7]:9000"], []),
    ],
)
def test_an_entry_means(entry: str, meant: list[str], not_meant: list[str]) -> None:
    assert [authority for authority in meant if not permits([entry], authority)] == []
    assert [authority for authority in not_meant if permits([entry], authority)] == []


@pytest.mark.parametrize("entry", ["127.0.0.1:8000", "localhost:8000", "http://[::1]:8000/v1"])
def test_this_machine_has_three_spellings(entry: str) -> None:
    for spelling in ("127.0.0.1:8000", "LOCALHOST:8000", "[0:0::1]:8000"):
        assert permits([entry], spelling)
    for other in ("127.0.0.1:8001", "127.0.0.2:8000", "x.localhost:8000", "localhost.org:8000"):
        assert not permits([entry], other)


def test_ports_of_this_machine() -> None:
    entries = ["localhost:9000", "[::1]:8000", "api.openai.com", "10.0.0.1:7000", "127.0.0.1:8000"]
    assert AllowList.parse(entries).loopback_ports() == (8000, 9000)
    assert AllowList().loopback_ports() == ()


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("", "write a name such as"),
        ("*", 'set the network to "on"'),
        ("*.", "write a name such as"),
        ("api.*.com", "a star stands at the front only"),
        ("*api.com", "a star stands at the front only"),
        ("*.10.0.0.1", "only a name has subdomains"),
        ("*.localhost", "only a name has subdomains"),
        ("user@host.org", "write a name such as"),
        ("user:secret@host.org", "write host, host:port"),
        ("host.org:", "write host, host:port"),
        ("host.org:x", "write host, host:port"),
        ("host.org:*", "write host, host:port"),
        ("host.org:0", "a number from 1 to 65535"),
        ("host.org:65536", "a number from 1 to 65535"),
        ("host.org/path", "write a name such as"),
        ("10.0.0.0/8", "write a name such as"),
        ("two hosts", "write a name such as"),
        ("a..b", "write a name such as"),
        ("-a.org", "write a name such as"),
        ("a" * 64 + ".org", "write a name such as"),
        (".".join(["a" * 60] * 5), "write a name such as"),
        ("a.org\x00", "write a name such as"),
        ("ftp://host.org", "only http:// and https://"),
        ("https://", "write a name such as"),
        ("::1", "[IPv6 address]:port"),
        ("[::1", "[IPv6 address]:port"),
        ("[hello]:80", "no IPv6 address"),
        ("[fe80::1%eth0]:80", "scope"),
        ("[::]:8000", "write 127.0.0.1"),
        ("http://0.0.0.0:8000/v1", "write 127.0.0.1"),
        ("127.1", "four decimal numbers"),
        ("010.0.0.1", "four decimal numbers"),
        ("0x7f000001", "four decimal numbers"),
        ("2130706433", "four decimal numbers"),
        ("localhost", "name a port from 1024 up"),
        ("http://127.0.0.1/v1", "name a port from 1024 up"),
        ("☃\u2024com", "the name cannot be"),
    ],
)
def test_an_entry_that_means_nothing_is_refused(entry: str, problem: str) -> None:
    with pytest.raises(ValueError, match="is no host") as refused:
        AllowList.parse(["api.openai.com", entry])
    assert str(refused.value).startswith(repr(entry))
    assert problem in str(refused.value)


@given(NAMES, PORTS)
def test_case_and_the_last_dot_say_nothing(name: str, port: int) -> None:
    spellings = [name, name.upper(), name.title(), f"{name}.", f"{name.upper()}."]
    for entry in spellings:
        unheard = [each for each in spellings if not permits([f"{entry}:{port}"], f"{each}:{port}")]
        assert unheard == []


@given(NAMES, LABELS)
def test_look_alikes_are_others(name: str, label: str) -> None:
    others = [
        f"{name}.{label}.org",
        f"{label}{name}",
        f"{label}-{name}",
        f"{name}{label}",
        f"{name}@{label}.org",
        f"{label}:x@{name}",
        f"{name}\\@{label}.org",
        f"{name}#.{label}.org",
        f"{name}%00.{label}.org",
        f"{name}..",
        f".{name}",
        f"{name} .{label}.org",
        f"{name}/.{label}.org",
    ]
    assert [other for other in others if permits([name, f"*.{name}"], other)] == []
    assert not permits([name], f"{label}.{name}")
    assert permits([f"*.{name}"], f"{label}.{name}")
    assert not permits([f"*.{name}"], name)


@given(st.integers(0, 2**32 - 1))
def test_an_address_has_one_spelling(number: int) -> None:
    address = IPv4Address(number)
    packed = address.packed
    others = [
        str(number),
        hex(number),
        f"0{number:o}",
        f"{packed[0]}.{number & 0xFFFFFF}",
        f"{packed[0]}.{packed[1]}.{number & 0xFFFF}",
        ".".join(f"{byte:#x}" for byte in packed),
        ".".join(f"0{byte:o}" for byte in packed),
        ".".join(f"{byte:03}" for byte in packed) if packed[0] < 100 else "1",
    ]
    entries = [] if address.is_unspecified else [f"{address}:8000"]
    assert [other for other in others if permits(entries, f"{other}:8000")] == []


@given(st.text(max_size=40))
def test_whatever_is_permitted_is_what_the_resolver_takes_it_for(text: str) -> None:
    """No text that passes for a name is an address to the C library."""
    try:
        host = Endpoint.parse(text, default_port=443).host
    except ValueError:
        return
    try:
        packed = socket.inet_aton(host)
    except OSError:
        return
    assert socket.inet_ntoa(packed) == host


@given(st.text(max_size=40))
def test_no_text_breaks_anything(text: str) -> None:
    assert not permits([], text)
    try:
        AllowList.parse([text])
    except ValueError as refused:
        assert "is no host: " in str(refused)


@given(NAMES, PORTS)
def test_an_endpoint_reads_as_it_is_written(name: str, port: int) -> None:
    for host in (name, "10.1.2.3", "2001:db8::1"):
        endpoint = Endpoint(host, port)
        assert Endpoint.parse(str(endpoint)) == endpoint


def test_an_endpoint_needs_a_port() -> None:
    with pytest.raises(ValueError, match="names no port"):
        Endpoint.parse("api.openai.com")


@pytest.mark.parametrize(
    ("address", "may"),
    [
        ("93.184.216.34", True),
        ("10.0.0.7", True),
        ("2001:db8::1", True),
        ("127.0.0.1", False),
        ("127.0.1.1", False),
        ("::1", False),
        ("::ffff:127.0.0.1", False),
        ("0.0.0.0", False),  # noqa: S104 (nothing is bound to it)
        ("::", False),
        ("169.254.169.254", False),
        ("fe80::1", False),
        ("fe80::1%eth0", False),
        ("224.0.0.1", False),
    ],
)
def test_where_a_name_may_lead(address: str, may: bool) -> None:
    assert AllowList.parse(["api.openai.com"]).lets_lead_to(address, 443) is may


def test_a_name_may_lead_to_an_address_that_is_listed_itself() -> None:
    allow = AllowList.parse(["api.test:8000", "localhost:8000", "169.254.1.2:8000"])
    for address in ("127.0.0.1", "::1", "::ffff:127.0.0.1", "169.254.1.2"):
        assert allow.lets_lead_to(address, 8000)
        assert not allow.lets_lead_to(address, 8001)
    assert not allow.lets_lead_to("127.0.0.2", 8000)
