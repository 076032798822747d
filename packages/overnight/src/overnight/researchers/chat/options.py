"""What a study can say about a model that answers without an agent."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

OPENAI = "https://api.openai.com/v1"
_OURS = ("model", "messages", "stream", "stream_options", "tools", "n")


class ChatOptions(BaseModel):
    """``[researcher.options]`` for ``kind = "chat"``.

    Attributes:
        base_url: An endpoint of the Chat Completions API, up to ``/v1``.
        env_key: The variable that holds its key; left out: ``OPENAI_API_KEY`` for OpenAI's own,
            and none for others.
        prompt: A file whose text is the system message in place of our own.
        env: Variables of the user's that the call needs, such as ``HTTPS_PROXY``.
        show: Files that the model sees beside the editable ones, and may not change.
        show_characters: Of all files that are shown together.
        parameters: More of the request, such as ``temperature`` or ``max_tokens``.
        retries: How often a request that failed with 408, 409, 429 or 5xx is sent again at once.
        repairs: How often the model is told of edits that do not fit.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: str = Field(default=OPENAI, pattern=r"^https?://\S+$")
    env_key: str | None = Field(default=None, min_length=1)
    prompt: Path | None = None
    env: tuple[str, ...] = ()
    show: tuple[str, ...] = ()
    show_characters: int = Field(default=120_000, ge=1_000)
    parameters: dict[str, Any] = Field(default_factory=dict)
    retries: int = Field(default=2, ge=0, le=20)
    repairs: int = Field(default=2, ge=0, le=5)

    @field_validator("parameters")
    @classmethod
    def _leaves_ours(cls, parameters: dict[str, Any]) -> dict[str, Any]:
        for name in _OURS:
            if name in parameters:
                raise ValueError(f"{name} is not yours to set here")
        return parameters

    @property
    def key_variable(self) -> str | None:
        """The variable that holds the key; None where none is sent."""
        own = "OPENAI_API_KEY" if self.base_url.rstrip("/") == OPENAI else None
        return self.env_key or own
