"""Which hosts a sandbox may reach: what study files say in, yes or no out."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_address

import idna

_SCHEMES = {"https": 443, "http": 80}
_UNNAMED_PORTS = tuple(_SCHEMES.values())
_THIS_MACHINE = "localhost"
_LOOPBACK = frozenset({_THIS_MACHINE, "127.0.0.1", "::1"})
# The sandbox has no right to listen below it.
_FIRST_FREE_PORT = 1024

_URL = re.compile(r"(?P<scheme>[a-z]+)://(?P<authority>[^/?#]*)(?:[/?#].*)?", re.IGNORECASE)
_AUTHORITY = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]]*)(?::(?P<port>[0-9]{1,5}))?", re.ASCII)
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*", re.ASCII)
# What the resolver takes for an address: 127.1, 0x7f000001, 2130706433.
_NUMERIC = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A host and a port.

    Attributes:
        host: A name in lower case without its last dot, or an address as `ipaddress` writes it.
    """

    host: str
    port: int

    @classmethod
    def parse(cls, authority: str, *, default_port: int | None = None) -> "Endpoint":
        """Read ``host:port``, with an IPv6 address in brackets.

        Raises:
            ValueError: It is anything else.
        """
        host, port = _split(authority)
        port = default_port if port is None else port
        if port is None:
            raise ValueError(f"{authority!r} names no port")
        return cls(_read_host(host), port)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class _Entry:
    host: str
    ports: tuple[int, ...]
    subdomains: bool = False

    def includes(self, endpoint: Endpoint) -> bool:
        host = _alike(endpoint.host)
        is_meant = host.endswith(f".{self.host}") if self.subdomains else host == self.host
        return is_meant and endpoint.port in self.ports


class AllowList:
    """The endpoints that may be reached.

    ``localhost``, ``127.0.0.1`` and ``[::1]`` are one host, whichever is listed or asked for.
    """

    def __init__(self, entries: Iterable[_Entry] = ()) -> None:
        self._entries = tuple(entries)

    @classmethod
    def parse(cls, texts: Iterable[str]) -> "AllowList":
        """Read the entries of a study file.

        An entry is a host, ``host:port`` or a URL, of which only host and port count. A host
        without a port means 443 and 80; ``*.example.com`` means what lies below that name, but not
        the name itself.

        Raises:
            ValueError: An entry can mean no endpoint; says which one and what to write.
        """
        return cls(map(_read_entry, texts))

    def permits(self, endpoint: Endpoint) -> bool:
        """Whether an endpoint is on the list."""
        return any(entry.includes(endpoint) for entry in self._entries)

    def lets_lead_to(self, address: str, port: int) -> bool:
        """Whether a name on the list may stand for this address.

        A name must not lead to this machine's loopback or to its link, where clouds keep their
        credentials, unless that very address is on the list too.
        """
        found = ip_address(address)
        if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        is_near = found.is_loopback or found.is_link_local
        if not (is_near or found.is_unspecified or found.is_multicast):
            return True
        return self.permits(Endpoint(str(found), port))

    def loopback_ports(self) -> tuple[int, ...]:
        """The ports of this machine's loopback that are on the list, in order."""
        local = (entry for entry in self._entries if entry.host == _THIS_MACHINE)
        return tuple(sorted({port for entry in local for port in entry.ports}))


def _read_entry(text: str) -> _Entry:
    try:
        return _entry(text.strip())
    except ValueError as problem:
        raise ValueError(f"{text!r} is no host: {problem}") from problem


def _entry(text: str) -> _Entry:
    if text == "*":
        raise ValueError('write the hosts one by one, or set the network to "on"')
    url = _URL.fullmatch(text)
    authority = url["authority"] if url else text
    name, port = _split(authority.removeprefix("*."))
    host = _alike(_read_host(name))
    if port is not None:
        ports: tuple[int, ...] = (port,)
    else:
        ports = (_port_of_scheme(url["scheme"]),) if url else _UNNAMED_PORTS
    if authority.startswith("*."):
        if host == _THIS_MACHINE or _is_address(host):
            raise ValueError("only a name has subdomains")
        return _Entry(host, ports, subdomains=True)
    if host == _THIS_MACHINE and min(ports) < _FIRST_FREE_PORT:
        raise ValueError(
            f"on this machine name a port from {_FIRST_FREE_PORT} up, such as 127.0.0.1:8000"
        )
    return _Entry(host, ports)


def _port_of_scheme(scheme: str) -> int:
    try:
        return _SCHEMES[scheme.lower()]
    except KeyError:
        raise ValueError("only http:// and https:// are known; write host:port") from None


def _split(authority: str) -> tuple[str, int | None]:
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        raise ValueError("write host, host:port or [IPv6 address]:port")
    if parts["port"] is None:
        return parts["host"], None
    port = int(parts["port"])
    if not 1 <= port <= 65535:
        raise ValueError("a port is a number from 1 to 65535")
    return parts["host"], port


def _read_host(text: str) -> str:
    """A host in the one spelling that stands for it."""
    if text.startswith("["):
        return _checked(_read_ipv6(text[1:-1]))
    name = (_to_ascii(text) if not text.isascii() else text).lower().removesuffix(".")
    try:
        return _checked(IPv4Address(name))
    except AddressValueError:
        pass
    if "*" in name:
        raise ValueError("a star stands at the front only, as in *.example.com")
    if not _NAME.fullmatch(name):
        raise ValueError("write a name such as api.example.com, or an address")
    if _NUMERIC.fullmatch(name):
        raise ValueError("write an IPv4 address as four decimal numbers")
    return name


def _read_ipv6(text: str) -> IPv4Address | IPv6Address:
    try:
        address = IPv6Address(text)
    except AddressValueError as error:
        raise ValueError("this is no IPv6 address") from error
    if address.scope_id is not None:
        raise ValueError("an address with a scope cannot be reached from a sandbox")
    return address.ipv4_mapped or address


def _checked(address: IPv4Address | IPv6Address) -> str:
    if address.is_unspecified:
        raise ValueError("this is where servers listen; write 127.0.0.1")
    return str(address)


def _to_ascii(name: str) -> str:
    try:
        return idna.encode(name, uts46=True).decode("ascii")
    except idna.IDNAError as error:
        raise ValueError(f"the name cannot be: {error}") from error


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _alike(host: str) -> str:
    """One name for all that mean this machine's loopback."""
    return _THIS_MACHINE if host in _LOOPBACK else host
