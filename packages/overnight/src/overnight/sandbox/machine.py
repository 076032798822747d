"""What this machine and this study mean for every sandbox: what is hidden, shown and shared."""

import os
import pwd
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from overnight.config import SandboxTable, ScoreTable
from overnight.sandbox import cgroups
from overnight.sandbox.mounts import Machine
from overnight.sandbox.names import existing, is_there, links_on_the_way
from overnight.sandbox.private import SYSTEM, TEMPORARY, private_places
from overnight.sandbox.visible import installations, is_below, path_entries

_CACHES: Mapping[str, str] = {
    "UV_CACHE_DIR": "uv",
    "PIP_CACHE_DIR": "pip",
    "HF_HOME": "huggingface",
    "TORCH_HOME": "torch",
}
_KEYS_IN_CACHES = ("token", "stored_tokens")  # of Hugging Face
_TOOL_DATA = (".local/share/uv/python", ".local/share/uv/tools")
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
    to_read, to_write, to_hide = (
        [host_path(path, root=root, home=home) for path in paths]
        for paths in (table.read, table.write, table.hide)
    )
    secret = [*exclusive, *to_hide]
    never = [*secret, root, root / ".git", root / ".overnight", work]
    shared = _named_caches(table, root=root, environ=environ)
    keys = [place / key for place in shared for key in _KEYS_IN_CACHES]
    hidden = existing([*private_places(home, work=work), *keys, *never])
    programs = [*path_entries(environ), *_environments(root)]
    tools = installations(programs, hidden=hidden, never=existing([*never, home]))
    readable = [
        *(tool for tool in tools if not is_below(tool, existing(secret))),
        *to_read,
        *(home / place for place in _TOOL_DATA),
        Path("/etc/resolv.conf"),  # often a link into hidden /run
        Path(__file__).parents[2],  # our own sources, for the gateway that runs inside
    ]
    return Machine(
        hidden=hidden,
        readable=existing(readable),
        writable=existing(to_write),
        home=_home_inside(home),
        temporary=existing(TEMPORARY),
        links=links_on_the_way([home, work, *programs, *readable, *to_write, *shared]),
        devices=tuple(devices),
        scratch_bytes=int(memory_limit_bytes(table) * _SHARE_FOR_SCRATCH),
    )


def caches(table: SandboxTable, *, root: Path, environ: Mapping[str, str]) -> tuple[Path, ...]:
    """The caches that a command gets a throwaway copy of."""
    places = existing(_named_caches(table, root=root, environ=environ))
    return tuple(place for place in places if place.is_dir())


def exclusive_files(table: ScoreTable | None, *, root: Path, home: Path) -> tuple[Path, ...]:
    """The files that only the scorer, or only the hold-out, may see."""
    return tuple(host_path(path, root=root, home=home) for path in table.files) if table else ()


def memory_limit_bytes(table: SandboxTable) -> int:
    """What all processes of a command may hold."""
    if table.memory_gb is not None:
        return int(table.memory_gb * 2**30)
    installed, allowed = psutil.virtual_memory().total, cgroups.memory_limit_bytes()
    return int(min(installed, allowed or installed) * _SHARE_OF_MEMORY)


def host_path(path: str, *, root: Path, home: Path) -> Path:
    """A path of the study file: ``~`` is the user's home, others start at the repository."""
    if path == "~" or path.startswith("~/"):
        return _normal(home / path[2:])
    return _normal(root / path)


def user_home(environ: Mapping[str, str]) -> Path:
    """The user's home directory."""
    named = environ.get("HOME")
    if named:
        return Path(named).absolute()
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:  # an id without a name, as containers have them
        return Path("/")


def _normal(path: Path) -> Path:
    return Path(os.path.normpath(path))


def _named_caches(table: SandboxTable, *, root: Path, environ: Mapping[str, str]) -> list[Path]:
    home = user_home(environ)
    if table.caches is not None:
        return [host_path(path, root=root, home=home) for path in table.caches]
    usual = Path(environ.get("XDG_CACHE_HOME") or home / ".cache")
    return [Path(environ.get(name) or usual / place) for name, place in _CACHES.items()]


def _environments(root: Path) -> list[Path]:
    """The programs of a repository's virtual environments."""
    places = (root / name for name in _ENVIRONMENTS)
    return [place / "bin" for place in places if is_there(place / "pyvenv.cfg")]


def _home_inside(home: Path) -> Path:
    """Where a command has its home: at the user's, unless that is missing or the system's own."""
    place = home.resolve()
    is_systems = place == Path("/") or place in SYSTEM
    return Path("/tmp/home") if is_systems or not is_there(place) else place  # noqa: S108 (its own)
