"""What this machine and this study mean for every sandbox: what is hidden, shown and shared."""

import os
import pwd
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import psutil

from overnight.config import SandboxTable, ScoreTable
from overnight.sandbox.mounts import Machine
from overnight.sandbox.visible import installations, is_below, path_entries

_TEMPORARY = ("/tmp", "/var/tmp")  # noqa: S108 (hidden, not used)
_PRIVATE = (
    "/home",
    "/root",
    "/Users",
    "/run",
    "/media",
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
_SYSTEM = tuple(
    Path(place)
    for place in ("/bin", "/dev", "/etc", "/lib", "/opt", "/proc", "/sbin", "/sys", "/usr")
)
_CACHES: Mapping[str, str] = {
    "UV_CACHE_DIR": ".cache/uv",
    "PIP_CACHE_DIR": ".cache/pip",
    "HF_HOME": ".cache/huggingface",
    "TORCH_HOME": ".cache/torch",
}
_TOOL_DATA = (".local/share/uv",)
_ENVIRONMENTS = (".venv", "venv")
_SHARE_OF_MEMORY = 0.9
_SHARE_FOR_SCRATCH = 0.25


def describe_machine(
    table: SandboxTable,
    *,
    root: Path,
    exclusive: Sequence[Path],
    work: Path,
    devices: Sequence[Path],
    environ: Mapping[str, str],
) -> Machine:
    """The part of a study's sandboxes that is the same for all of them.

    Args:
        root: The study's repository, which is hidden.
        exclusive: Files that only one kind of sandbox may see.
        work: Where clones and checkouts are made.
        devices: Device nodes of the leased device.
        environ: The user's environment.
    """
    home = user_home(environ)
    never = [*exclusive, root, root / ".git", root / ".overnight", work]
    private = [Path(place) for place in (*_PRIVATE, *_TEMPORARY)]
    homes = [Path(entry.pw_dir) for entry in pwd.getpwall()]
    hidden = _existing([*private, *filter(_is_private, [*homes, home]), *never])
    asked_to_read = [host_path(path, root=root, home=home) for path in table.read]
    environments = [root / name for name in _ENVIRONMENTS if (root / name / "pyvenv.cfg").exists()]
    shown = installations(
        [*path_entries(environ), *(environment / "bin" for environment in environments)],
        hidden=hidden,
        never=never,
    )
    return Machine(
        hidden=_existing(
            [*hidden, *(host_path(path, root=root, home=home) for path in table.hide)]
        ),
        readable=_existing(
            [
                *shown,
                *asked_to_read,
                *(home / place for place in _TOOL_DATA),
                *_resolver(),
                Path(__file__).parents[2],  # our own sources, for the gateway that runs inside
            ]
        ),
        writable=_existing([host_path(path, root=root, home=home) for path in table.write]),
        home=home,
        devices=tuple(devices),
        scratch_bytes=int(memory_limit_bytes(table) * _SHARE_FOR_SCRATCH),
    )


def caches(table: SandboxTable, *, root: Path, environ: Mapping[str, str]) -> tuple[Path, ...]:
    """The caches that a command gets a throwaway copy of."""
    home = user_home(environ)
    if table.caches is not None:
        return _existing([host_path(path, root=root, home=home) for path in table.caches])
    usual = (Path(environ.get(name) or home / place) for name, place in _CACHES.items())
    return _existing([path for path in usual if path.is_dir()])


def exclusive_files(table: ScoreTable | None, *, root: Path, home: Path) -> tuple[Path, ...]:
    """The files that only the scorer, or only the hold-out, may see."""
    return tuple(host_path(path, root=root, home=home) for path in table.files) if table else ()


def memory_limit_bytes(table: SandboxTable) -> int:
    """What all processes of a command may hold."""
    if table.memory_gb is not None:
        return int(table.memory_gb * 2**30)
    return int(psutil.virtual_memory().total * _SHARE_OF_MEMORY)


def host_path(path: str, *, root: Path, home: Path) -> Path:
    """A path of the study file: ``~`` is the user's home, others start at the repository."""
    if path == "~" or path.startswith("~/"):
        return _normal(home / path[2:])
    return _normal(root / path)


def user_home(environ: Mapping[str, str]) -> Path:
    """The user's home directory."""
    return Path(environ.get("HOME") or pwd.getpwuid(os.getuid()).pw_dir)


def _normal(path: Path) -> Path:
    return Path(os.path.normpath(path))


def _is_private(home: Path) -> bool:
    """Whether a home in the user database is a person's, rather than part of the system."""
    return len(home.parts) > 2 and not is_below(home, _SYSTEM) and home.parts[1] != "var"


def _existing(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Those paths that are there, each once, by the name that the kernel gives them."""
    return tuple(dict.fromkeys(path.resolve() for path in paths if path.exists()))


def _resolver() -> tuple[Path, ...]:
    """The file behind ``/etc/resolv.conf``, which is often a link into hidden ``/run``."""
    return (Path("/etc/resolv.conf").resolve(),)
