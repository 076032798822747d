"""The researcher and its agent; programs, keys and endpoints that are really not there."""

from pathlib import Path
from typing import Any, ClassVar

import pytest

from overnight.doctor import Status
from overnight.doctor.checks.agent import judge_options
from overnight.researchers.base import AgentFacts
from overnight.researchers.scripted import Step
from overnight.testing.studies import TRAIN, prints

from .conftest import Examine, ExamineAll, Make

BUBBLEWRAP = {"kind": "bubblewrap"}


def command(line: object) -> dict[str, object]:
    return {"kind": "command", "options": {"command": line}}


def test_a_kind_that_is_not_known(make: Make, examine: Examine) -> None:
    result = examine(make(researcher={"kind": "codx", "options": {}}), "agent.kind")
    assert result.status is Status.FAILED
    assert result.fix == "Did you mean 'codex'?"


def test_options_that_cannot_work(make: Make, examine_all: ExamineAll) -> None:
    found = examine_all(make(researcher={"kind": "codex", "options": {"sandbx": "x"}}), "agent")
    assert "Did you mean 'sandbox'?" in found["agent.kind"].fix
    assert found["agent.key"].finding == "It needs what agent.kind found broken."


def test_constants_for_tune(make: Make, examine: Examine) -> None:
    tables = {"researcher": {"kind": "tune", "options": {}}, "scope": {"editable": ["*.py"]}}
    study = make({"train.py": "LEARNING_RATE = 0.1\n"}, **tables)
    result = examine(study, "agent.proposes")
    assert (result.status, "LEARNING_RATE" in result.finding) == (Status.OK, True)
    study.commit({"train.py": "print(1)\n"})
    result = examine(study, "agent.proposes")
    assert (result.status, "finds no constant" in result.finding) == (Status.FAILED, True)


def test_a_source_to_replay_that_is_not_there(make: Make, examine: Examine) -> None:
    study = make(researcher={"kind": "replay", "options": {"source": "../nowhere"}})
    result = examine(study, "agent.kind")
    assert (result.status, "folder of patches" in result.fix) == (Status.FAILED, True)


def test_a_script_that_is_used_up(make: Make, examine: Examine) -> None:
    steps = [{"title": "better", "write": {TRAIN: prints(0.5)}}]
    study = make(researcher={"options": {"steps": steps}})
    assert examine(study, "agent.proposes").finding == "scripted would propose: better."
    study.run([Step("better", edits={TRAIN: prints(0.5)})])
    assert examine(study, "agent.proposes").finding == "Every scripted step has been made."


def test_a_command_that_is_not_installed(make: Make, examine: Examine) -> None:
    result = examine(make(researcher=command("KEY=1 no-such-agent --fast")), "agent.program")
    assert result.status is Status.FAILED
    assert result.finding == "no-such-agent, which the researcher starts, is not installed."


def test_a_command_that_the_sandbox_hides(make: Make, examine: Examine, home: Path) -> None:
    agent = home / "agent"
    agent.write_text("#!/bin/sh\n")
    agent.chmod(0o755)
    study = make(researcher=command([str(agent)]), sandbox=BUBBLEWRAP)
    result = examine(study, "agent.program")
    assert (result.status, result.fix) == (Status.FAILED, f'Add "{home}" to sandbox.read.')
    study.configure(researcher=command([str(agent)]), sandbox={**BUBBLEWRAP, "read": [str(agent)]})
    assert examine(study, "agent.program").status is Status.OK


def test_a_command_has_no_key_and_no_question(make: Make, examine_all: ExamineAll) -> None:
    found = examine_all(make(researcher=command("true")), "agent", call=True)
    assert found["agent.key"].finding == "The agent needs no key of ours."
    assert found["agent.call"].status is Status.SKIPPED
    assert found["agent.endpoint"].status is Status.SKIPPED


@pytest.mark.parametrize("sandbox", [{"kind": "none"}, BUBBLEWRAP])
def test_an_agents_own_commits_are_nobodys(
    sandbox: Any, make: Make, examine: Examine, home: Path
) -> None:
    (home / ".gitconfig").write_text("[user]\nname = Somebody\nemail = s@localhost\n")
    study = make(researcher=command("true"), sandbox=sandbox)
    assert "researcher <researcher@localhost>" in examine(study, "agent.identity").finding


def test_options_that_an_agent_has_lost() -> None:
    facts = AgentFacts(["agent"], tested="1.2", options=("--json", "--model"))
    assert judge_options("  --json  as JSON\n  -m, --model <MODEL>", facts).status is Status.OK
    judged = judge_options("  --json-lines  as JSON\n  --model", facts)
    assert (judged.status, judged.fix) == (Status.FAILED, "Install 1.2.")
    assert "--json " in judged.finding


@pytest.mark.usefixtures("no_keys")
class TestCodexKeys:
    """Needs no Codex: where its key comes from is ours to know."""

    researcher: ClassVar = {"kind": "codex", "options": {}}

    def test_no_key_at_all(self, make: Make, examine: Examine) -> None:
        result = examine(make(researcher=self.researcher), "agent.key")
        assert result.status is Status.FAILED
        assert "Set CODEX_API_KEY or OPENAI_API_KEY" in result.fix

    def test_a_key_that_only_interactive_shells_have(
        self, make: Make, examine: Examine, home: Path
    ) -> None:
        (home / ".bashrc").write_text("alias x=y\nexport OPENAI_API_KEY=sk-secret\n")
        result = examine(make(researcher=self.researcher), "agent.key")
        assert result.status is Status.FAILED
        assert ".bashrc sets one, but only interactive shells read that." in result.finding
        assert "sk-secret" not in str(result)

    def test_the_variable_that_codex_ignores_is_handed_over(
        self, make: Make, examine: Examine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
        study = make(researcher=self.researcher)
        result = examine(study, "agent.key")
        assert result.finding == (
            "The key comes from OPENAI_API_KEY, handed to Codex as CODEX_API_KEY, the only one"
            " that it reads."
        )
        monkeypatch.setenv("CODEX_API_KEY", "sk-other")
        assert examine(study, "agent.key").finding == "The key comes from CODEX_API_KEY."

    @pytest.mark.parametrize("key", ['"sk-secret"', "sk-secret\n", " sk-secret"])
    def test_a_key_with_something_around_it(
        self, key: str, make: Make, examine: Examine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("CODEX_API_KEY", key)
        result = examine(make(researcher=self.researcher), "agent.key")
        assert result.status is Status.FAILED
        assert "blanks or quotation marks" in result.finding
        assert "secret" not in str(result)

    def test_a_login(self, make: Make, examine: Examine, home: Path) -> None:
        (home / ".codex").mkdir()
        (home / ".codex" / "auth.json").write_text("{}")
        result = examine(make(researcher=self.researcher), "agent.key")
        assert result.finding.startswith("The key comes from the login in ")

    def test_the_key_of_an_endpoint(
        self, make: Make, examine: Examine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        options = {"base_url": "http://127.0.0.1:9/v1", "env_key": "MY_KEY"}
        study = make(researcher={"kind": "codex", "options": options})
        assert "MY_KEY" in examine(study, "agent.key").finding
        monkeypatch.setenv("MY_KEY", "k")
        assert examine(study, "agent.key").finding == "The key comes from MY_KEY."
