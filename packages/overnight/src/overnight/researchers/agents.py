"""What all researchers share that run a foreign program: checked options, endings as errors."""

from difflib import get_close_matches
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from overnight.durations import format_duration
from overnight.errors import (
    AgentCrashed,
    AgentHung,
    AgentMisconfigured,
    AgentMissing,
    AgentTimedOut,
    Stopped,
)
from overnight.processes.supervisor import EndedBy, Ending, Limits
from overnight.researchers.base import ResearcherSettings
from overnight.types import Usage

Options = TypeVar("Options", bound=BaseModel)
_USED_UP = {EndedBy.MEMORY: "memory", EndedBy.PROCESSES: "processes", EndedBy.DISK: "disk"}
_SETTING = {
    EndedBy.MEMORY: "memory_gb",
    EndedBy.PROCESSES: "processes",
    EndedBy.DISK: "disk_gb",
}


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


def refuse_ending(
    ending: Ending, *, program: str, limits: Limits, usage: Usage | None = None
) -> None:
    """Raise what a program's ending means when it did not end by itself.

    Raises:
        AgentMissing: It could not be started.
        AgentTimedOut: It was killed at its deadline.
        AgentHung: It was killed for its silence.
        AgentCrashed: It was killed for what it used up.
        Stopped: A stop was asked for.
    """
    match ending.ended_by:
        case EndedBy.NOT_STARTED:
            raise AgentMissing(f"{program} could not be started: {ending.detail}.")
        case EndedBy.STOP:
            raise Stopped(f"Stopped while {program} was making a proposal.")
        case EndedBy.DEADLINE:
            spent = format_duration(limits.deadline_s)
            raise AgentTimedOut(
                f"{program} was not done after {spent} and was killed.",
                fix="Give it longer with researcher.deadline.",
                usage=usage,
            )
        case EndedBy.SILENCE:
            silence = format_duration(limits.silence_s or 0.0)
            raise AgentHung(
                f"{program} said nothing for {silence} and was killed.",
                fix="If it needs longer to think, raise researcher.silence.",
                usage=usage,
            )
        case EndedBy.MEMORY | EndedBy.PROCESSES | EndedBy.DISK:
            raise AgentCrashed(
                f"{program} used more {_USED_UP[ending.ended_by]} than its sandbox allows"
                " and was killed.",
                fix=f"Raise sandbox.{_SETTING[ending.ended_by]}.",
                usage=usage,
            )
        case EndedBy.ITSELF:
            return


def crashed(
    ending: Ending, *, program: str, last_words: str, usage: Usage | None = None
) -> AgentCrashed:
    """The error for a program that ended by itself with a code other than zero."""
    code = ending.code or 0
    how = f"exit code {code}" if code >= 0 else f"signal {-code}"
    story = f"{program} ended with {how}"
    return AgentCrashed(f"{story}: {last_words}" if last_words else f"{story}.", usage=usage)
