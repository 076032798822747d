"""An agent's words for a failed turn, as our errors."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from overnight.brief import one_line
from overnight.errors import (
    AgentCrashed,
    AuthenticationFailed,
    QuotaExhausted,
    RateLimited,
    RequestRejected,
    ResearcherError,
    ServerFailed,
)
from overnight.researchers.drafts import as_text, parse_object
from overnight.types import JsonValue, Usage

Kind: TypeAlias = type[ResearcherError]

_DELAY = re.compile(r"(?:try again|retry|retrying) (?:in|after) (\d+(?:\.\d+)?) ?(ms|s)\b", re.I)
_QUOTA = (
    "exceeded your current quota",
    "insufficient_quota",
    "quota exceeded",
    "daily quota",
    "usage limit",
    "credit balance",
    "out of credits",
)
_MAY_BE_QUOTA = (None, 402, 403, 429)
# What most agents and endpoints say; the first that is found in a message decides.
_PHRASES: tuple[tuple[str, Kind], ...] = (
    ("incorrect api key", AuthenticationFailed),
    ("invalid api key", AuthenticationFailed),
    ("api key not valid", AuthenticationFailed),
    ("invalid x-api-key", AuthenticationFailed),
    ("rate limit", RateLimited),
    ("too many requests", RateLimited),
    ("overloaded", ServerFailed),
    ("high demand", ServerFailed),
    ("at capacity", ServerFailed),
    ("error sending request", ServerFailed),
    ("unable to connect", ServerFailed),
    ("connection failed", ServerFailed),
    ("connection error", ServerFailed),
    ("connection refused", ServerFailed),
    ("fetch failed", ServerFailed),
    ("context length", RequestRejected),
    ("context window", RequestRejected),
)
_FIXES: Mapping[Kind, str] = {
    AuthenticationFailed: "Check the key; see docs/researchers.md.",
    QuotaExhausted: "Add credit, or wait until the plan's limit is reset.",
    RequestRejected: "Check researcher.model, and what the endpoint is asked for.",
}


@dataclass(frozen=True, slots=True)
class Wording:
    """How an agent words its failures.

    Attributes:
        agent: What it is called.
        status: Finds the HTTP status in a message.
        phrases: Its own phrases, in lower case, which go before those that are common.
        fixes: What helps, where it is other than usual.
    """

    agent: str
    status: re.Pattern[str] | None = None
    phrases: tuple[tuple[str, Kind], ...] = ()
    fixes: Mapping[Kind, str] = field(default_factory=dict)

    def failed(
        self,
        message: str,
        *,
        status: int | None = None,
        delay_s: float | None = None,
        usage: Usage | None = None,
    ) -> ResearcherError:
        """The error for a turn that failed.

        Args:
            message: Why, in the agent's words.
            status: The HTTP status, where it was told apart.
            delay_s: How long the endpoint asked to wait, likewise.
        """
        delay_s = _delay_s(message) if delay_s is None else delay_s
        found = self.status.search(message) if self.status is not None else None
        if status is None and found is not None:
            status = int(found[1])
        kind = self._kind(message.lower(), status=status, delay_s=delay_s)
        if kind is AgentCrashed and parse_object(message) is not None:
            kind = RequestRejected  # the body of a 400, without a word of the agent's own
        words = one_line(_readable(message))
        return kind(
            f"{self.agent}: {words}" if words.endswith((".", "…")) else f"{self.agent}: {words}.",
            fix=self.fixes.get(kind) or _FIXES.get(kind),
            retry_after_s=delay_s,
            usage=usage,
        )

    def _kind(self, lowered: str, *, status: int | None, delay_s: float | None) -> Kind:
        is_quota = status in _MAY_BE_QUOTA and any(words in lowered for words in _QUOTA)
        if is_quota:
            return QuotaExhausted if delay_s is None else RateLimited
        if status is not None:
            return kind_of_status(status)
        for phrase, kind in (*self.phrases, *_PHRASES):
            if phrase in lowered:
                return kind
        return AgentCrashed


def kind_of_status(status: int) -> Kind:
    """What an HTTP status means."""
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


def _delay_s(message: str) -> float | None:
    found = _DELAY.search(message)
    if found is None:
        return None
    return float(found[1]) * (0.001 if found[2].lower() == "ms" else 1.0)


def _readable(message: str) -> str:
    body = parse_object(message) or {}
    error: JsonValue = body.get("error")
    inner = error.get("message") if isinstance(error, dict) else error
    return as_text(inner) or as_text(body.get("detail")) or as_text(body.get("message")) or message
