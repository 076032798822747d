"""Codex's private home, its environment, and the key in the place where it looks for one."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from overnight.errors import AuthenticationFailed
from overnight.researchers.codex.options import (
    OPENAI,
    CodexOptions,
    codex_config,
    hosts,
    provider_key,
    to_toml,
)
from overnight.workspace.tree import discard

_INHERITED = ("PATH", "HOME", "USER", "SHELL", "LANG", "LC_ALL")
LOGIN_FILE = "codex-login.json"
_NO_KEY = "Set CODEX_API_KEY or OPENAI_API_KEY, or run `codex login` once."


class CodexHome:
    """The directory that Codex writes to, made for one proposal and removed after it.

    Nothing that one proposal leaves here can reach the next one: no session, no memory, no
    instruction, no setting; only a copy of the user's login stays beside it.

    Args:
        parent: Where it is made; private to the study.
        environ: The user's environment.

    Attributes:
        env: The environment for Codex.
        hosts: The network hosts that it needs.

    Raises:
        AuthenticationFailed: There is neither a key nor a login.
    """

    def __init__(self, parent: Path, options: CodexOptions, *, environ: Mapping[str, str]) -> None:
        config = codex_config(options)
        keys, login = _credentials(options, config, environ)
        self._login = login
        self.hosts = hosts(config)
        self._directory = Path(tempfile.mkdtemp(prefix="codex-", dir=parent))
        self._root, temporary = self._directory / "home", self._directory / "tmp"
        self._root.mkdir()
        temporary.mkdir()  # beside the home: Codex puts no helper programs below TMPDIR
        self.write("config.toml", to_toml(config))
        if login is not None:
            # Codex renews a login by writing through the link. A login can be renewed only once,
            # so the next proposal has to go on from the renewed one.
            (self._root / "auth.json").symlink_to(_copy_login(login, parent / LOGIN_FILE))
        passed = (*_INHERITED, *options.env)
        inherited = {name: environ[name] for name in passed if name in environ}
        private = {"CODEX_HOME": str(self._root), "TMPDIR": str(temporary)}
        self.env = {**inherited, **private, **keys}

    def __enter__(self) -> "CodexHome":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        discard(self._directory)

    def write(self, name: str, text: str) -> Path:
        """Put a file into Codex's home."""
        path = self._root / name
        path.write_text(text, encoding="utf-8")
        return path

    def return_login(self) -> None:
        """Give the user a login that Codex has renewed, which makes the user's own invalid."""
        if self._login is not None:
            renewed = (self._root / "auth.json").read_bytes()
            if renewed != self._login.read_bytes():
                self._login.write_bytes(renewed)

    def rollouts(self) -> list[Path]:
        """Codex's own records of its threads."""
        return sorted(self._root.glob("sessions/*/*/*/rollout-*.jsonl"))


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
        if value != value.strip() or value[0] in "\"'":
            raise AuthenticationFailed(
                f"The key in {source} has blanks or quotation marks around it.",
                fix=f"Export {source} again without them.",
            )
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
