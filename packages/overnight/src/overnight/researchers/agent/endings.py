"""How a foreign program ended, as our errors."""

from overnight.durations import format_duration
from overnight.errors import AgentCrashed, AgentHung, AgentMissing, AgentTimedOut, Stopped
from overnight.processes.supervisor import EndedBy, Ending, Limits
from overnight.types import Usage

_USED_UP = {EndedBy.MEMORY: "memory", EndedBy.PROCESSES: "processes", EndedBy.DISK: "disk"}
_SETTING = {
    EndedBy.MEMORY: "memory_gb",
    EndedBy.PROCESSES: "processes",
    EndedBy.DISK: "disk_gb",
}


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
