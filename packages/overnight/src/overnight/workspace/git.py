"""One way to call git: no hook, no prompt, no signature, nobody's GIT_* variables."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from overnight.errors import GitFailed

_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.sparseCheckout=false",
    "core.quotePath=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "advice.detachedHead=false",
    "init.defaultBranch=main",
)
_FLAGS = tuple(part for setting in _SETTINGS for part in ("-c", setting))
_IDENTITY = "overnight"
_EMAIL = "overnight@localhost"


@cache
def _base_environment() -> Mapping[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return inherited | {
        "LC_ALL": "C",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_AUTHOR_NAME": _IDENTITY,
        "GIT_AUTHOR_EMAIL": _EMAIL,
        "GIT_COMMITTER_NAME": _IDENTITY,
        "GIT_COMMITTER_EMAIL": _EMAIL,
    }


COMMITTER = f"{_IDENTITY} <{_EMAIL}>"


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a git process."""
    return {**_base_environment(), **(extra or {})}


def with_settings(*arguments: str) -> list[str]:
    """The command line of a git process."""
    return ["git", *_FLAGS, *arguments]


def git(
    *arguments: str,
    cwd: Path,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
    accept: Sequence[int] = (0,),
) -> bytes:
    """Run git and return its standard output.

    Args:
        accept: Exit codes that are no failure.

    Raises:
        GitFailed: It could not be started or ended with another exit code.
    """
    try:
        done = subprocess.run(
            with_settings(*arguments),
            cwd=cwd,
            env=environment(env),
            input=stdin,
            capture_output=True,
            check=False,
            process_group=0,  # Ctrl-C is for the harness, not for git in the middle of its work
        )
    except (FileNotFoundError, PermissionError) as error:
        raise GitFailed(
            "git could not be started.", fix="Install git 2.34 or newer and put it on PATH."
        ) from error
    if done.returncode not in accept:
        stderr = done.stderr.decode(errors="replace").strip()
        last = stderr.splitlines()[-1] if stderr else f"exit code {done.returncode}"
        raise GitFailed(f"git {_command(arguments)} failed: {last}", stderr=stderr)
    return done.stdout


def _command(arguments: Sequence[str]) -> str:
    """The subcommand among git's arguments, which settings may stand before."""
    words = iter(arguments)
    return next((word for word in words if word != "-c" or not next(words)), "")
