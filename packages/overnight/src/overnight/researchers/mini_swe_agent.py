"""mini-swe-agent without a terminal: one ``mini`` per proposal."""

import json
from collections.abc import Mapping
from pathlib import Path

from overnight.errors import AgentCrashed
from overnight.researchers.agent.agent import Call, Start
from overnight.researchers.agent.failures import Wording
from overnight.researchers.agent.litellm import (
    LITELLM_ENV,
    LITELLM_PHRASES,
    LITELLM_PROVIDERS,
    litellm_endpoint,
    litellm_model,
)
from overnight.researchers.agent.options import EndpointOptions, check_options
from overnight.researchers.agent.programs import Program
from overnight.researchers.agent.providers import ProviderAgent
from overnight.researchers.agent.researcher import AgentResearcher
from overnight.researchers.agent.transcript import (
    Transcript,
    as_commands,
    as_list,
    as_object,
    completion_usage,
    total,
)
from overnight.researchers.base import Researcher, ResearcherSettings
from overnight.researchers.drafts import as_text, parse_object
from overnight.types import JsonValue, Usage
from overnight.untrusted import read_small_file

_VERSION = "2.4.6"
TRAJECTORY_FILE = "agent.trajectory.json"
_ANSWER_FILE = "answer.txt"
_MOST_TRAJECTORY_BYTES = 2**27
_MOST_ANSWER_BYTES = 2**18
_COMMAND_S = 300
_ATTEMPTS = 3
_LAST_WORDS = """

Before you submit, write {what} into the file {file}, and nothing else. Then submit as you were
told to, by a command of its own.
"""
_SUBMITTED = "Submitted"


class MiniSweAgent(ProviderAgent):
    """mini-swe-agent, which has one tool, the shell."""

    providers = LITELLM_PROVIDERS
    program = Program(
        "mini-swe-agent",
        "mini",
        f"pip install mini-swe-agent=={_VERSION} mcp",
        _VERSION,
        version=("--help",),
        options=("--model", "--yolo", "--cost-limit", "--config", "--output", "--exit-immediately"),
    )
    wording = Wording(
        "mini-swe-agent",
        phrases=(*LITELLM_PHRASES, ("formaterror", AgentCrashed), ("limitsexceeded", AgentCrashed)),
    )

    def start(self, call: Call) -> Start:
        """One ``mini``, with the task in a file, because an argument can be too short for it."""
        config = call.write("task.yaml", json.dumps(self._config(call), ensure_ascii=False))
        arguments = (
            *("--yolo", "--exit-immediately", "--cost-limit", "0"),
            *("--model", litellm_model(self.name, base_url=self.base_url)),
            *("--output", str(_trajectory(call))),
            *("--config", "mini.yaml", "--config", str(config)),
        )
        env = {
            **LITELLM_ENV,
            **litellm_endpoint(self.base_url),
            **self.keys(),
            "MSWEA_CONFIGURED": "true",
            "MSWEA_COST_TRACKING": "ignore_errors",
            "MSWEA_GLOBAL_CONFIG_DIR": str(call.directory("config")),
            "MSWEA_MODEL_RETRY_STOP_AFTER_ATTEMPT": str(_ATTEMPTS),
        }
        return Start((*arguments, *self.options.arguments), env)

    def read(self, call: Call) -> Transcript:
        """Its trajectory, which it writes after each step, and the answer that it left."""
        content = read_small_file(_trajectory(call), most_bytes=_MOST_TRAJECTORY_BYTES) or b""
        answer = read_small_file(_answer(call), most_bytes=_MOST_ANSWER_BYTES) or b""
        return read_trajectory(parse_object(content) or {}, answer.decode("utf-8", "replace"))

    def clear_up(self, call: Call) -> None:
        """Keep the trajectory beside what it printed."""
        content = read_small_file(_trajectory(call), most_bytes=_MOST_TRAJECTORY_BYTES)
        if content is not None:
            (call.assignment.trial_dir / TRAJECTORY_FILE).write_bytes(content)

    def _config(self, call: Call) -> dict[str, JsonValue]:
        what = "that JSON object" if call.is_proposal else "your answer"
        task = call.prompt + _LAST_WORDS.format(what=what, file=_answer(call))
        hidden: dict[str, JsonValue] = dict.fromkeys(self.keys(), "")
        return {
            "run": {"task": _printable(task)},
            "environment": {"timeout": _COMMAND_S, "env": hidden},
        }


def read_trajectory(trajectory: Mapping[str, JsonValue], answer: str) -> Transcript:
    """What it did and how it ended.

    Args:
        answer: What it left in its file; without one its submission counts.
    """
    messages = [as_object(message) for message in as_list(trajectory.get("messages"))]
    extras = [as_object(message.get("extra")) for message in messages]
    usages = [usage for extra in extras if (usage := _usage(extra)) is not None]
    actions = [as_object(action) for extra in extras for action in as_list(extra.get("actions"))]
    last = extras[-1] if extras and messages[-1].get("role") == "exit" else {}
    status = as_text(last.get("exit_status"))
    return Transcript(
        completed=status == _SUBMITTED,
        message=answer.strip() or as_text(last.get("submission")),
        failure="" if status == _SUBMITTED else as_text(last.get("exception_str")) or status,
        usage=total(usages),
        commands=as_commands(action.get("command") for action in actions),
    )


def _usage(extra: Mapping[str, JsonValue]) -> Usage | None:
    return completion_usage(as_object(extra.get("response")).get("usage"))


def _trajectory(call: Call) -> Path:
    return call.home / TRAJECTORY_FILE


def _answer(call: Call) -> Path:
    return call.home / _ANSWER_FILE


def _printable(text: str) -> str:
    """A text without what YAML, of which JSON is a part but for this, does not hold."""
    return "".join(c if c.isprintable() or c in "\n\t" else " " for c in text)


def create(settings: ResearcherSettings) -> Researcher:
    """The researcher for ``kind = "mini-swe-agent"``.

    Raises:
        AgentMisconfigured: Its options cannot work.
    """
    options = check_options(EndpointOptions, settings)
    return AgentResearcher(MiniSweAgent(options, model=settings.model), settings)
