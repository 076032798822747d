"""The real Codex CLI against a scripted endpoint on loopback."""

import json
import os
import re
import signal
import socket
import stat
import threading
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from overnight.errors import (
    AgentCrashed,
    AgentHung,
    AgentMisconfigured,
    AuthenticationFailed,
    QuotaExhausted,
    RateLimited,
    RequestRejected,
    ResearcherError,
    ServerFailed,
    StreamCut,
)
from overnight.researchers.base import ResearcherSettings
from overnight.researchers.codex.binary import TESTED_VERSION
from overnight.researchers.codex.home import LOGIN_FILE
from overnight.researchers.codex.researcher import ERRORS_FILE, EVENTS_FILE, CodexResearcher
from overnight.testing.researcher_contract import Desk
from overnight.testing.responses import (
    MODEL,
    OUT_OF_CREDIT,
    Cut,
    Failure,
    Hang,
    Message,
    Patch,
    Refusal,
    ResponsesServer,
    Shell,
    Turn,
)
from overnight.types import Draft, Usage

pytestmark = [pytest.mark.codex, pytest.mark.usefixtures("no_keys")]

ANSWER = {
    "title": "Answer one",
    "rationale": "Zero is wrong.",
    "target": "loss",
    "expected_effect": "-1 loss",
}
DONE = Message(json.dumps(ANSWER))
EDIT = Shell("echo 1 > answer.txt")
NO_SANDBOX = "danger-full-access"
slow = partial(pytest.param, marks=pytest.mark.slow)


class Study:
    """Codex at a desk, with a scripted endpoint."""

    def __init__(self, desk: Desk, server: ResponsesServer, binary: Path) -> None:
        self.desk = desk
        self.server = server
        self.binary = str(binary)

    def propose(
        self,
        *script: Turn,
        options: Mapping[str, Any] | None = None,
        brief: str = "# Trial 7\n",
        **settings: Any,
    ) -> Draft:
        if script:
            self.server.play(script)
        chosen = self.server.codex_options() if options is None else options
        researcher = CodexResearcher(
            ResearcherSettings(
                "codex", MODEL, options={"binary": self.binary, **chosen}, **settings
            )
        )
        return researcher.propose(self.desk.assignment(brief))

    def refused(self, *script: Turn, **others: Any) -> ResearcherError:
        with pytest.raises(ResearcherError) as caught:
            self.propose(*script, **others)
        return caught.value

    def answer(self, request: int = -1) -> str:
        """What the agent's last command printed, as the model was told."""
        outputs = [
            item["output"]
            for item in self.server.requests[request].body["input"]
            if item["type"] == "function_call_output"
        ]
        return str(outputs[-1])


@pytest.fixture
def study(
    tmp_path: Path, server: ResponsesServer, codex_binary: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Study]:
    desk = Desk(tmp_path, {"answer.txt": "0\n", "notes.md": "old\n"})
    # The user's shell start-up files are theirs; what they cost is no part of these tests.
    monkeypatch.setenv("HOME", str(desk.elsewhere))
    with desk.processes:
        yield Study(desk, server, codex_binary)
        assert desk.left_running() == []


def test_a_proposal_from_brief_to_draft(study: Study) -> None:
    patch = Patch("*** Begin Patch\n*** Update File: notes.md\n-old\n+new\n*** End Patch")
    brief = "# Trial 7\n\nThe loss is 3.5; “make it lower”.\n"
    draft = study.propose(EDIT, patch, DONE, brief=brief)

    assert draft.title == "Answer one"
    assert draft.rationale == "Zero is wrong.\n\nExpected effect: -1 loss"
    assert draft.usage == Usage(300, 60, 30, 9)
    assert sorted(study.desk.changed_paths()) == ["answer.txt", "notes.md"]

    first = study.server.requests[0]
    assert "“make it lower”" in first.text
    assert "You are a researcher in a study" in first.text
    assert first.bearer is None
    assert first.body["model"] == MODEL
    properties = first.body["text"]["format"]["schema"]["properties"]
    assert set(properties) == set(ANSWER)

    events = (study.desk.trial_dir / EVENTS_FILE).read_text().splitlines()
    assert json.loads(events[-1])["type"] == "turn.completed"
    assert (study.desk.trial_dir / ERRORS_FILE).exists()
    assert list(study.desk.home.iterdir()) == [], "Codex's home goes with the proposal"


def test_brief_longer_than_an_argument_can_be(study: Study) -> None:
    study.propose(DONE, brief="x" * 400_000)
    assert "x" * 400_000 in study.server.requests[0].text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Just words.\nMore of them.",
        pytest.param('{"title": "cut o', marks=pytest.mark.slow),
        pytest.param("[1, 2]", marks=pytest.mark.slow),
    ],
)
def test_last_message_that_is_no_json(study: Study, text: str) -> None:
    draft = study.propose(EDIT, Message(text))
    assert draft.title == (text.splitlines()[0] if text else "An untitled change")
    assert study.desk.changed_paths() == ["answer.txt"]


