"""Confinement by bubblewrap: namespaces of its own for every command, and no capability."""

import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from overnight.errors import SandboxFailed
from overnight.processes.census import THREADS_PER_PROCESS
from overnight.processes.supervisor import Command, EndedBy, Ending, Limits
from overnight.sandbox.base import (
    OFF,
    ON,
    Confined,
    Confinement,
    Processes,
    Refused,
)
from overnight.sandbox.devices import WHOLE_MACHINE, Device
from overnight.sandbox.furnishing import emptied, links, made_ready, resolved
from overnight.sandbox.mounts import Deed, Machine, Mount, arguments, plan
from overnight.sandbox.network.allowlist import AllowList
from overnight.sandbox.network.launch import gateway_argv
from overnight.sandbox.network.proxy import Proxy
from overnight.sandbox.overlays import inner_identity, launcher, throwaway, why_not
from overnight.sandbox.programs import program
from overnight.sandbox.walls import (
    NO_NESTING,
    NO_NETWORK,
    bubblewrap,
    complaint_of,
    covered_kernel_settings,
    first_to_go,
    refuse_where_impossible,
)
from overnight.types import SandboxKind
from overnight.workspace.tree import discard

_GATE = Path("/run/overnight")
# How the first line begins, and with which codes it ends, where the walls fell at once ...
_BUILDERS, _FALLEN = ("bwrap: ", "choom: ", "mount: ", "unshare: "), (1, 125)
# ... and where they stand, but the program cannot be started or is not there.
_STARTERS, _NO_PROGRAM = ("prlimit: ", "overnight: "), (126, 127)


class Bubblewrap:
    """Runs every command in a sandbox of its own.

    Args:
        machine: What is the same for all of them.
        processes: Runs bubblewrap itself.
        scratch: A directory of the sandbox's own.
        caches: Package managers' caches, each command's writes to which are thrown away.
        device: What commands have for themselves at first.

    Attributes:
        cache_problem: Why caches cannot be overlaid here and are writable instead, or "".

    Raises:
        SandboxFailed: Bubblewrap cannot work here; says why and what to do.
    """

    kind = SandboxKind.BUBBLEWRAP

    def __init__(
        self,
        machine: Machine,
        *,
        processes: Processes,
        scratch: Path,
        caches: Sequence[Path] = (),
        device: Device = WHOLE_MACHINE,
    ) -> None:
        refuse_where_impossible()
        self._machine = machine
        self._processes = processes
        self._scratch = scratch
        self._caches = tuple(caches)
        self._device = device
        self._stack = ExitStack()
        self._proxies: dict[tuple[str, ...], Proxy] = {}
        self.cache_problem = why_not(scratch / "probe") or "" if self._caches else ""

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
        """Run a command to its end; see `overnight.sandbox.base.Sandbox`.

        Raises:
            SandboxFailed: It could not be confined.
        """
        if not command.cwd.is_dir():
            return _without_directory(command, [output, errors, children])
        with ExitStack() as stack:
            overlays, launch = self._overlays(stack, confinement)
            proxy = self._proxy(confinement)
            fresh = stack.enter_context(emptied(self._scratch / "fresh"))
            names = (command.cwd, *confinement.writable, *confinement.readable)
            others = [*overlays, *_gate(proxy), *links(names)]
            mounts = plan(self._machine, resolved(confinement), fresh=fresh, others=others)
            mounts = made_ready(mounts, fresh=fresh, home=confinement.home)
            walls = (*first_to_go(), *launch, *self._walls(confinement, mounts))
            walls += ("--chdir", str(command.cwd))
            ending = self._processes.run(
                replace(
                    command,
                    argv=(*walls, "--", *self._inside(proxy, confinement, limits), *command.argv),
                    cwd=Path("/"),  # where no name means a file that a command may have made
                    env=self._environment(command, confinement),
                    own_keyring=True,
                ),
                output=output,
                limits=self._limits(limits, confinement),
                errors=errors,
                children=children,
            )
            ending = _judged(ending, command, walls, told_in=errors or output)
        refused = proxy.take_refused() if proxy is not None else ()
        tried = tuple(Refused(f"{found.host}:{found.port}", found.count) for found in refused)
        return Confined(ending, tried)

    def lend(self, device: Device) -> None:
        """Give later commands another device."""
        self._device = device

    def close(self) -> None:
        """End the proxies and remove what was written."""
        self._stack.close()
        self._proxies.clear()
        discard(self._scratch)

    def _overlays(
        self, stack: ExitStack, confinement: Confinement
    ) -> tuple[list[Mount], tuple[str, ...]]:
        caches = [cache for cache in self._caches if cache.is_dir()]
        if not caches or self.cache_problem:
            deed = Deed.READ if confinement.sealed else Deed.WRITE
            return [Mount(cache, deed) for cache in caches], ()
        scratch = self._scratch / "overlays"
        mounts = stack.enter_context(throwaway(caches, scratch, kept=confinement.kept))
        return mounts, launcher(scratch, len(mounts))

    def _walls(self, confinement: Confinement, mounts: Sequence[Mount]) -> tuple[str, ...]:
        """Bubblewrap and everything that it is told of what the command may see and do."""
        identity = inner_identity() if self._caches and not self.cache_problem else ()
        nodes = (*self._device.nodes(), *self._machine.devices) if confinement.gpu else ()
        size = str(self._machine.scratch_bytes)
        return (
            *bubblewrap(),
            *identity,
            *(() if confinement.may_nest else NO_NESTING),
            *(() if confinement.network == ON else NO_NETWORK),
            *("--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"),
            *("--perms", "1777", "--size", size, "--tmpfs", "/dev/shm"),  # noqa: S108 (its own)
            *(word for node in nodes for word in ("--dev-bind", str(node), str(node))),
            *("--remount-ro", "/dev"),
            *covered_kernel_settings(may_nest=confinement.may_nest),
            *arguments(mounts),
        )

    def _inside(
        self, proxy: Proxy | None, confinement: Confinement, limits: Limits
    ) -> tuple[str, ...]:
        """What is started in the sandbox before the command, and becomes the command."""
        words = [str(program("prlimit", package="util-linux")), "--core=0"]
        if limits.disk_bytes is not None:
            words.append(f"--fsize={limits.disk_bytes}")
        if limits.processes is not None:
            words.append(f"--nproc={limits.processes * THREADS_PER_PROCESS}")
        if proxy is None:
            return tuple(words)
        gateway = gateway_argv(
            Path(sys.executable),
            socket=_GATE / proxy.socket.name,
            forward_ports=AllowList.parse(confinement.network).loopback_ports(),
        )
        return (*words, *gateway)

    def _limits(self, limits: Limits, confinement: Confinement) -> Limits:
        """The same, with the sandbox's own directories among those that are counted."""
        own = filter(None, (self._scratch, confinement.kept))
        return replace(limits, disk_paths=(*limits.disk_paths, *own))

    def _environment(self, command: Command, confinement: Confinement) -> dict[str, str]:
        env = {**command.env, "HOME": str(self._machine.home), "TMPDIR": "/tmp"}  # noqa: S108 (its own)
        if self._caches:
            env.setdefault("UV_LINK_MODE", "symlink")  # hard links do not cross mounts
        if confinement.network == OFF:
            env = {"UV_OFFLINE": "1", "HF_HUB_OFFLINE": "1", **env}
        device_env = self._device.env if confinement.gpu else {"CUDA_VISIBLE_DEVICES": ""}
        return {**env, **device_env}

    def _proxy(self, confinement: Confinement) -> Proxy | None:
        hosts = confinement.network
        if isinstance(hosts, str):
            return None
        if hosts not in self._proxies:
            directory = self._scratch / f"proxy-{len(self._proxies)}"
            directory.mkdir(parents=True, mode=0o700)
            proxy = Proxy(AllowList.parse(hosts), directory, setting="network")
            self._proxies[hosts] = self._stack.enter_context(proxy)
        return self._proxies[hosts]


