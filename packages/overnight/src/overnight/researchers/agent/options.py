"""Options of researchers, checked by pydantic, and the text that goes before the brief."""

from difflib import get_close_matches
from importlib import resources
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from overnight.errors import AgentMisconfigured
from overnight.researchers.base import ResearcherSettings

Options = TypeVar("Options", bound=BaseModel)


class AgentOptions(BaseModel):
    """What every agent's ``[researcher.options]`` can say.

    Attributes:
        binary: The agent's program, where it is not on PATH.
        prompt: A file whose text goes before the brief in place of our own.
        env: Variables of the user's that the agent and its commands need.
        arguments: More of its command line, after ours.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    binary: str | None = None
    prompt: Path | None = None
    env: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()


class EndpointOptions(AgentOptions):
    """The same for agents that can be led to another endpoint.

    Attributes:
        base_url: The endpoint.
        env_key: The variable that holds its key.
    """

    base_url: str | None = Field(default=None, pattern=r"^https?://\S+$")
    env_key: str | None = Field(default=None, min_length=1)


def check_options(model: type[Options], settings: ResearcherSettings) -> Options:
    """The options of a study's researcher, each known and of its type.

    Raises:
        AgentMisconfigured: One is not; says which and what to write.
    """
    try:
        return model.model_validate(dict(settings.options or {}))
    except ValidationError as error:
        message, fix = _explain(settings.kind, model, error.errors()[0])
        raise AgentMisconfigured(message, fix=fix) from error


def _explain(kind: str, model: type[BaseModel], detail: ErrorDetails) -> tuple[str, str | None]:
    key = ".".join(("researcher", "options", *(str(part) for part in detail["loc"])))
    if detail["type"] == "extra_forbidden":
        known = list(model.model_fields)
        close = get_close_matches(str(detail["loc"][-1]), known, n=1)
        fix = f"Did you mean {close[0]!r}?" if close else f"Known here: {', '.join(known)}."
        return f"{key}: the researcher {kind!r} has no such option.", fix
    problem = detail["msg"].removeprefix("Value error, ")
    return f"{key}: {problem[:1].lower()}{problem[1:]}.", None


def read_prompt(path: Path | None, *, root: Path, ours: str) -> str:
    """The text that goes before the brief.

    Args:
        path: The user's own, from `root` on, or None.
        ours: The name of the one that we bring.

    Raises:
        AgentMisconfigured: The user's own cannot be read.
    """
    if path is None:
        shipped = resources.files("overnight.researchers").joinpath("prompts", ours)
        return shipped.read_text(encoding="utf-8")
    try:
        return (root / path.expanduser()).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise AgentMisconfigured(
            f"researcher.options.prompt = '{path}' cannot be read: {error}."
        ) from error
