"""What a study can say about Codex, and the configuration file that follows from it."""

import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from overnight.researchers.agent.options import EndpointOptions

OPENAI = "openai"
PROVIDER = "endpoint"
_OPENAI_HOSTS = ("api.openai.com", "auth.openai.com", "chatgpt.com")
_OPENAI_KEYS = ("CODEX_API_KEY", "OPENAI_API_KEY")
_TABLES = (
    "features",
    "analytics",
    "sandbox_workspace_write",
    "shell_environment_policy",
    "model_providers",
)


class CodexOptions(EndpointOptions):
    """``[researcher.options]`` for ``kind = "codex"``.

    Attributes:
        base_url: An endpoint of the Responses API other than OpenAI's own, up to ``/v1``.
        env_key: The variable that holds this endpoint's key; without it none is sent.
        sandbox: How Codex itself confines the commands of the agent; left out: not at all inside a
            sandbox of ours, ``workspace-write`` without one.
        login: Use the login of ``codex login`` even where a key is set.
        request_retries: How often a failed request is sent again; needs `base_url`.
        stream_retries: How often a broken stream is asked for again; needs `base_url`.
        stream_idle_s: Longest silence within a stream; needs `base_url`.
        config: More of Codex's configuration, as in its ``config.toml``.
    """

    sandbox: Literal["workspace-write", "danger-full-access"] | None = None
    login: bool = False
    request_retries: int | None = Field(default=None, ge=0, le=100)
    stream_retries: int | None = Field(default=None, ge=0, le=100)
    stream_idle_s: float | None = Field(default=None, gt=0)
    config: dict[str, Any] = Field(default_factory=dict)

    @field_validator("config")
    @classmethod
    def _has_tables(cls, config: dict[str, Any]) -> dict[str, Any]:
        for name in _TABLES:
            if not isinstance(config.get(name, {}), Mapping):
                raise ValueError(f"{name} is a table")
        return config

    @model_validator(mode="after")
    def _belongs_together(self) -> "CodexOptions":
        if self.base_url is not None:
            if self.login:
                raise ValueError("login is for OpenAI's own endpoint; remove it or base_url")
            return self
        for name in ("env_key", "request_retries", "stream_retries", "stream_idle_s"):
            if getattr(self, name) is not None:
                raise ValueError(f"{name} needs base_url; Codex fixes it for its own endpoint")
        return self


def codex_config(options: CodexOptions) -> dict[str, Any]:
    """The configuration for one study, the study's own wishes included."""
    config: dict[str, Any] = {
        "features": {
            "plugins": False,  # fetched from GitHub at every start
            "apps": False,
            "unbounded_connection_retries": False,  # else a refused connection waits for ever
        },
        "analytics": {"enabled": False},
        "sandbox_workspace_write": {"exclude_slash_tmp": True},
        "shell_environment_policy": {"inherit": "all", "ignore_default_excludes": True},
    }
    if options.base_url is not None:
        config["model_provider"] = PROVIDER
        config["model_providers"] = {PROVIDER: _provider(options)}
    config = _merge(config, options.config)
    policy = config["shell_environment_policy"]
    keys = (provider_key(config, provider) for provider in config.get("model_providers", {}))
    policy["exclude"] = [*policy.get("exclude", []), *_OPENAI_KEYS, *filter(None, keys)]
    return config


def hosts(config: Mapping[str, Any]) -> tuple[str, ...]:
    """The network hosts that Codex needs for its model's endpoint."""
    provider = config.get("model_provider", OPENAI)
    table = config.get("model_providers", {}).get(provider, {})
    url = table.get("base_url") or config.get("openai_base_url")
    return (url,) if isinstance(url, str) else _OPENAI_HOSTS


def provider_key(config: Mapping[str, Any], provider: str) -> str | None:
    """The variable in which a provider of the configuration looks for its key, if any."""
    table = config.get("model_providers", {}).get(provider, {})
    name = table.get("env_key") if isinstance(table, Mapping) else None
    return name if isinstance(name, str) else None


def _provider(options: CodexOptions) -> dict[str, Any]:
    idle_ms = None if options.stream_idle_s is None else round(options.stream_idle_s * 1000)
    settings = {
        "name": PROVIDER,
        "base_url": options.base_url,
        "env_key": options.env_key,
        "request_max_retries": options.request_retries,
        "stream_max_retries": options.stream_retries,
        "stream_idle_timeout_ms": idle_ms,
    }
    return {key: value for key, value in settings.items() if value is not None}


def _merge(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(ours)
    for key, value in theirs.items():
        below = merged.get(key)
        both = isinstance(below, Mapping) and isinstance(value, Mapping)
        merged[key] = _merge(below or {}, value) if both else value
    return merged


def to_toml(config: Mapping[str, Any]) -> str:
    """A TOML document with one line per key at the top."""
    return "".join(f"{_string(key)} = {_inline(value)}\n" for key, value in config.items())


def _inline(value: object) -> str:
    if isinstance(value, Mapping):
        pairs = (f"{_string(key)} = {_inline(below)}" for key, below in value.items())
        return f"{{ {', '.join(pairs)} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_inline, value))}]"
    if isinstance(value, bool | int | float):
        return str(value).lower()
    return _string(str(value))


def _string(text: str) -> str:
    # JSON writes a string as TOML does, but for the one control character that it leaves alone.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
