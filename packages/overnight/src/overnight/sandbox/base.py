"""What one command may see and do; sandboxes and those who use them depend on this alone."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, TypeAlias

from overnight.processes.supervisor import Command, Ending, Limits
from overnight.sandbox.devices import Device
from overnight.types import SandboxKind

OFF, ON, NEEDED = "off", "on", "needed"
NetworkAccess: TypeAlias = str | tuple[str, ...]
"""``off``, ``on``, the hosts that may be reached, or ``needed`` for those of `Needs`."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What a command cannot do without, as whoever starts it knows.

    Attributes:
        readable: Files and directories, such as those of its own program.
        hosts: Network hosts.
    """

    readable: tuple[Path, ...] = ()
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Caps:
    """What all processes of a command may use together; None for no limit.

    Attributes:
        disk_bytes: What may lie in the directories that it may write to.
        free_disk_bytes: What must stay free on the disks that those are on.
    """

    memory_bytes: int | None = None
    processes: int | None = None
    disk_bytes: int | None = None
    free_disk_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Confinement:
    """What a command may see, change, reach and use.

    Paths are the same inside and outside. The deepest path that holds a file decides about it.

    Attributes:
        writable: Directories that it may change.
        readable: Files and directories that it may read.
        hidden: Files and directories that are not there.
        fixed: Files and directories below a writable one that it must not change.
        pinned: Directories on the way to those, which it must not move away.
        home: What it finds as the user's home; None for an empty one that is gone afterwards.
        kept: Keeps what it writes to package managers' caches for the next command that has the
            same; None to throw that away.
        network: The network beside its own loopback.
        gpu: Whether it sees the leased device.
        may_nest: Whether it may make sandboxes of its own.
        sealed: Whether it leaves nothing outside of `writable`, not even where every command may.
    """

    writable: tuple[Path, ...] = ()
    readable: tuple[Path, ...] = ()
    hidden: tuple[Path, ...] = ()
    fixed: tuple[Path, ...] = ()
    pinned: tuple[Path, ...] = ()
    home: Path | None = None
    kept: Path | None = None
    network: NetworkAccess = OFF
    gpu: bool = True
    may_nest: bool = False
    sealed: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """Something that a command tried and the sandbox did not let happen.

    Attributes:
        what: Such as ``example.org:443``.
        count: How often it was tried.
    """

    what: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Confined:
    """How a command in a sandbox ended.

    Attributes:
        refused: What it tried in vain, as far as that can be seen.
    """

    ending: Ending
    refused: tuple[Refused, ...] = field(default=())


class Processes(Protocol):
    """Runs commands to their end: `Supervisor`, or `Capped` with limits by control groups."""

    def run(
        self,
        command: Command,
        *,
        output: Path,
        limits: Limits,
        errors: Path | None = None,
        children: Path | None = None,
    ) -> Ending:
        """Run a command to its end; see `Supervisor.run`."""
        ...


class Sandbox(Protocol):
    """Runs commands so that they see and do no more than they may.

    Contract (judged by ``overnight.testing.sandbox_contract``):
        - a command sees the paths of its confinement under their own names;
        - its output, exit code and limits are those of `Supervisor.run`;
        - nothing that it leaves outside of `writable` is there for the next command;
        - no process of it outlives `run`.
    """

    kind: SandboxKind

    def run(
        self,
        command: Command,
        confinement: Confinement,
        *,
        output: Path,
        limits: Limits,
        errors: Path | None = None,
        children: Path | None = None,
    ) -> Confined:
        """Run a command to its end.

        Raises:
            SandboxFailed: It could not be confined.
            ProcessLost: The helper process died under it.
            OSError: An output file cannot be opened.
        """
        ...

    def lend(self, device: Device) -> None:
        """Give later commands another device; never while one runs."""
        ...

    def close(self) -> None:
        """Give back what the sandbox holds."""
        ...


class Room:
    """A sandbox with one confinement: what researchers and measurements run commands in.

    Args:
        caps: What its commands may use up.
        withheld: Variables that no command gets, whoever hands them on.
        given: Variables that every command gets that has none of that name.

    Attributes:
        refused: What commands tried in vain since the room was made.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        confinement: Confinement,
        *,
        caps: Caps = Caps(),
        withheld: Collection[str] = (),
        given: Mapping[str, str] | None = None,
    ) -> None:
        self.refused: list[Refused] = []
        self.confinement = confinement
        self.caps = caps
        self._sandbox = sandbox
        self._withheld = frozenset(withheld)
        self._given = given or {}

    @property
    def kind(self) -> SandboxKind:
        """What confines its commands."""
        return self._sandbox.kind

    def run(
        self,
        command: Command,
        *,
        output: Path,
        limits: Limits,
        errors: Path | None = None,
        children: Path | None = None,
        needs: Needs = Needs(),
    ) -> Ending:
        """Run a command to its end; see `Sandbox.run`."""
        known = {**self._given, **command.env}
        env = {name: value for name, value in known.items() if name not in self._withheld}
        confined = self._sandbox.run(
            replace(command, env=env),
            _granting(self.confinement, needs),
            output=output,
            limits=self._capped(limits),
            errors=errors,
            children=children,
        )
        self.refused += confined.refused
        return confined.ending

    def _capped(self, limits: Limits) -> Limits:
        return replace(
            limits,
            memory_bytes=self.caps.memory_bytes,
            processes=self.caps.processes,
            disk_bytes=self.caps.disk_bytes,
            free_disk_bytes=self.caps.free_disk_bytes,
            disk_paths=self.confinement.writable,
        )


def _granting(confinement: Confinement, needs: Needs) -> Confinement:
    hosts = needs.hosts or OFF
    return replace(
        confinement,
        readable=(*confinement.readable, *needs.readable),
        network=hosts if confinement.network == NEEDED else confinement.network,
    )