def test_usage_that_the_endpoint_keeps_to_itself_is_unknown(study: Study) -> None:
    assert study.propose(Message("{}", usage=None)).usage == Usage()


def test_huge_usage_is_passed_on(study: Study) -> None:
    huge = Usage(10_000_000, 0, 1_000_000, 0)
    assert study.propose(Message("{}", huge)).usage == huge


@pytest.mark.parametrize(
    ("turn", "kind", "words"),
    [
        (Refusal(400, "Unknown parameter."), RequestRejected, "Unknown parameter."),
        (Refusal(400, "x", code="context_length_exceeded"), RequestRejected, "ran out of room"),
        (Refusal(401, "Wrong key."), AuthenticationFailed, "Wrong key."),
        slow(Refusal(403), AuthenticationFailed, "403"),
        slow(Refusal(404, "No such model."), RequestRejected, "No such model."),
        slow(Refusal(429), RateLimited, "429"),
        (Refusal(429, retry_after_s=1), RateLimited, "429"),
        (OUT_OF_CREDIT, QuotaExhausted, "Quota exceeded"),
        (Refusal(500), ServerFailed, "high demand"),
        slow(Refusal(503), ServerFailed, "503"),
        (Failure("busy", code="server_is_overloaded"), ServerFailed, "at capacity"),
        (Failure("boom"), StreamCut, "boom"),
        (Cut(), StreamCut, "stream closed"),
        slow(Cut(begun=False), ServerFailed, "error sending request"),
    ],
    ids=lambda value: re.sub(r"\W+", "-", str(value)),
)
def test_fault_of_the_endpoint(
    study: Study, turn: Turn, kind: type[ResearcherError], words: str
) -> None:
    error = study.refused(turn)
    assert type(error) is kind
    assert words in error.message
    assert len(study.server.requests) == 1


def test_delay_that_the_endpoint_asks_for(study: Study) -> None:
    failure = Failure("Please try again in 2.5s.", code="rate_limit_exceeded")
    error = study.refused(failure)
    assert isinstance(error, RateLimited)
    assert error.retry_after_s == 2.5


def test_fault_that_a_retry_mends(study: Study) -> None:
    options = study.server.codex_options(request_retries=1, stream_retries=1)
    draft = study.propose(Refusal(500), Cut(), EDIT, DONE, options=options)
    assert (draft.title, len(study.server.requests)) == ("Answer one", 4)


def test_hang_before_headers_is_ended_by_its_silence(study: Study) -> None:
    error = study.refused(EDIT, Hang(), silence_s=2.0)
    assert type(error) is AgentHung
    assert error.usage == Usage(100, 20, 10, 3), "what was used before counts"


def test_hang_within_the_stream(study: Study) -> None:
    options = study.server.codex_options(stream_idle_s=0.5)
    error = study.refused(Hang(begun=True), options=options)
    assert type(error) is StreamCut
    assert "idle timeout" in error.message


def test_refused_connection(study: Study) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{reserved.getsockname()[1]}/v1"
        error = study.refused(options=study.server.codex_options(base_url=url))
    assert type(error) is ServerFailed
    assert error.retryable


def test_crash_by_a_signal(study: Study) -> None:
    options = study.server.codex_options(sandbox=NO_SANDBOX)
    error = study.refused(EDIT, Shell("kill -KILL $PPID; sleep 300"), options=options)
    assert type(error) is AgentCrashed
    assert f"signal {signal.SIGKILL.value}" in error.message
    assert error.usage == Usage(200, 40, 20, 6)


def test_nothing_survives_without_a_sandbox(study: Study) -> None:
    options = study.server.codex_options(sandbox=NO_SANDBOX)
    study.propose(Shell("(setsid sleep 300 > /dev/null 2>&1 &)"), DONE, options=options)
    assert study.desk.left_running() == []


def test_configuration_that_codex_refuses(study: Study) -> None:
    options = study.server.codex_options(config={"model_reasoning_effort": ["high"]})
    error = study.refused(options=options)
    assert type(error) is AgentMisconfigured
    assert "model_reasoning_effort" in error.message


