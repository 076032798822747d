"""The plan of a sandbox's file system: values in, bubblewrap's arguments out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from overnight.sandbox.base import Confinement


class Deed(IntEnum):
    """What is done with a path; where two name the same path, the larger one holds."""

    HIDE = 1
    LINK = 2
    READ = 3
    FRESH = 4
    HOME = 5
    WRITE = 6
    PIN = 7
    FIX = 8


# Below such a path there is nothing of the machine's.
_EMPTYING = (Deed.HIDE, Deed.FRESH, Deed.HOME)


@dataclass(frozen=True, slots=True)
class Mount:
    """One path of the plan.

    Attributes:
        source: What is shown there, or what a link says; None for the path itself.
    """

    path: Path
    deed: Deed
    source: Path | None = None


@dataclass(frozen=True, slots=True)
class Machine:
    """What every sandbox of a study has in common; paths as the kernel names them.

    Attributes:
        hidden: Directories and files that no command sees.
        readable: Parts of them that every command may read.
        writable: What every command may change and find again.
        home: Where a command finds its home directory.
        temporary: Directories that every command finds empty and may fill.
        links: Symbolic links by which the user names those, with what they say.
        devices: Device nodes that are shown beside those of the device, to who may see it.
        scratch_bytes: Size of each file system that is in memory.
    """

    hidden: tuple[Path, ...]
    readable: tuple[Path, ...]
    writable: tuple[Path, ...]
    home: Path
    temporary: tuple[Path, ...] = ()
    links: tuple[tuple[Path, Path], ...] = ()
    devices: tuple[Path, ...] = ()
    scratch_bytes: int = 2**30


def plan(
    machine: Machine, confinement: Confinement, *, fresh: Path, others: Sequence[Mount] = ()
) -> list[Mount]:
    """Every mount in the order in which they are made: a directory before what is in it.

    Args:
        fresh: A directory for those that are empty at first.
        others: Such as caches, each with the throwaway copy that stands for it.
    """
    wanted = [
        *_each(machine.hidden, Deed.HIDE),
        *_each(confinement.hidden, Deed.HIDE),
        *(Mount(path, Deed.LINK, target) for path, target in machine.links),
        *_each(machine.readable, Deed.READ),
        *_each(confinement.readable, Deed.READ),
        *(Mount(path, Deed.FRESH, fresh / _name(path)) for path in machine.temporary),
        Mount(machine.home, Deed.HOME, confinement.home or fresh / "home"),
        *others,
        *_each(machine.writable, Deed.READ if confinement.sealed else Deed.WRITE),
        *_each(confinement.writable, Deed.WRITE),
        *_each(confinement.pinned, Deed.PIN),
        *_each(confinement.fixed, Deed.FIX),
    ]
    chosen: dict[Path, Mount] = {}
    for mount in wanted:
        known = chosen.get(mount.path)
        if known is None or known.deed <= mount.deed:
            chosen[mount.path] = mount
    ordered = sorted(chosen.values(), key=lambda mount: (len(mount.path.parts), mount.path))
    return [mount for mount in ordered if _is_needed(mount, chosen)]


def arguments(mounts: Iterable[Mount]) -> list[str]:
    """A plan as bubblewrap's arguments; hidden directories cannot be written to."""
    made: list[str] = []
    empty: list[Path] = []
    for mount in mounts:
        source = mount.source or mount.path
        match mount.deed:
            case Deed.HIDE if mount.path.is_dir():
                made += ["--tmpfs", str(mount.path)]
                empty.append(mount.path)
            case Deed.HIDE if mount.path.exists():
                made += ["--ro-bind", "/dev/null", str(mount.path)]
            case Deed.LINK:
                made += ["--symlink", str(source), str(mount.path)]
            case Deed.READ:
                made += ["--ro-bind-try", str(source), str(mount.path)]
            case Deed.FIX:
                made += ["--ro-bind", str(source), str(mount.path)]
            case Deed.FRESH | Deed.HOME | Deed.WRITE | Deed.PIN:
                made += ["--bind", str(source), str(mount.path)]
    for path in empty:
        made += ["--remount-ro", str(path)]
    return made


def _each(paths: Iterable[Path], deed: Deed) -> list[Mount]:
    return [Mount(path, deed) for path in paths]


def _name(path: Path) -> str:
    return "-".join(path.parts[1:])


def _is_needed(mount: Mount, chosen: dict[Path, Mount]) -> bool:
    """Whether a path would be another one without its mount, by the nearest mount above it."""
    nearest = next((chosen[parent] for parent in mount.path.parents if parent in chosen), None)
    above = None if nearest is None else nearest.deed
    match mount.deed:
        case Deed.HIDE:
            return above not in _EMPTYING
        case Deed.LINK:
            return above in _EMPTYING
        case Deed.READ if mount.source is None:
            return above not in (None, Deed.READ)
    return True
