"""Codex's words for a failed turn, as our errors."""

import re

from overnight.brief import one_line
from overnight.errors import (
    AgentCrashed,
    AgentMisconfigured,
    AuthenticationFailed,
    QuotaExhausted,
    RateLimited,
    RequestRejected,
    ResearcherError,
    ServerFailed,
    StreamCut,
)
from overnight.researchers.drafts import as_text, parse_object
from overnight.types import JsonValue, Usage

_STATUS = re.compile(r"(?:unexpected|last) status:? (\d{3})\b")
_DELAY = re.compile(r"try again in (\d+(?:\.\d+)?) ?(ms|s)\b")

# What codex-cli 0.169.0 says; the first that is found in a message decides.
_PHRASES: tuple[tuple[str, type[ResearcherError]], ...] = (
    ("quota exceeded", QuotaExhausted),
    ("usage limit", QuotaExhausted),
    ("out of credits", QuotaExhausted),
    ("missing environment variable", AuthenticationFailed),
    ("sign in again", AuthenticationFailed),
    ("rate limit", RateLimited),
    ("high demand", ServerFailed),
    ("at capacity", ServerFailed),
    ("error sending request", ServerFailed),
    ("connection failed", ServerFailed),
    ("stream disconnected", StreamCut),
    ("ran out of room", RequestRejected),
)
_FIXES: dict[type[ResearcherError], str] = {
    AuthenticationFailed: "Check the key, or run `codex login`; see docs/researchers.md.",
    QuotaExhausted: "Add credit, or wait until the plan's limit is reset.",
    RequestRejected: "Check researcher.model, and that the endpoint speaks the Responses API.",
}


def failed_turn(message: str, *, usage: Usage | None) -> ResearcherError:
    """The error for a turn that failed, from Codex's own message."""
    kind = _kind(message)
    delay = _DELAY.search(message)
    words = one_line(_readable(message))
    return kind(
        f"Codex: {words}" if words.endswith((".", "…")) else f"Codex: {words}.",
        fix=_FIXES.get(kind),
        retry_after_s=float(delay[1]) * (0.001 if delay[2] == "ms" else 1.0) if delay else None,
        usage=usage,
    )


def failed_start(complaint: str) -> AgentMisconfigured | None:
    """The error for settings that Codex refuses before its turn begins, if that is what it says."""
    where = complaint.find("Error loading config.toml")
    if where < 0:
        return None
    return AgentMisconfigured(
        f"Codex: {one_line(complaint[where:])}",
        fix="Mend researcher.options.config; this was made for codex 0.169.0.",
    )


def _kind(message: str) -> type[ResearcherError]:
    status = _STATUS.search(message)
    if status is not None:
        return _kind_of_status(int(status[1]))
    lowered = message.lower()
    for phrase, kind in _PHRASES:
        if phrase in lowered:
            return kind
    # Codex shows the body of a 400 as it came, without a word of its own.
    return RequestRejected if parse_object(message) is not None else AgentCrashed


def _kind_of_status(status: int) -> type[ResearcherError]:
    match status:
        case 401 | 403:
            return AuthenticationFailed
        case 402:
            return QuotaExhausted
        case 429:
            return RateLimited
        case 408:
            return ServerFailed
    return ServerFailed if status >= 500 else RequestRejected


def _readable(message: str) -> str:
    body = parse_object(message) or {}
    error: JsonValue = body.get("error")
    inner = error.get("message") if isinstance(error, dict) else error
    return as_text(inner) or as_text(body.get("detail")) or as_text(body.get("message")) or message
