"""A model behind an endpoint, without an agent: the real client against a scripted server."""

import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from overnight.errors import (
    AgentCrashed,
    AgentHung,
    AgentMisconfigured,
    AgentTimedOut,
    AuthenticationFailed,
    ResearcherError,
    ServerFailed,
    StreamCut,
)
from overnight.night import run_night
from overnight.patterns import PathPatterns
from overnight.progress import Silent
from overnight.researchers.base import (
    AgentFacts,
    Askable,
    Examinable,
    Researcher,
    ResearcherSettings,
)
from overnight.researchers.chat.researcher import create
from overnight.testing.researcher_contract import Desk, ResearcherContract
from overnight.testing.responses import (
    MODEL,
    USAGE,
    Cut,
    Hang,
    Message,
    Raw,
    Refusal,
    ResponsesServer,
    Turn,
)
from overnight.testing.studies import TRAIN, make_study
from overnight.types import Draft, SandboxKind, Usage, Verdict

pytestmark = pytest.mark.usefixtures("no_keys")


def answer(search: str, replace: str, *, path: str = "answer.txt", **words: str) -> str:
    told = json.dumps({"title": "Answer one", "rationale": "Zero is wrong.", **words})
    block = f"<<<<<<< SEARCH\n{search}\n=======\n{replace}\n>>>>>>> REPLACE"
    return f"{told}\n\n{path}\n```\n{block}\n```\n"


DONE = Message(answer("0", "1"))


class TestChatContract(ResearcherContract):
    @pytest.fixture(autouse=True)
    def _endpoint(self, server: ResponsesServer) -> None:
        self.server = server

    def _chat(self, *script: Turn, **settings: Any) -> Researcher:
        self.server.play(script)
        options: dict[str, Any] = {"base_url": self.server.base_url, "retries": 0}
        return create(ResearcherSettings("chat", MODEL, options=options, **settings))

    def editing(self, *, title: str) -> Researcher:
        return self._chat(Message(answer("0", "1", title=title)))

    def failing(self) -> Researcher:
        return self._chat(Refusal(500))

    def waiting(self, *, deadline_s: float) -> Researcher:
        return self._chat(Hang(), deadline_s=deadline_s)


class Study:
    def __init__(self, desk: Desk, server: ResponsesServer) -> None:
        self.desk = desk
        self.server = server

    def propose(
        self, *script: Turn, options: Any = None, brief: str = "# Trial 7\n", **settings: Any
    ) -> Draft:
        self.server.play(script)
        chosen = {"base_url": self.server.base_url, "retries": 0, **(options or {})}
        researcher = create(ResearcherSettings("chat", MODEL, options=chosen, **settings))
        return researcher.propose(self.desk.assignment(brief))

    def refused(self, *script: Turn, **others: Any) -> ResearcherError:
        with pytest.raises(ResearcherError) as caught:
            self.propose(*script, **others)
        assert self.desk.changed_paths() == [], "half a change is none"
        return caught.value

    def said(self, request: int) -> list[dict[str, str]]:
        messages: list[dict[str, str]] = self.server.requests[request].body["messages"]
        return messages


@pytest.fixture
def study(tmp_path: Path, server: ResponsesServer) -> Iterator[Study]:
    desk = Desk(tmp_path, {"answer.txt": "0\n", "notes.md": "old\n"})
    with desk.processes:
        yield Study(desk, server)
        assert desk.left_running() == []


def test_a_proposal_from_brief_to_draft(study: Study) -> None:
    draft = study.propose(DONE, brief="# Trial 7\n\nThe loss is 3.5; “make it lower”.\n")
    assert (draft.title, draft.rationale, draft.usage) == ("Answer one", "Zero is wrong.", USAGE)
    assert study.desk.changed_paths() == ["answer.txt"]
    assert (study.desk.workspace / "answer.txt").read_text() == "1\n"
    [request] = study.server.requests
    assert (request.path, request.bearer) == ("/v1/chat/completions", None)
    assert request.body["stream"] is True
    system, user = study.said(0)
    assert "You are a researcher in a study" in system["content"]
    assert "“make it lower”" in user["content"]
    assert "answer.txt\n```\n0\n```" in user["content"]
    assert list(study.desk.home.iterdir()) == []


