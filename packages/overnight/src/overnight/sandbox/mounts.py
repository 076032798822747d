"""The plan of a sandbox's file system: values in, bubblewrap's arguments out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from overnight.sandbox.base import Confinement


class Deed(IntEnum):
    """What is done with a path; where two name the same path, the larger one holds."""

    HIDE = 1
    READ = 2
    HOME = 3
    WRITE = 4
    PIN = 5
    FIX = 6


@dataclass(frozen=True, slots=True)
class Mount:
    """One path of the plan.

    Attributes:
        source: What is shown there; the path itself where it is None.
    """

    path: Path
    deed: Deed
    source: Path | None = None


@dataclass(frozen=True, slots=True)
class Machine:
    """What every sandbox of a study has in common.

    Attributes:
        hidden: Directories and files that no command sees.
        readable: Parts of them that every command may read.
        writable: What every command may change and find again.
        home: The user's home directory.
        devices: Device nodes that are shown when a command may see the device.
        scratch_bytes: Size of each temporary file system.
    """

    hidden: tuple[Path, ...]
    readable: tuple[Path, ...]
    writable: tuple[Path, ...]
    home: Path
    devices: tuple[Path, ...] = ()
    scratch_bytes: int = 2**30


def plan(machine: Machine, confinement: Confinement, *, overlays: Sequence[Mount]) -> list[Mount]:
    """Every mount in the order in which they are made: a directory before what is in it.

    Args:
        overlays: Caches, each with the throwaway copy that stands for it.
    """
    wanted = [
        *_each(machine.hidden, Deed.HIDE),
        *_each(confinement.hidden, Deed.HIDE),
        *_each(machine.readable, Deed.READ),
        *_each(confinement.readable, Deed.READ),
        Mount(machine.home, Deed.HOME, confinement.home),
        *overlays,
        *_each(machine.writable, Deed.WRITE),
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


def arguments(mounts: Iterable[Mount], machine: Machine) -> list[str]:
    """A plan as bubblewrap's arguments; hidden directories cannot be written to."""
    made: list[str] = []
    empty: list[Path] = []
    for mount in mounts:
        source = mount.source or mount.path
        match mount.deed:
            case Deed.HIDE if mount.path.is_dir():
                made += ["--tmpfs", str(mount.path)]
                empty.append(mount.path)
            case Deed.HIDE:
                made += ["--ro-bind", "/dev/null", str(mount.path)]
            case Deed.HOME if mount.source is None:
                made += ["--size", str(machine.scratch_bytes), "--tmpfs", str(mount.path)]
            case Deed.READ | Deed.FIX:
                made += ["--ro-bind", str(source), str(mount.path)]
            case Deed.HOME | Deed.WRITE | Deed.PIN:
                made += ["--bind", str(source), str(mount.path)]
    for path in empty:
        made += ["--remount-ro", str(path)]
    return made


def _each(paths: Iterable[Path], deed: Deed) -> list[Mount]:
    return [Mount(path, deed) for path in paths]


def _is_needed(mount: Mount, chosen: dict[Path, Mount]) -> bool:
    """A path is left out when the nearest one above it is shown, or hidden, in the same way."""
    if mount.deed not in (Deed.HIDE, Deed.READ):
        return True
    above = next((chosen[parent] for parent in mount.path.parents if parent in chosen), None)
    return above is None or above.deed is not mount.deed
