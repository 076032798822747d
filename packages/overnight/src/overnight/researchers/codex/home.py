"""Codex's private home, its environment, and the key in the place where it looks for one."""

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from overnight.errors import AuthenticationFailed
from overnight.researchers.agent.agent import Call
from overnight.researchers.agent.keys import refuse_odd_key
from overnight.researchers.codex.options import (
    OPENAI,
    CodexOptions,
    codex_config,
    provider_key,
    to_toml,
)

LOGIN_FILE = "codex-login.json"
_HOME = "home"  # beside the temporary directory: Codex puts no helper programs below TMPDIR
_NO_KEY = "Set CODEX_API_KEY or OPENAI_API_KEY, or run `codex login` once."


def furnish(call: Call, options: CodexOptions, *, environ: Mapping[str, str]) -> dict[str, str]:
    """Make the directory that Codex writes to; returns the variables that lead it there.

    Nothing that one proposal leaves here can reach the next one: no session, no memory, no
    instruction, no setting; only a copy of the user's login stays beside it.

    Args:
        environ: The user's environment.

    Raises:
        AuthenticationFailed: There is neither a key nor a login.
    """
    config = codex_config(options)
    keys, login = _credentials(options, config, environ)
    home = call.directory(_HOME)
    call.write(f"{_HOME}/config.toml", to_toml(config))
    if login is not None:
        # Codex renews a login by writing through the link. A login can be renewed only once,
        # so the next proposal has to go on from the renewed one.
        copy = _copy_login(login, call.assignment.home / LOGIN_FILE)
        (home / "auth.json").symlink_to(copy)
    return {"CODEX_HOME": str(home), **keys}


def return_login(call: Call, options: CodexOptions, *, environ: Mapping[str, str]) -> None:
    """Give the user a login that Codex has renewed, which makes the user's own invalid."""
    kept = call.home / _HOME / "auth.json"
    if not kept.exists():
        return
    _, login = _credentials(options, codex_config(options), environ)
    renewed = kept.read_bytes()
    if login is not None and renewed != login.read_bytes():
        login.write_bytes(renewed)


def rollouts(call: Call) -> list[Path]:
    """Codex's own records of its threads."""
    found = (call.home / _HOME).glob("sessions/*/*/*/rollout-*.jsonl")
    return sorted(path for path in found if stat.S_ISREG(path.lstat().st_mode))


def describe_key(options: CodexOptions, *, environ: Mapping[str, str]) -> str:
    """Where Codex's key comes from, in a few words; an empty string where it needs none.

    Raises:
        AuthenticationFailed: There is neither a key nor a login, or the key cannot be one.
    """
    keys, login = _credentials(options, codex_config(options), environ)
    if login is not None:
        return f"the login in {login}"
    for variable, value in keys.items():
        source = variable if environ.get(variable) else "OPENAI_API_KEY"
        refuse_odd_key(source, value)
        handed_on = f", handed to Codex as {variable}, the only one that it reads"
        return source if source == variable else source + handed_on
    return ""


def _credentials(
    options: CodexOptions, config: Mapping[str, Any], environ: Mapping[str, str]
) -> tuple[dict[str, str], Path | None]:
    """The variables that carry keys, and the file of a login where that is what to use."""
    provider = config.get("model_provider", OPENAI)
    if provider != OPENAI:
        variable = provider_key(config, provider)
        if variable is None:
            return {}, None
        if not environ.get(variable):
            raise AuthenticationFailed(f"{variable}, which should hold the key, is not set.")
        return {variable: environ[variable]}, None
    key = environ.get("CODEX_API_KEY") or environ.get("OPENAI_API_KEY")
    if key and not options.login:
        # Codex reads no other variable here, whatever OpenAI's own libraries do.
        return {"CODEX_API_KEY": key}, None
    login = Path(environ.get("CODEX_HOME") or Path.home() / ".codex") / "auth.json"
    if not login.is_file():
        raise AuthenticationFailed("Codex has no key and no login.", fix=_NO_KEY)
    return {}, login


def _copy_login(login: Path, copy: Path) -> Path:
    """The study's copy of the user's login, taken anew when the user has logged in since."""
    if not copy.exists() or copy.stat().st_mtime_ns < login.stat().st_mtime_ns:
        copy.unlink(missing_ok=True)
        copy.touch(mode=0o600)
        copy.write_bytes(login.read_bytes())
    return copy.absolute()