def test_edits_that_do_not_fit_are_told_and_mended(study: Study) -> None:
    good, bad = answer("old", "new", path="notes.md"), answer("7", "1")
    draft = study.propose(Message(good + bad), DONE)
    assert sorted(study.desk.changed_paths()) == ["answer.txt", "notes.md"]
    assert draft.usage == Usage(200, 40, 20, 6)
    *_, mine, told = study.said(1)
    assert mine == {"role": "assistant", "content": good + bad}
    assert "its first half is not in the file" in told["content"]
    assert "notes.md" not in told["content"]
    assert sorted(path.name for path in study.desk.trial_dir.glob("*.jsonl")) == [
        "agent-2.jsonl",
        "agent.jsonl",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("", "holds no edit", marks=pytest.mark.slow),
        (answer("0", "1", path="../elsewhere/made"), "none of a plain file"),
        pytest.param(
            "answer.txt\n<<<<<<< SEARCH\n0\n=======\n1",
            "the answer ends before",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_answers_that_are_unusable(text: str, words: str, study: Study) -> None:
    error = study.refused(Message(text), options={"repairs": 0})
    assert (type(error), error.usage) == (AgentCrashed, USAGE)
    assert words in error.message


def test_repairs_come_to_an_end(study: Study) -> None:
    error = study.refused(Message("I would change nothing."), options={"repairs": 1})
    assert (type(error), error.usage) == (AgentCrashed, Usage(200, 40, 20, 6))
    assert "holds no edit" in study.said(1)[-1]["content"]
    assert len(study.server.requests) == 2


def test_usage_that_the_endpoint_keeps_to_itself_is_unknown(study: Study) -> None:
    assert study.propose(Message(DONE.text, usage=None)).usage == Usage()


@pytest.mark.parametrize(
    ("turn", "kind"),
    [
        pytest.param(Refusal(401), AuthenticationFailed, id="refused", marks=pytest.mark.slow),
        pytest.param(Cut(), StreamCut, id="cut"),
        pytest.param(Raw(b"data: x\n\n"), AgentCrashed, id="nonsense"),
    ],
)
def test_fault_of_the_endpoint(study: Study, turn: Turn, kind: type[ResearcherError]) -> None:
    assert type(study.refused(turn)) is kind
    assert len(study.server.requests) == 1


def test_a_fault_in_a_repair_keeps_account_of_what_was_used(study: Study) -> None:
    error = study.refused(Message("nothing"), Refusal(500))
    assert (type(error), error.usage) == (ServerFailed, USAGE)


@pytest.mark.parametrize(
    "turn",
    [
        pytest.param(Hang(), id="before", marks=pytest.mark.slow),
        pytest.param(Hang(begun=True), id="within"),
    ],
)
def test_a_hang_is_ended_by_its_silence(turn: Hang, study: Study) -> None:
    assert type(study.refused(turn, silence_s=2.0)) is AgentHung


def test_repairs_share_the_deadline(study: Study) -> None:
    error = study.refused(Message("nothing"), Hang(), deadline_s=5.0)
    assert (type(error), error.usage) == (AgentTimedOut, USAGE)


def test_refused_connection(study: Study) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{reserved.getsockname()[1]}/v1"
        error = study.refused(DONE, options={"base_url": url})
    assert type(error) is ServerFailed


def test_key_and_parameters(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"env_key": "MY_KEY", "parameters": {"temperature": 0.5, "top_k": 20}}
    assert type(study.refused(DONE, options=options)) is AuthenticationFailed
    monkeypatch.setenv("MY_KEY", "secret-one")
    study.propose(DONE, options=options)
    [request] = study.server.requests
    assert request.bearer == "secret-one"
    assert (request.body["temperature"], request.body["top_k"]) == (0.5, 20)
    left = "".join(path.read_text() for path in study.desk.trial_dir.iterdir())
    assert "secret-one" not in left


def test_files_beside_the_editable_ones(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = study.desk.assignment
    narrow = PathPatterns(["answer.txt"])
    monkeypatch.setattr(study.desk, "assignment", lambda it: replace(whole(it), editable=narrow))
    study.propose(DONE, options={"show": ["notes.md"]})
    _, user = study.said(0)
    mine, _, others = user["content"].partition("# Files to read")
    assert "notes.md" not in mine
    assert "notes.md\n```\nold\n```" in others
    study.desk.start_over()
    error = study.refused(Message(answer("old", "new", path="notes.md")), options={"repairs": 0})
    assert "may not be changed" in error.message


def test_prompt_of_the_users(study: Study) -> None:
    (study.desk.home / "mine.md").write_text("Be bold.")
    study.propose(DONE, options={"prompt": "mine.md"}, root=study.desk.home)
    assert study.said(0)[0]["content"] == "Be bold."


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"base_ur": "x"}, "Did you mean 'base_url'"),
        ({"base_url": "localhost"}, "options.base_url"),
        ({"parameters": {"stream": False}}, "stream is not yours"),
        ({"repairs": 99}, "options.repairs"),
        ({"prompt": "missing.md"}, "cannot be read"),
    ],
)
def test_settings_that_cannot_work(options: Any, words: str) -> None:
    with pytest.raises(AgentMisconfigured, match=words):
        create(ResearcherSettings("chat", MODEL, options=options))


