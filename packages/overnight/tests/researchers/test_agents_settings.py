"""Options, keys and hosts of agents, for which their programs need not be there."""

from pathlib import Path
from typing import Any

import pytest

from overnight.errors import AgentMisconfigured, AgentMissing, AuthenticationFailed
from overnight.researchers.agent.agent import Agent
from overnight.researchers.agent.options import EndpointOptions
from overnight.researchers.agent.programs import Program, installation
from overnight.researchers.agent.researcher import AgentResearcher
from overnight.researchers.aider import Aider
from overnight.researchers.base import AgentFacts, ResearcherSettings
from overnight.researchers.claude import Claude, ClaudeOptions
from overnight.researchers.gemini import Gemini, GeminiOptions
from overnight.researchers.mini_swe_agent import MiniSweAgent
from overnight.researchers.opencode import Opencode
from overnight.researchers.registry import create
from overnight.types import SandboxKind

URL = "http://127.0.0.1:8000/v1"
KINDS = ("aider", "claude", "gemini", "mini-swe-agent", "opencode")
MODEL = "anthropic/claude-sonnet-4-5"

pytestmark = pytest.mark.usefixtures("no_keys")


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH on which something stands for every agent."""
    directory = tmp_path / "bin"
    directory.mkdir()
    for name in ("aider", "claude", "gemini", "mini", "opencode"):
        (directory / name).write_text("#!/bin/sh\necho 1.2.3\n")
        (directory / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(directory))
    return directory


@pytest.mark.parametrize("kind", KINDS)
def test_facts(kind: str, programs: Path) -> None:
    researcher = create(ResearcherSettings(kind, MODEL, options={"base_url": URL}))
    assert isinstance(researcher, AgentResearcher)
    facts: AgentFacts = researcher.facts(SandboxKind.NONE)
    assert facts.needs.hosts == (URL,)
    assert Path(facts.programs[0]).parent == programs
    assert facts.tested
    assert len(facts.cautions) == 1, "nothing confines it"
    assert researcher.facts(SandboxKind.BUBBLEWRAP).cautions == []
    assert researcher.key() == ""


@pytest.mark.parametrize("kind", KINDS)
def test_a_program_that_is_not_installed(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    researcher = create(ResearcherSettings(kind, MODEL, root=tmp_path))
    assert isinstance(researcher, AgentResearcher)
    with pytest.raises(AgentMissing, match=r"(npm|pip) install .*\d+\.\d+"):
        researcher.facts(SandboxKind.NONE)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"base_ur": URL}, "Did you mean 'base_url'"),
        ({"base_url": "localhost:8000"}, "options.base_url"),
        ({"prompt": "missing.md"}, "cannot be read"),
    ],
)
def test_settings_that_cannot_work(kind: str, options: Any, words: str, tmp_path: Path) -> None:
    with pytest.raises(AgentMisconfigured, match=words):
        create(ResearcherSettings(kind, MODEL, options=options, root=tmp_path))


@pytest.mark.parametrize("kind", ["aider", "mini-swe-agent", "opencode"])
@pytest.mark.parametrize(
    ("model", "words"), [(None, r"researcher\.model is missing"), ("gpt-5", "whose model it is")]
)
def test_models_that_nobody_can_find(kind: str, model: str | None, words: str) -> None:
    with pytest.raises(AgentMisconfigured, match=words):
        create(ResearcherSettings(kind, model))


def named(agent: type[Aider | MiniSweAgent | Opencode], model: str, **options: Any) -> Agent:
    return agent(EndpointOptions(**options), model=model)


@pytest.mark.parametrize(
    ("agent", "variable", "host"),
    [
        (named(Aider, "gemini/pro"), "GEMINI_API_KEY", "generativelanguage.googleapis.com"),
        (named(MiniSweAgent, "openrouter/a/b"), "OPENROUTER_API_KEY", "openrouter.ai"),
        (named(Opencode, "google/pro"), "GOOGLE_GENERATIVE_AI_API_KEY",
         "generativelanguage.googleapis.com"),
        (named(Opencode, "openai/x", env_key="MINE"), "MINE", "api.openai.com"),
        (named(Aider, "x", base_url=URL, env_key="MINE"), "MINE", URL),
        (Claude(ClaudeOptions(), model=None), "CLAUDE_CODE_OAUTH_TOKEN", "api.anthropic.com"),
        (Claude(ClaudeOptions(), model=None), "ANTHROPIC_API_KEY", "api.anthropic.com"),
        (Gemini(GeminiOptions(), model=None), "GEMINI_API_KEY",
         "generativelanguage.googleapis.com"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)  # fmt: skip
def test_keys_and_hosts(
    agent: Agent, variable: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert agent.hosts() == (host,)
    with pytest.raises(AuthenticationFailed, match="is not set"):
        agent.key()
    monkeypatch.setenv(variable, " padded ")
    with pytest.raises(AuthenticationFailed, match="blanks"):
        agent.key()
    monkeypatch.setenv(variable, "secret")
    assert agent.key() == variable


def test_what_a_program_needs_of_its_own(tmp_path: Path) -> None:
    modules = tmp_path / "node_modules"
    script = modules / "pkg" / "node_modules" / "inner" / "main.js"
    environment = tmp_path / "venv" / "bin" / "tool"
    alone = tmp_path / "bin" / "alone"
    for file in (script, environment, alone):
        file.parent.mkdir(parents=True)
        file.touch()
    (tmp_path / "venv" / "pyvenv.cfg").touch()
    base = tmp_path / "python"
    (base / "lib" / "python3.11").mkdir(parents=True)
    (base / "bin").mkdir()
    (base / "bin" / "python3.11").touch()
    (tmp_path / "venv" / "bin" / "python").symlink_to(base / "bin" / "python3.11")
    link = tmp_path / "link"
    link.symlink_to(script)
    assert installation(script) == (modules,)
    assert installation(link) == (link, modules)
    assert installation(environment) == (tmp_path / "venv", base)
    assert installation(alone) == (alone,)


def test_a_wanted_program_is_not_looked_for_elsewhere(programs: Path, tmp_path: Path) -> None:
    known = Program("Agent", "aider", "pip install aider", "1.0")
    assert known.find(None, root=tmp_path) == programs / "aider"
    assert known.find("mini", root=tmp_path) == programs / "mini"
    with pytest.raises(AgentMissing, match=r"no program '\./aider'"):
        known.find("./aider", root=tmp_path)
