import tomllib
from pathlib import Path
from typing import Any

import pytest

from overnight.errors import AgentCrashed, AgentMisconfigured, AgentMissing
from overnight.researchers.base import ResearcherSettings
from overnight.researchers.codex.binary import CODEX, find_binary
from overnight.researchers.codex.options import CodexOptions, codex_config, to_toml
from overnight.researchers.codex.researcher import create

URL = "http://127.0.0.1:8000/v1"


def config(**options: Any) -> dict[str, Any]:
    return tomllib.loads(to_toml(codex_config(CodexOptions(**options))))


def test_configuration_of_an_endpoint() -> None:
    written = config(
        base_url=URL, env_key="MY_KEY", request_retries=0, stream_retries=2, stream_idle_s=1.5
    )
    assert written["model_providers"][written["model_provider"]] == {
        "name": "endpoint",
        "base_url": URL,
        "env_key": "MY_KEY",
        "request_max_retries": 0,
        "stream_max_retries": 2,
        "stream_idle_timeout_ms": 1500,
    }
    assert "MY_KEY" in written["shell_environment_policy"]["exclude"]


def test_openais_own_endpoint_needs_no_provider() -> None:
    assert "model_provider" not in config()


def test_wishes_are_merged_and_keys_stay_hidden() -> None:
    written = config(
        config={
            "features": {"plugins": True},
            "model_providers": {"mine": {"env_key": "MINE"}, "open": {}},
            "shell_environment_policy": {"exclude": ["A*"]},
        }
    )
    assert written["features"]["plugins"] is True
    assert written["features"]["apps"] is False
    hidden = written["shell_environment_policy"]["exclude"]
    assert hidden == ["A*", "CODEX_API_KEY", "OPENAI_API_KEY", "MINE"]


@pytest.mark.parametrize(
    "value",
    ["", 'a "b" \\ c', "\n\t\x00\x1f\x7f", "ü → 😀", "", True, 0, -1.5, 1e300, [], [[1], ["a"]],
     {}, {"a b": {"c.d": '"'}}, [{"x": 1}]],
    ids=repr,
)  # fmt: skip
def test_toml_says_what_was_meant(value: Any) -> None:
    assert tomllib.loads(to_toml({"some key": value})) == {"some key": value}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sandbx": "x"}, "sandbx: .*Did you mean 'sandbox'"),
        ({"zzz": 1}, "Known here: binary, prompt"),
        ({"sandbox": "none"}, "options.sandbox: .*'workspace-write'"),
        ({"base_url": "localhost:8000"}, "options.base_url"),
        ({"env_key": "MY_KEY"}, "env_key needs base_url"),
        ({"stream_idle_s": 3}, "stream_idle_s needs base_url"),
        ({"base_url": URL, "login": True}, "remove it or base_url"),
        ({"base_url": URL, "request_retries": -1}, "options.request_retries"),
        ({"config": {"features": 3}}, "features is a table"),
        ({"prompt": "missing.md"}, "prompt = 'missing.md' cannot be read"),
    ],
)
def test_settings_that_cannot_work(options: Any, words: str, tmp_path: Path) -> None:
    with pytest.raises(AgentMisconfigured, match=words):
        create(ResearcherSettings("codex", options=options, root=tmp_path))


def program(path: Path, script: str = "#!/bin/sh\necho codex-cli 1.2.3\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(script)
    path.chmod(0o755)
    return path


@pytest.fixture
def bare_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", str(directory))
    return directory


def test_binary_is_found_where_it_may_be(bare_path: Path, tmp_path: Path) -> None:
    root = tmp_path / "project" / "study"
    root.mkdir(parents=True)
    with pytest.raises(AgentMissing, match="npm install -g @openai/codex@"):
        find_binary(None, root=root)
    in_modules = program(tmp_path / "project" / "node_modules" / ".bin" / "codex")
    assert find_binary(None, root=root) == in_modules
    on_path = program(bare_path / "codex")
    assert find_binary(None, root=root) == on_path
    own = program(root / "tools" / "codex")
    assert find_binary("tools/codex", root=root) == own
    assert find_binary("codex", root=root) == on_path


@pytest.mark.parametrize("name", ["codex", "./codex", "/codex"])
def test_binary_that_is_wanted_must_be_there(name: str, bare_path: Path, tmp_path: Path) -> None:
    program(tmp_path / "node_modules" / ".bin" / "codex")
    with pytest.raises(AgentMissing, match=f"no program '{name}'"):
        find_binary(name, root=tmp_path)


@pytest.mark.parametrize("nested", [False, True])
def test_the_program_behind_npms_launcher_is_used(
    nested: bool, bare_path: Path, tmp_path: Path
) -> None:
    scope = tmp_path / "lib" / "node_modules" / "@openai"
    launcher = program(scope / "codex" / "bin" / "codex.js")
    (bare_path / "codex").symlink_to(launcher)
    assert find_binary(None, root=tmp_path) == bare_path / "codex"
    home = scope / "codex" / "node_modules" / "@openai" if nested else scope
    native = program(home / "codex-linux-x64" / "vendor" / "some-target" / "bin" / "codex")
    assert find_binary(None, root=tmp_path) == native


def test_version(tmp_path: Path) -> None:
    assert CODEX.read_version(program(tmp_path / "good")) == "codex-cli 1.2.3"
    with pytest.raises(AgentCrashed, match="does not tell its version"):
        CODEX.read_version(program(tmp_path / "bad", "#!/bin/sh\nexit 1\n"))