def _without_directory(command: Command, files: Sequence[Path | None]) -> Confined:
    """How a command ends that cannot be started where it should, as a supervisor says it."""
    for file in filter(None, files):
        file.write_bytes(b"")
    reason = f"the working directory {command.cwd} cannot be entered"
    return Confined(Ending(EndedBy.NOT_STARTED, None, 0.0, detail=reason))


def _gate(proxy: Proxy | None) -> list[Mount]:
    return [] if proxy is None else [Mount(_GATE, Deed.READ, proxy.socket.parent)]


def _judged(ending: Ending, command: Command, walls: Sequence[str], *, told_in: Path) -> Ending:
    """Tell a command that ended from one that was not started, and from walls that fell.

    Raises:
        SandboxFailed: The same walls cannot be put up around ``true`` either.
    """
    if ending.ended_by is EndedBy.NOT_STARTED:
        raise SandboxFailed(f"The sandbox could not be started: {ending.detail}.")
    if ending.ended_by is not EndedBy.ITSELF or ending.code not in (*_FALLEN, *_NO_PROGRAM):
        return ending
    with told_in.open("rb") as file:
        lines = file.read(4096).decode(errors="replace").splitlines()[:3]
    if ending.code in _NO_PROGRAM and lines and lines[0].startswith(_STARTERS):
        how = "cannot be started" if ending.code == _NO_PROGRAM[0] else "was not found"
        reason = f"{command.argv[0]} {how} in the sandbox"
        return replace(ending, ended_by=EndedBy.NOT_STARTED, code=None, detail=reason)
    if ending.code in _FALLEN and any(line.startswith(_BUILDERS) for line in lines):
        problem = complaint_of((*walls, "--", "true"))
        if problem:
            raise SandboxFailed(f"The sandbox could not be made: {problem}")
    return ending
