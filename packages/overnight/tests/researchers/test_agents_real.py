"""What the real programs of agents do at a desk, with a scripted endpoint.

Each test is skipped where its program is not on PATH.
"""

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from overnight.errors import (
    AgentHung,
    AuthenticationFailed,
    QuotaExhausted,
    RateLimited,
    RequestRejected,
    ResearcherError,
    ServerFailed,
    StreamCut,
)
from overnight.ledger.queries import LedgerReader
from overnight.night import run_night
from overnight.progress import Silent
from overnight.researchers.base import Askable
from overnight.researchers.registry import create
from overnight.testing.researcher_contract import Desk
from overnight.testing.responses import (
    OUT_OF_CREDIT,
    USAGE,
    Cut,
    Failure,
    Hang,
    Message,
    Refusal,
    ResponsesServer,
    Shell,
    Turn,
)
from overnight.testing.studies import TRAIN, make_study, prints
from overnight.types import Draft, Verdict

from .agents import AGENTS, RealAgent, answer

pytestmark = [pytest.mark.agents, pytest.mark.usefixtures("no_keys")]


class Study:
    """An agent at a desk, with a scripted endpoint."""

    def __init__(self, agent: RealAgent, desk: Desk, server: ResponsesServer) -> None:
        self.agent = agent
        self.desk = desk
        self.server = server

    def propose(self, *script: Turn, brief: str = "# Trial 7\n", **settings: Any) -> Draft:
        self.server.play(script)
        researcher = create(self.agent.settings(self.server, **settings))
        return researcher.propose(self.desk.assignment(brief))

    def refused(self, *script: Turn, **settings: Any) -> ResearcherError:
        with pytest.raises(ResearcherError) as caught:
            self.propose(*script, **settings)
        return caught.value


@pytest.fixture(params=AGENTS)
def agent(request: pytest.FixtureRequest) -> RealAgent:
    found = AGENTS[request.param]
    found.require()
    return found


@pytest.fixture
def study(
    agent: RealAgent, tmp_path: Path, server: ResponsesServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Study]:
    desk = Desk(tmp_path, {"answer.txt": "0\n", "notes.md": "old\n"})
    monkeypatch.setenv("HOME", str(desk.elsewhere))
    monkeypatch.setenv("IS_SANDBOX", "1")
    with desk.processes:
        yield Study(agent, desk, server)
        assert desk.left_running() == []


