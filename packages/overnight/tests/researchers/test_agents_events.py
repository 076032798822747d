"""What agents print and write down, in the forms of the versions that were tried."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from overnight.errors import (
    AgentCrashed,
    AuthenticationFailed,
    QuotaExhausted,
    RateLimited,
    RequestRejected,
    ResearcherError,
    ServerFailed,
    StreamCut,
)
from overnight.researchers import aider, claude, gemini, mini_swe_agent, opencode
from overnight.researchers.agent.failures import Wording
from overnight.researchers.agent.transcript import Transcript
from overnight.types import Usage

Event = Mapping[str, Any]
ODD: list[Any] = [
    {},
    {"type": 7},
    {"type": "text", "part": []},
    {"event": None},
    {"type": "result"},
]


class TestClaude:
    counts: ClassVar[Event] = {
        "input_tokens": 80,
        "cache_read_input_tokens": 15,
        "cache_creation_input_tokens": 5,
    }

    def said(self, name: str, *content: Event) -> Event:
        usage = {**self.counts, "output_tokens": 10}
        return {
            "type": "assistant",
            "message": {"id": name, "content": list(content), "usage": usage},
        }

    def test_a_turn(self) -> None:
        bash = {"type": "tool_use", "name": "Bash", "input": {"command": "ls"}}
        model = {"inputTokens": 160, "cacheReadInputTokens": 30, "cacheCreationInputTokens": 10}
        told = claude.read_events(
            [
                {"type": "system", "subtype": "init"},
                self.said("1", bash),
                {"type": "user"},
                {
                    "type": "result",
                    "is_error": False,
                    "result": "Done.",
                    "modelUsage": {"a": {**model, "outputTokens": 20}, "b": {"inputTokens": 1}},
                },
            ]
        )
        assert told == Transcript(True, "Done.", "", Usage(201, 30, 20), ("ls",))

    def test_a_killed_run_counts_each_message_once(self) -> None:
        text = {"type": "text", "text": "x"}
        told = claude.read_events([self.said("1", text), self.said("1", text), self.said("2")])
        assert (told.completed, told.usage) == (False, Usage(200, 30, 20))

    def test_retries_are_a_failure_until_one_succeeds(self) -> None:
        retry: Event = {
            "type": "system",
            "subtype": "api_retry",
            "error_status": 429,
            "error": "rate_limit",
        }
        told = claude.read_events([self.said("1"), retry])
        assert (told.failure, told.status) == ("still retrying: rate_limit", 429)
        assert claude.read_events([retry, self.said("1")]).failure == ""

    def test_a_failed_turn(self) -> None:
        result: Event = {
            "type": "result",
            "is_error": True,
            "api_error_status": 401,
            "result": "No.",
        }
        told = claude.read_events([result])
        assert (told.completed, told.failure, told.status) == (False, "No.", 401)

    @pytest.mark.parametrize("odd", ODD)
    def test_odd_events(self, odd: Event) -> None:
        assert not claude.read_events([odd]).completed


class TestGemini:
    stats: ClassVar[Event] = {
        "total_tokens": 220,
        "input_tokens": 200,
        "output_tokens": 14,
        "cached": 40,
    }

    def test_a_turn(self) -> None:
        shell: Event = {"tool_name": "run_shell_command", "parameters": {"command": "ls"}}
        told = gemini.read_events(
            [
                {"type": "message", "role": "user", "content": "?"},
                {"type": "message", "role": "assistant", "content": "I look."},
                {"type": "tool_use", **shell},
                {"type": "message", "role": "assistant", "content": "Do", "delta": True},
                {"type": "message", "role": "assistant", "content": "ne.", "delta": True},
                {"type": "result", "status": "success", "stats": self.stats},
            ]
        )
        assert told == Transcript(True, "Done.", "", Usage(200, 40, 20, 6), ("ls",))

    def test_a_failure_has_its_status_from_what_was_complained_of(self) -> None:
        error: Event = {"message": '[API Error: {"error": {"message": "No."}}]'}
        told = gemini.read_events([{"type": "result", "status": "error", "error": error}])
        assert told.failure == '{"error": {"message": "No."}}'
        told = gemini.with_complaint(told, "at x {\n  status: 401\n}\n")
        assert told.status == 401

    def test_attempts_are_a_failure_of_a_run_that_was_killed(self) -> None:
        complaint = "Attempt 1 failed with status 500. x\nAttempt 2 failed with status 429. Retry\n"
        told = gemini.with_complaint(Transcript(), complaint)
        assert (told.failure, told.status) == ("Attempt 2 failed with status 429. Retry", 429)
        assert gemini.with_complaint(Transcript(), "YOLO mode is enabled.") == Transcript()

    @pytest.mark.parametrize("odd", ODD)
    def test_odd_events(self, odd: Event) -> None:
        assert not gemini.read_events([odd]).completed


class TestOpencode:
    def step(self, reason: str) -> Event:
        tokens = {"input": 75, "output": 7, "reasoning": 3, "cache": {"read": 20, "write": 5}}
        return {"type": "step_finish", "part": {"reason": reason, "tokens": tokens}}

    def test_a_turn(self) -> None:
        state = {"input": {"command": "ls"}}
        told = opencode.read_events(
            [
                {"type": "tool_use", "part": {"tool": "bash", "state": state}},
                self.step("tool-calls"),
                {"type": "text", "part": {"text": "Done."}},
                self.step("stop"),
            ]
        )
        assert told == Transcript(True, "Done.", "", Usage(200, 40, 20, 6), ("ls",))

    @pytest.mark.parametrize("reason", ["tool-calls", "length", "unknown", ""])
    def test_steps_that_end_no_turn(self, reason: str) -> None:
        told = opencode.read_events([self.step(reason)])
        assert (told.completed, bool(told.failure)) == (False, reason == "length")

    def test_an_error(self) -> None:
        data: Event = {"message": "Wrong key.", "statusCode": 401}
        told = opencode.read_events(
            [{"type": "error", "error": {"name": "APIError", "data": data}}]
        )
        assert (told.completed, told.failure, told.status) == (False, "Wrong key.", 401)

    def test_what_its_log_says(self, tmp_path: Path) -> None:
        line = 'time=x level=ERROR message="stream error" a=b error.error="AI_APICallError: {}"\n'
        (tmp_path / "a.log").write_text(line.format("Old.") + line.format("Slow."))
        assert opencode.logged_failure(tmp_path) == "stream error: AI_APICallError: Slow."
        assert opencode.logged_failure(tmp_path / "missing") == ""
        (tmp_path / "a.log").unlink()
        (tmp_path / "a.log").symlink_to("/dev/zero")
        assert opencode.logged_failure(tmp_path) == ""

    @pytest.mark.parametrize("odd", ODD)
    def test_odd_events(self, odd: Event) -> None:
        assert not opencode.read_events([odd]).completed


class TestMiniSweAgent:
    def trajectory(self, **last: Any) -> Event:
        counts = {"prompt_tokens": 100, "completion_tokens": 10}
        step = {"actions": [{"command": "ls"}, {}], "response": {"usage": counts}}
        broken = {"response": "<a repr>"}
        extras = [{"extra": step}, {"extra": broken}, {"extra": step}]
        return {"messages": [*extras, {"role": "exit", "extra": last}]}

    def test_a_turn(self) -> None:
        done = self.trajectory(exit_status="Submitted", submission="Submitted.")
        told = mini_swe_agent.read_trajectory(done, "\nFrom the file.\n")
        assert told == Transcript(
            True, "From the file.", "", Usage(200, None, 20, None), commands=("ls", "ls")
        )
        assert mini_swe_agent.read_trajectory(done, " ").message == "Submitted."

    def test_an_exception(self) -> None:
        failed = self.trajectory(exit_status="RateLimitError", exception_str="litellm.Rate: Slow.")
        told = mini_swe_agent.read_trajectory(failed, "")
        assert (told.completed, told.failure) == (False, "litellm.Rate: Slow.")

    @pytest.mark.parametrize("odd", [{}, {"messages": 7}, {"messages": [7]}, {"messages": [{}]}])
    def test_odd_trajectories(self, odd: Event) -> None:
        assert mini_swe_agent.read_trajectory(odd, "") == Transcript()


class TestAider:
    counts: ClassVar[Event] = {"prompt_tokens": 100, "completion_tokens": 10, "cost": 0}
    asked: ClassVar[Event] = {"event": "message_send_starting"}
    sent: ClassVar[Event] = {"event": "message_send", "properties": counts}
    said = (
        "TO LLM now\nUSER x\nLLM RESPONSE now\nASSISTANT First.\n"
        "LLM RESPONSE now\nASSISTANT Lower it\nASSISTANT\nASSISTANT a.py\n"
        "ASSISTANT <<<<<<< SEARCH\nASSISTANT 0\nASSISTANT =======\nASSISTANT 1\n"
        "ASSISTANT >>>>>>> REPLACE\n"
    )

    def test_a_turn(self) -> None:
        events = [self.asked, self.sent, self.asked, self.sent]
        told = aider.read_records("Applied edit.", events=events, said=self.said)
        assert told == Transcript(True, "Lower it", "", Usage(200, None, 20, None))

    def test_a_failure_is_printed(self) -> None:
        printed = "litellm.RateLimitError: Slow.\nRetrying in 0.2 seconds...\n"
        told = aider.read_records(printed, events=[self.asked], said="")
        assert (told.completed, told.failure) == (False, "litellm.RateLimitError: Slow.")
        assert aider.read_records(printed, events=[self.asked, self.sent], said="").completed

    @pytest.mark.parametrize("odd", ODD)
    def test_odd_events(self, odd: Event) -> None:
        assert not aider.read_records("", events=[odd], said="").completed


@pytest.mark.parametrize(
    ("wording", "message", "kind"),
    [
        (aider.Aider.wording, "litellm.AuthenticationError: x", AuthenticationFailed),
        (aider.Aider.wording, "litellm.RateLimitError: Slow.", RateLimited),
        (
            aider.Aider.wording,
            "litellm.RateLimitError: exceeded your current quota",
            QuotaExhausted,
        ),
        (aider.Aider.wording, "litellm.ContextWindowExceededError: x", RequestRejected),
        (aider.Aider.wording, "litellm.Timeout: x", ServerFailed),
        (aider.Aider.wording, "Model x has hit a token limit!", RequestRejected),
        (mini_swe_agent.MiniSweAgent.wording, "RepeatedFormatError", AgentCrashed),
        (claude.Claude.wording, "API Error: Unable to connect to API (X)", ServerFailed),
        (claude.Claude.wording, "Credit balance is too low", QuotaExhausted),
        (
            gemini.Gemini.wording,
            "You have exhausted your daily quota on this model.",
            QuotaExhausted,
        ),
        (gemini.Gemini.wording, "exceeded your current quota. Please retry in 34.5s.", RateLimited),
        (gemini.Gemini.wording, "Model stream ended without a finish reason.", StreamCut),
        (opencode.Opencode.wording, "stream error: AI_APICallError: Overloaded", ServerFailed),
        (opencode.Opencode.wording, "Something new", AgentCrashed),
    ],
)
def test_words_for_failures(wording: Wording, message: str, kind: type[ResearcherError]) -> None:
    error = wording.failed(message)
    assert (type(error), error.message.startswith(wording.agent)) == (kind, True)