def test_a_model_is_needed() -> None:
    with pytest.raises(AgentMisconfigured, match=r"researcher\.model is missing"):
        create(ResearcherSettings("chat"))


def test_what_the_doctor_asks(
    study: Study, server: ResponsesServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    openais = create(ResearcherSettings("chat", MODEL))
    assert isinstance(openais, Examinable)
    assert isinstance(openais, Askable)
    facts: AgentFacts = openais.facts(SandboxKind.NONE)
    assert (facts.needs.hosts, facts.cautions) == (("https://api.openai.com/v1",), [])
    with pytest.raises(AuthenticationFailed, match="OPENAI_API_KEY"):
        openais.key()
    monkeypatch.setenv("OPENAI_API_KEY", "'quoted'")
    with pytest.raises(AuthenticationFailed, match="quotation marks"):
        openais.key()
    server.play([Message("OK")])
    local = create(ResearcherSettings("chat", MODEL, options={"base_url": server.base_url}))
    assert isinstance(local, Askable)
    assert local.ask("Are you there?", study.desk.assignment()) == "OK"


@pytest.mark.parametrize(
    "sandbox",
    [SandboxKind.BUBBLEWRAP, pytest.param(SandboxKind.NONE, marks=pytest.mark.slow)],
)
def test_a_night(
    sandbox: SandboxKind, tmp_path: Path, server: ResponsesServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OVERNIGHT_WORK", str(tmp_path / "work"))
    made = make_study(
        tmp_path / "study",
        researcher={
            "kind": "chat",
            "model": MODEL,
            "attempts": 1,
            "options": {"base_url": server.base_url},
            "price": {"input": 1.0, "output": 10.0},
        },
        sandbox={"kind": str(sandbox)},
        budget={"trials": 1, "money_usd": 1.0},
    )
    server.play([Message(answer("echo 'val_loss: 1.0'", "echo 'val_loss: 0.5'", path=TRAIN))])
    end = run_night(made.load(), Silent())
    [_, trial] = made.trials()
    assert (trial.verdict, trial.title) == (Verdict.KEEP, "Answer one")
    assert end.spent.money_usd == pytest.approx(200e-6)
