"""Codex's words for a failed turn, as our errors."""

import re

from overnight.brief import one_line
from overnight.errors import (
    AgentMisconfigured,
    AuthenticationFailed,
    RequestRejected,
    ServerFailed,
    StreamCut,
)
from overnight.researchers.agent.failures import Wording

# What codex-cli 0.169.0 says.
WORDING = Wording(
    "Codex",
    status=re.compile(r"(?:unexpected|last) status:? (\d{3})\b"),
    phrases=(
        ("missing environment variable", AuthenticationFailed),
        ("sign in again", AuthenticationFailed),
        ("error sending request", ServerFailed),
        ("stream disconnected", StreamCut),
        ("ran out of room", RequestRejected),
    ),
    fixes={
        AuthenticationFailed: "Check the key, or run `codex login`; see docs/researchers.md.",
        RequestRejected: "Check researcher.model, and that the endpoint speaks the Responses API.",
    },
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