def only(*kinds: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("agent", kinds, indirect=True)


def test_a_proposal_from_brief_to_draft(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "secret-one")
    turns = study.agent.proposal("Answer one")
    brief = "# Trial 7\n\nThe loss is 3.5; “make it lower”.\n" + "so it is " * 20_000
    draft = study.propose(*turns, brief=brief, options={"env_key": "MY_KEY"})

    assert draft.title == "Answer one"
    assert draft.rationale.startswith(
        "Answer one\n\nBecause" if study.agent.kind == "aider" else "r"
    )
    assert study.desk.changed_paths() == ["answer.txt"]
    counted = draft.usage
    assert (counted.input_tokens, counted.output_tokens) == (100 * len(turns), 10 * len(turns))
    if study.agent.kind != "aider":
        assert draft.commands[0].startswith("echo 1 > answer.txt")

    first = study.server.requests[0]
    assert first.key == "secret-one"
    assert "“make it lower”" in first.text
    assert "so it is " * 20_000 in first.text
    assert "a study that runs by itself" in first.text
    assert len(study.server.requests) == len(turns)
    assert not list(study.desk.home.glob("agent-*")), "its home goes with the call"
    left = b"".join(path.read_bytes() for path in study.desk.trial_dir.iterdir())
    assert b"secret-one" not in left


def test_a_missing_key_is_noticed_before_anything_starts(study: Study) -> None:
    error = study.refused(Message(""), options={"env_key": "MY_KEY"})
    assert (type(error), "MY_KEY" in error.message) == (AuthenticationFailed, True)
    assert study.server.requests == []


@pytest.mark.parametrize(
    ("turn", "kind"),
    [(Refusal(401, "Wrong key."), AuthenticationFailed), (Refusal(404, "None."), RequestRejected)],
    ids=["401", "404"],
)
def test_fault_of_the_endpoint(turn: Turn, kind: type[ResearcherError], study: Study) -> None:
    assert type(study.refused(turn)) is kind


@only("claude")
@pytest.mark.parametrize(
    ("turn", "kind", "words"),
    [
        (Refusal(400, "Unknown parameter."), RequestRejected, "Unknown parameter."),
        (Refusal(403), AuthenticationFailed, "403"),
        (Refusal(429), RateLimited, "429"),
        (OUT_OF_CREDIT, QuotaExhausted, "quota"),
        (Refusal(500), ServerFailed, "500"),
        (Failure("boom"), ServerFailed, "boom"),
        (Cut(), ServerFailed, "Unable to connect"),
        (Cut(begun=False), ServerFailed, "Unable to connect"),
        (Message("", cut_short=True), RequestRejected, "output token maximum"),
    ],
    ids=lambda value: re.sub(r"\W+", "-", str(value))[:60],
)
def test_fault_told_to_claude(
    turn: Turn, kind: type[ResearcherError], words: str, study: Study
) -> None:
    error = study.refused(turn)
    assert (type(error), words in error.message) == (kind, True)


@only("gemini")
def test_an_answer_that_breaks_off_for_gemini(study: Study) -> None:
    assert type(study.refused(Cut())) is StreamCut


@only("mini-swe-agent")
def test_trouble_that_mini_swe_agent_has_names_for(study: Study) -> None:
    error = study.refused(Refusal(400, "Unknown parameter."), silence_s=60.0)
    assert (type(error), "Unknown parameter." in error.message) == (RequestRejected, True)


@only("claude", "opencode")
def test_what_was_retried_without_end_is_named(study: Study) -> None:
    error = study.refused(
        OUT_OF_CREDIT,
        silence_s=15.0,
        options={"request_retries": 9} if study.agent.kind == "claude" else {},
    )
    assert type(error) is QuotaExhausted or type(error) is RateLimited


def test_a_hang_is_ended_by_its_silence(study: Study) -> None:
    assert type(study.refused(Hang(), silence_s=20.0)) is AgentHung


@only("claude", "gemini", "opencode")
def test_what_was_used_before_a_hang_counts_where_it_is_told(study: Study) -> None:
    error = study.refused(Shell("true"), Hang(), silence_s=15.0)
    used = error.usage
    counts = None if used is None else (used.input_tokens, used.output_tokens)
    assert counts == (None if study.agent.kind == "gemini" else (100, 10))


@only("mini-swe-agent")
def test_the_answer_may_be_in_its_file_and_no_command_sees_the_key(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", "secret-one")
    leave = f"""cat > "$TMPDIR/../answer.txt" <<'END'\n{answer("In a file")}\nEND"""
    submit = Shell("echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT")
    look = Shell("echo 1 > answer.txt; env")
    draft = study.propose(look, Shell(leave), submit, options={"env_key": "MY_KEY"})
    assert draft.title == "In a file"
    assert "OVERNIGHT_RUN_TOKEN" in study.server.requests[1].text
    assert "secret-one" not in study.server.requests[1].text


def test_a_question(study: Study) -> None:
    study.server.play(study.agent.proposal("ok")[1:] or [Message("ok")])
    researcher = create(study.agent.settings(study.server))
    assert isinstance(researcher, Askable)
    assert "ok" in researcher.ask("Say ok.", study.desk.assignment())


def test_a_night_in_the_sandbox(
    agent: RealAgent, tmp_path: Path, server: ResponsesServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OVERNIGHT_WORK", str(tmp_path / "work"))
    settings = agent.settings(server)
    confined = {
        name: value
        for name, value in (settings.options or {}).items()
        if name not in {"permissions", "env"}
    }
    study = make_study(
        tmp_path / "study",
        researcher={"kind": agent.kind, "model": agent.model, "options": confined},
        sandbox={"kind": "bubblewrap"},
        budget={"trials": 1},
    )
    server.play(_lowering(agent, prints(0.5).strip()))
    run_night(study.load(), Silent())
    [_, trial] = study.trials()
    assert (trial.verdict, trial.title) == (Verdict.KEEP, "Half")
    assert study.git("show", f"overnight/tiny:{TRAIN}") == prints(0.5).strip()
    with closing(LedgerReader(study.layout.ledger)) as reader:
        [call] = reader.attempts(1)
    assert call.usage.total_tokens >= USAGE.total_tokens
    assert "example.org:443" in call.refused or agent.kind == "aider", "aider runs no commands"


def _lowering(agent: RealAgent, line: str) -> list[Turn]:
    """The model's turns, with a better value in place of the answer."""
    turns = agent.proposal("Half")
    if isinstance(turns[0], Shell):
        look = "curl -sS https://example.org"
        return [Shell(f"{look}; cat > {TRAIN} <<'END'\n{line}\nEND"), *turns[1:]]
    block = f"<<<<<<< SEARCH\n{prints(1.0)}=======\n{line}\n>>>>>>> REPLACE"
    return [Message(f"Half\n\n{TRAIN}\n```\n{block}\n```\n")]