def test_key_of_an_endpoint_reaches_it_and_no_command(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", "secret-one")
    monkeypatch.setenv("MY_DATA", "/data")
    monkeypatch.setenv("OTHER", "unseen")
    options = study.server.codex_options(env_key="MY_KEY", env=["MY_DATA"])
    study.propose(Shell("env"), DONE, options=options)
    assert study.server.requests[0].bearer == "secret-one"
    printed = study.answer()
    assert "MY_DATA=/data" in printed
    assert "OVERNIGHT_RUN_TOKEN=" in printed
    assert "secret-one" not in printed
    assert "unseen" not in printed


def test_missing_key_is_noticed_before_anything_starts(study: Study) -> None:
    error = study.refused(options=study.server.codex_options(env_key="MY_KEY"))
    assert type(error) is AuthenticationFailed
    assert "MY_KEY" in error.message
    assert not (study.desk.trial_dir / EVENTS_FILE).exists()


# OpenAI's own provider, led to the scripted endpoint.


def own_endpoint(server: ResponsesServer, **others: Any) -> dict[str, Any]:
    return {"config": {"openai_base_url": server.base_url}, **others}


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "CODEX_API_KEY"])
def test_key_for_openai(study: Study, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "secret-two")
    study.propose(Shell("env"), DONE, options=own_endpoint(study.server))
    assert study.server.requests[0].bearer == "secret-two"
    assert "secret-two" not in study.answer()


@pytest.fixture
def login(study: Study) -> Path:
    """The user's login, as `codex login --with-api-key` writes it."""
    file = study.desk.elsewhere / ".codex" / "auth.json"
    file.parent.mkdir()
    file.write_text(json.dumps({"auth_mode": "apikey", "OPENAI_API_KEY": "secret-three"}))
    file.chmod(0o600)
    return file


def test_login_without_a_key(study: Study, login: Path) -> None:
    before = (login.read_bytes(), login.stat().st_mtime_ns)
    study.propose(DONE, options=own_endpoint(study.server))
    assert study.server.requests[0].bearer == "secret-three"
    assert (login.read_bytes(), login.stat().st_mtime_ns) == before
    assert list(login.parent.iterdir()) == [login]
    copy = study.desk.home / LOGIN_FILE
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600


def test_login_that_was_renewed_is_used_again_until_the_users_is_newer(
    study: Study, login: Path
) -> None:
    def bearer() -> str | None:
        study.propose(DONE, options=own_endpoint(study.server))
        return study.server.requests[-1].bearer

    assert bearer() == "secret-three"
    copy = study.desk.home / LOGIN_FILE
    copy.write_text(login.read_text().replace("three", "four"))
    assert bearer() == "secret-four"
    login.write_text(login.read_text().replace("three", "five"))
    assert bearer() == "secret-five"


def test_login_before_a_key(study: Study, login: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret-two")
    study.propose(DONE, options=own_endpoint(study.server, login=True))
    assert study.server.requests[0].bearer == "secret-three"


def test_neither_key_nor_login(study: Study) -> None:
    error = study.refused(options=own_endpoint(study.server))
    assert type(error) is AuthenticationFailed
    assert "codex login" in (error.fix or "")


# What the agent can and cannot do.


def test_settings_that_the_repository_brings_are_ignored(study: Study) -> None:
    settings = study.desk.workspace / ".codex" / "config.toml"
    settings.parent.mkdir()
    settings.write_text(f'model = "other"\nsandbox_mode = "{NO_SANDBOX}"\n')
    outside = study.desk.elsewhere / "file"
    study.propose(Shell(f"echo 1 > {outside}"), DONE)
    assert study.server.requests[0].body["model"] == MODEL
    assert not outside.exists()


def test_sandbox_keeps_commands_in_the_clone(study: Study) -> None:
    git = study.desk.workspace / ".git" / "made"
    tmp = Path("/tmp") / f"overnight-{os.getpid()}"  # noqa: S108  # whether it can be written is the test
    outside = study.desk.elsewhere / "made"
    study.propose(Shell(f'touch {git} {tmp} {outside}; touch "$TMPDIR/made" && echo fine'), DONE)
    assert "fine" in study.answer()
    assert [path for path in (git, tmp, outside) if path.exists()] == []


def test_prompt_of_the_users(study: Study) -> None:
    (study.desk.home / "mine.md").write_text("Be bold.")
    options = study.server.codex_options(prompt="mine.md")
    study.propose(DONE, options=options, root=study.desk.home)
    assert "Be bold." in study.server.requests[0].text
    assert "You are a researcher in a study" not in study.server.requests[0].text


def test_stop_reaches_a_command_of_the_agents(study: Study) -> None:
    study.server.play([Shell("sleep 300"), DONE])

    def stop_when_asked() -> None:
        study.server.wait_for_requests(1)
        study.desk.stop.set()

    thread = threading.Thread(target=stop_when_asked)
    thread.start()
    with pytest.raises(Exception, match="Stopped while Codex"):
        study.propose()
    thread.join()


def test_version(codex_binary: Path) -> None:
    researcher = CodexResearcher(ResearcherSettings("codex", options={"binary": str(codex_binary)}))
    assert researcher.version() == f"codex-cli {TESTED_VERSION}"
