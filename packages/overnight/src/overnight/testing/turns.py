"""The turns of a scripted model, whichever API its client speaks."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from overnight.types import Usage

MODEL = "scripted-model"
USAGE = Usage(input_tokens=100, cached_input_tokens=20, output_tokens=10, reasoning_tokens=3)
_READ_BY_MODELS = ("input", "system", "messages", "systemInstruction", "contents")


@dataclass(frozen=True, slots=True)
class Message:
    """The model says something, which ends an agent's turn.

    Attributes:
        usage: What the response says was used; None says nothing of it.
        cut_short: Whether the model had more to say and was not allowed to.
    """

    text: str
    usage: Usage | None = USAGE
    cut_short: bool = False


@dataclass(frozen=True, slots=True)
class Shell:
    """The model asks for a shell command, by whichever tool the client offers for that."""

    command: str
    usage: Usage | None = USAGE


@dataclass(frozen=True, slots=True)
class Patch:
    """The model edits files in Codex's patch format, ``*** Begin Patch`` and on."""

    text: str
    usage: Usage | None = USAGE


@dataclass(frozen=True, slots=True)
class Refusal:
    """The request is answered with an HTTP error."""

    status: int
    message: str = "Scripted refusal."
    code: str | None = None
    retry_after_s: int | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """The stream begins well and then says that it failed."""

    message: str
    code: str = "server_error"


@dataclass(frozen=True, slots=True)
class Hang:
    """Nothing more comes until the client leaves or the server closes.

    Attributes:
        begun: Whether headers and the beginning of a stream come first.
    """

    begun: bool = False


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection closes in the middle of the answer.

    Attributes:
        begun: Whether headers and the beginning of a stream come first.
    """

    begun: bool = True


@dataclass(frozen=True, slots=True)
class Raw:
    """The request is answered with whatever this is, as a stream of events."""

    content: bytes


OUT_OF_CREDIT = Refusal(429, "You exceeded your current quota.", code="insufficient_quota")

Answer: TypeAlias = Message | Shell | Patch
Begun: TypeAlias = Answer | Failure | Hang | Cut
Turn: TypeAlias = Begun | Refusal | Raw


@dataclass(frozen=True, slots=True)
class Request:
    """One request for a response, as it came in.

    Attributes:
        headers: Names in lower case.
        path: Without its query.
    """

    headers: Mapping[str, str]
    body: Mapping[str, Any]
    path: str = ""

    @property
    def bearer(self) -> str | None:
        """The key that was sent as a bearer's, or None without one."""
        scheme, _, key = self.headers.get("authorization", "").partition(" ")
        return key if scheme.lower() == "bearer" else None

    @property
    def key(self) -> str | None:
        """The key that was sent, in whichever header the client's API has for it."""
        others = (self.headers.get(name) for name in ("x-api-key", "x-goog-api-key"))
        return self.bearer or next(filter(None, others), None)

    @property
    def text(self) -> str:
        """Everything that the model would read, as JSON."""
        read = [self.body[name] for name in _READ_BY_MODELS if name in self.body]
        return json.dumps(read, ensure_ascii=False)
