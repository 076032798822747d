"""What of a machine no sandbox shows: homes, secrets, sockets of services, other nights."""

import pwd
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

TEMPORARY = (Path("/tmp"), Path("/var/tmp"))  # noqa: S108 (every command finds its own there)
SYSTEM = tuple(
    Path(place)
    for place in ("/bin", "/dev", "/etc", "/lib", "/opt", "/proc", "/sbin", "/sys", "/usr", "/var")
)
_PRIVATE = (
    "/home",
    "/root",
    "/Users",
    "/run",
    "/media",
    "/etc/gshadow",
    "/etc/gshadow-",
    "/etc/kubernetes",
    "/etc/rancher",
    "/etc/shadow",
    "/etc/shadow-",
    "/etc/ssh",
    "/etc/ssl/private",
    "/sys/fs/bpf",
    "/sys/kernel/debug",
    "/sys/kernel/tracing",
    "/var/lib/containerd",
    "/var/lib/docker",
    "/var/lib/kubelet",
    "/var/lib/lxd",
    "/var/lib/private",
    "/var/log",
    "/var/mail",
    "/var/snap",
    "/var/spool",
)
_MANY = 20
_OURS = re.compile(r"[0-9a-f]{32}|doctor.*|devices")


def private_places(home: Path, *, work: Path) -> list[Path]:
    """What is hidden from every command, whether it is there or not.

    Args:
        home: The user's home directory.
        work: The study's directory for clones and checkouts.
    """
    return [
        *TEMPORARY,
        *map(Path, _PRIVATE),
        *_homes([home, *(Path(entry.pw_dir) for entry in pwd.getpwall())]),
        *_other_nights(work),
        *_sockets(),
    ]


def _homes(homes: Iterable[Path]) -> Iterator[Path]:
    """Persons' homes; of many in one place, the place, since each takes a mount."""
    beside: dict[Path, list[Path]] = {}
    for home in filter(_is_a_persons, dict.fromkeys(homes)):
        beside.setdefault(home.parent, []).append(home)
    for place, there in beside.items():
        yield from [place] if len(there) > _MANY else there


def _is_a_persons(home: Path) -> bool:
    """Whether a home in the user database is a person's, rather than part of the system."""
    return len(home.parts) > 2 and not any(place in home.parents for place in SYSTEM)


def _other_nights(work: Path) -> Iterator[Path]:
    """Work directories of other studies, and the place of all where it holds nothing else."""
    try:
        beside = list(work.parent.iterdir())
    except OSError:
        return
    ours = [place for place in beside if place == work or _OURS.fullmatch(place.name)]
    if len(ours) == len(beside):
        yield work.parent
    yield from ours


def _sockets() -> Iterator[Path]:
    """The socket files of this machine's services, by which they can be told what to do."""
    try:
        lines = Path("/proc/net/unix").read_bytes().splitlines()[1:]
    except OSError:
        return
    for line in lines:
        _, _, name = line.partition(b" /")
        if name:
            yield Path("/") / name.decode(errors="surrogateescape")
