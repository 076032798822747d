"""Confinement by bubblewrap: namespaces of its own for every command, and no capability."""

import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from overnight.errors import SandboxFailed
from overnight.processes.supervisor import Command, EndedBy, Ending, Limits
from overnight.sandbox.base import (
    OFF,
    ON,
    THREADS_PER_PROCESS,
    Confined,
    Confinement,
    Processes,
    Refused,
)
from overnight.sandbox.mounts import Deed, Machine, Mount, arguments, plan
from overnight.sandbox.network.allowlist import AllowList
from overnight.sandbox.network.launch import gateway_argv
from overnight.sandbox.network.proxy import Proxy
from overnight.sandbox.overlays import inner_identity, launcher, throwaway, why_not
from overnight.types import SandboxKind
from overnight.untrusted import make_real_directories
from overnight.workspace.tree import discard

_PROGRAM = "bwrap"
_GATE = Path("/run/overnight")
_NAMESPACES = (
    "--die-with-parent",
    "--new-session",
    "--unshare-user",
    "--unshare-pid",
    "--unshare-ipc",
    "--unshare-uts",
    "--unshare-cgroup-try",
    "--hostname",
    "overnight",
    "--cap-drop",
    "ALL",
)
# Root may write there by its user id alone, whatever capabilities it has lost.
_KERNEL_SETTINGS = ("sys", "sysrq-trigger", "fs", "acpi", "irq", "bus")
_PATIENCE_S = 20.0
_REFUSED_AT_START = ("bwrap: ", "mount: ", "unshare: ")


class Bubblewrap:
    """Runs every command in a sandbox of its own.

    Args:
        machine: What is the same for all of them.
        processes: Runs bubblewrap itself.
        scratch: A directory of the sandbox's own.
        caches: Package managers' caches, each command's writes to which are thrown away.
        device_env: Variables that name the leased device.

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
        device_env: Mapping[str, str] | None = None,
    ) -> None:
        refuse_where_impossible()
        self._machine = machine
        self._processes = processes
        self._scratch = scratch
        self._caches = tuple(caches)
        self._device_env = dict(device_env or {})
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
        confinement = _resolved(confinement)
        with ExitStack() as stack:
            overlays, before = self._overlays(stack)
            proxy = self._proxy(confinement)
            mounts = plan(self._machine, confinement, overlays=[*overlays, *_gate(proxy)])
            _make_mountpoints(confinement, mounts)
            walls = (*before, *self._walls(confinement, mounts, command.cwd))
            argv = (*walls, "--", *self._inside(proxy, confinement.network, limits), *command.argv)
            confined = replace(command, argv=argv, env=self._environment(command, confinement))
            ending = self._processes.run(
                confined, output=output, limits=limits, errors=errors, children=children
            )
            self._check_start(ending, errors or output, walls)
        refused = proxy.take_refused() if proxy is not None else ()
        tried = tuple(Refused(f"{found.host}:{found.port}", found.count) for found in refused)
        return Confined(ending, tried)

    def close(self) -> None:
        """End the proxies and remove what was written."""
        self._stack.close()
        self._proxies.clear()
        discard(self._scratch)

    def _overlays(self, stack: ExitStack) -> tuple[list[Mount], tuple[str, ...]]:
        if not self._caches:
            return [], ()
        if self.cache_problem:
            return [Mount(cache, Deed.WRITE) for cache in self._caches], ()
        scratch = self._scratch / "overlays"
        mounts = stack.enter_context(throwaway(self._caches, scratch))
        return mounts, launcher(scratch, len(mounts))

    def _walls(
        self, confinement: Confinement, mounts: Sequence[Mount], cwd: Path
    ) -> tuple[str, ...]:
        """Bubblewrap and everything that it is told, up to the command."""
        identity = inner_identity() if self._caches and not self.cache_problem else ()
        nesting = () if confinement.may_nest else ("--disable-userns",)
        network = () if confinement.network == ON else ("--unshare-net",)
        size = str(self._machine.scratch_bytes)
        nodes = self._machine.devices if confinement.gpu else ()
        return (
            _PROGRAM,
            *_NAMESPACES,
            *identity,
            *nesting,
            *network,
            *("--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"),
            *("--perms", "1777", "--size", size, "--tmpfs", "/dev/shm"),  # noqa: S108 (its own)
            *(word for node in nodes for word in ("--dev-bind", str(node), str(node))),
            *_covered_kernel_settings(),
            *arguments(mounts, self._machine),
            *("--chdir", str(cwd)),
        )

    def _inside(self, proxy: Proxy | None, hosts: Sequence[str], limits: Limits) -> tuple[str, ...]:
        """What is started in the sandbox before the command, and becomes the command."""
        words = ["prlimit", "--core=0"]
        if limits.disk_bytes is not None:
            words.append(f"--fsize={limits.disk_bytes}")
        if limits.processes is not None:
            words.append(f"--nproc={limits.processes * THREADS_PER_PROCESS}")
        if proxy is None:
            return tuple(words)
        gateway = gateway_argv(
            Path(sys.executable),
            socket=_GATE / proxy.socket.name,
            forward_ports=AllowList.parse(hosts).loopback_ports(),
        )
        return (*words, *gateway)

    def _environment(self, command: Command, confinement: Confinement) -> dict[str, str]:
        env = {"HOME": str(self._machine.home), **command.env, "TMPDIR": "/tmp"}  # noqa: S108 (its own)
        if self._caches:
            env.setdefault("UV_LINK_MODE", "symlink")  # hard links do not cross mounts
        if confinement.network == OFF:
            env = {"UV_OFFLINE": "1", "HF_HUB_OFFLINE": "1", **env}
        return env | (self._device_env if confinement.gpu else {"CUDA_VISIBLE_DEVICES": ""})

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

    def _check_start(self, ending: Ending, output: Path, walls: Sequence[str]) -> None:
        """Tell a sandbox that could not be made from a command that failed; a rare case.

        Raises:
            SandboxFailed: The same walls cannot be put up around ``true`` either.
        """
        if ending.ended_by is EndedBy.NOT_STARTED:
            raise SandboxFailed(f"The sandbox could not be started: {ending.detail}.")
        if ending.code not in (1, 125):
            return
        with output.open("rb") as file:
            told = file.read(4096).decode(errors="replace")
        if not any(line.startswith(_REFUSED_AT_START) for line in told.splitlines()[:3]):
            return
        problem = _try((*walls, "--", "true"))
        if problem:
            raise SandboxFailed(f"The sandbox could not be made: {problem}")


def refuse_where_impossible() -> None:
    """Find out whether bubblewrap works here at all.

    Raises:
        SandboxFailed: It does not; says why and what to do.
    """
    if not sys.platform.startswith("linux"):
        raise SandboxFailed(
            "The sandbox needs Linux.", fix="Write sandbox = 'none' to run without one."
        )
    if shutil.which(_PROGRAM) is None:
        raise SandboxFailed(
            "bubblewrap is not installed.",
            fix="Run `apt install bubblewrap` (or dnf, pacman, zypper), or write sandbox = 'none'.",
        )
    problem = _try((_PROGRAM, *_NAMESPACES, "--unshare-net", "--ro-bind", "/", "/", "true"))
    if problem:
        raise SandboxFailed(f"bubblewrap does not work here: {problem}", fix=_fix(problem))


def _try(argv: Sequence[str]) -> str:
    """What a command line complains of, or an empty string when it ends well."""
    try:
        tried = subprocess.run(
            argv,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=_PATIENCE_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if tried.returncode == 0:
        return ""
    lines = tried.stderr.strip().splitlines()
    return lines[-1] if lines else f"it ended with exit code {tried.returncode}"


def _fix(problem: str) -> str:
    restricted = Path("/proc/sys/kernel/apparmor_restrict_unprivileged_userns")
    if restricted.exists() and restricted.read_text(encoding="ascii").strip() == "1":
        return (
            "AppArmor forbids it: run `sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`,"
            " or give bwrap a profile with `userns,`."
        )
    if Path("/.dockerenv").exists() or Path("/run/.containerenv").exists():
        return (
            "Start the container with `--security-opt seccomp=unconfined --security-opt"
            " systempaths=unconfined`, or write sandbox = 'none' and let the container confine."
        )
    if "namespace" in problem.lower() or "permi" in problem.lower():
        return (
            "Allow user namespaces: `sudo sysctl kernel.unprivileged_userns_clone=1`"
            " and `sudo sysctl user.max_user_namespaces=15000`, or write sandbox = 'none'."
        )
    return "Write sandbox = 'none' to run without a sandbox."


def _resolved(confinement: Confinement) -> Confinement:
    """The same by the names that the kernel gives its paths, without those that are absent."""

    def real(paths: tuple[Path, ...]) -> tuple[Path, ...]:
        return tuple(path.resolve() for path in paths if path.exists())

    return replace(
        confinement,
        writable=real(confinement.writable),
        readable=real(confinement.readable),
        hidden=real(confinement.hidden),
    )


def _gate(proxy: Proxy | None) -> list[Mount]:
    return [] if proxy is None else [Mount(_GATE, Deed.READ, proxy.socket.parent)]


def _covered_kernel_settings() -> list[str]:
    places = [Path("/proc", name) for name in _KERNEL_SETTINGS]
    there = [str(place) for place in places if place.exists()]
    return [word for place in there for word in ("--ro-bind", place, place)]


def _make_mountpoints(confinement: Confinement, mounts: Sequence[Mount]) -> None:
    """Make real directories in a home of a program's own for what is shown below it.

    A link that the program left there would lead bubblewrap somewhere else.
    """
    shown_at = next((m.path for m in mounts if m.deed is Deed.HOME and m.source), None)
    if confinement.home is None or shown_at is None:
        return
    for mount in mounts:
        if shown_at in mount.path.parents:
            below = mount.path.relative_to(shown_at)
            is_file = (mount.source or mount.path).is_file()
            make_real_directories(confinement.home, below, is_file=is_file)
