import json
import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from overnight.errors import (
    AgentCrashed,
    AgentHung,
    AgentMisconfigured,
    AgentMissing,
    ResearcherError,
)
from overnight.researchers.base import Researcher, ResearcherSettings
from overnight.researchers.command import create
from overnight.testing.researcher_contract import Desk, ResearcherContract
from overnight.types import Draft, Usage

EDIT = "echo 1 > answer.txt"


def command(line: Any, **settings: Any) -> Researcher:
    return create(ResearcherSettings("command", options={"command": line}, **settings))


def say(title: str) -> str:
    encoded = title.encode().hex()
    return (
        f"python3 -Sc 'import sys; sys.stdout.buffer.write(bytes.fromhex(input()))' <<< {encoded}"
    )


class TestCommandContract(ResearcherContract):
    def editing(self, *, title: str) -> Researcher:
        script = f"{EDIT}; (setsid sleep 300 &); {say(title)}"
        if len(title) > 10_000:
            script = f"{EDIT}; python3 -Sc 'print(\"x\" * {len(title)})'"
        return command(["/bin/bash", "-c", script])

    def failing(self) -> Researcher:
        return command("echo no >&2; exit 3")

    def waiting(self, *, deadline_s: float) -> Researcher:
        return command("sleep 300 & sleep 300", deadline_s=deadline_s)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path, {"answer.txt": "0\n"})
    with desk.processes:
        yield desk


def propose(desk: Desk, line: Any, **settings: Any) -> Draft:
    return command(line, **settings).propose(desk.assignment())


def test_last_line_that_says_something_is_the_title(desk: Desk) -> None:
    assert (
        propose(desk, "echo thinking; echo ' A better idea '; echo; echo").title == "A better idea"
    )


def test_program_is_told_what_to_do(desk: Desk) -> None:
    propose(desk, 'cp "$OVERNIGHT_BRIEF" brief.md; env > "$OVERNIGHT_HOME/env"; pwd > where')
    told = dict(
        line.split("=", 1) for line in (desk.home / "env").read_text().splitlines() if "=" in line
    )
    assignment = desk.assignment()
    assert (desk.workspace / "brief.md").read_text() == assignment.brief
    assert (desk.workspace / "where").read_text().strip() == str(desk.workspace)
    assert told["OVERNIGHT_TRIAL"] == "7"
    assert told["OVERNIGHT_METRIC"] == "loss"
    assert told["OVERNIGHT_GOAL"] == "minimize"
    assert told["OVERNIGHT_INCUMBENT"] == assignment.incumbent_commit
    assert told["OVERNIGHT_WORKSPACE"] == str(desk.workspace)
    assert told["PATH"] == os.environ["PATH"]


def test_a_list_is_run_without_a_shell(desk: Desk) -> None:
    assert propose(desk, ["/bin/echo", "$HOME; *"]).title == "$HOME; *"


def write_result(text: str) -> str:
    return f'printf %s {shlex.quote(text)} > "$OVERNIGHT_RESULT"; echo from stdout'


def test_result_file_says_more(desk: Desk) -> None:
    usage = {"input_tokens": 10, "cached_input_tokens": 4, "output_tokens": 2, "cost_usd": 0.5}
    result = {"title": "T", "rationale": "why", "details": {"lr": [1, 2.5]}, "usage": usage}
    draft = propose(desk, write_result(json.dumps(result)))
    assert draft == Draft(
        "T",
        "why",
        {"lr": [1, 2.5]},
        Usage(10, cached_input_tokens=4, output_tokens=2, cost_usd=0.5),
    )


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", '{"title": 3}', '{"title": null, "usage": []}', "[" * 100_000, "\x00"],
)
def test_result_that_is_not_one_is_ignored(desk: Desk, text: str) -> None:
    file = desk.home / "text"
    file.write_text(text)
    draft = propose(desk, f'cp {file} "$OVERNIGHT_RESULT"; echo from stdout')
    assert (draft.title, draft.usage) == ("from stdout", Usage())


@pytest.mark.parametrize(
    "making",
    [
        'mkdir "$OVERNIGHT_RESULT"',
        'mkfifo "$OVERNIGHT_RESULT"',
        'echo "{\\"title\\": \\"linked\\"}" > a; ln -s "$PWD/a" "$OVERNIGHT_RESULT"',
        'ln -s /dev/zero "$OVERNIGHT_RESULT"',
        'head -c 3000000 /dev/zero > "$OVERNIGHT_RESULT"',
        'printf "{\\"title\\": \\"%01000000d\\"}" 0 > "$OVERNIGHT_RESULT"',
    ],
    ids=["directory", "fifo", "link", "device", "zeros", "giant"],
)
def test_result_must_be_a_small_regular_file(desk: Desk, making: str) -> None:
    assert propose(desk, f"{making}; echo from stdout").title == "from stdout"


@pytest.mark.parametrize(
    "usage",
    [
        '{"input_tokens": true, "output_tokens": -1, "cost_usd": NaN}',
        '{"input_tokens": 1e400, "output_tokens": "9", "cost_usd": -1}',
        '{"input_tokens": 99999999999999999999, "cost_usd": 1e999}',
    ],
)
def test_numbers_that_cannot_be_are_unknown(desk: Desk, usage: str) -> None:
    assert propose(desk, write_result(f'{{"usage": {usage}}}')).usage == Usage()


def test_surrogates_do_not_reach_the_rationale(desk: Desk) -> None:
    draft = propose(desk, write_result(r'{"title": "a\ud800b", "rationale": "c\udfffd\u0000\ne"}'))
    assert draft.title == "a b"
    assert draft.rationale == "c d \ne"


def test_an_earlier_result_is_not_read_again(desk: Desk) -> None:
    propose(desk, write_result('{"title": "old"}'))
    assert propose(desk, "echo new").title == "new"


def test_failure_carries_last_words_and_usage(desk: Desk) -> None:
    result = write_result('{"usage": {"input_tokens": 5}}')
    with pytest.raises(AgentCrashed, match="exit code 3: out of ideas") as caught:
        propose(desk, f"{result}; echo out of ideas >&2; exit 3")
    assert caught.value.usage == Usage(input_tokens=5)


def test_signal_is_named(desk: Desk) -> None:
    with pytest.raises(AgentCrashed, match="signal 11"):
        propose(desk, "kill -SEGV $$")


def test_silence_is_a_failure_of_its_own(desk: Desk) -> None:
    with pytest.raises(AgentHung):
        propose(desk, "sleep 300", silence_s=0.3)


def test_program_that_does_not_exist(desk: Desk) -> None:
    with pytest.raises(AgentMissing, match="no-such-program"):
        propose(desk, ["no-such-program"])


@pytest.mark.parametrize("options", [{}, {"command": ""}, {"command": []}, {"command": 3}])
def test_options_that_cannot_work(options: Any) -> None:
    with pytest.raises(AgentMisconfigured, match=r"researcher\.options\.command"):
        create(ResearcherSettings("command", options=options))


def test_unknown_option_is_named() -> None:
    with pytest.raises(ResearcherError, match="Did you mean 'command'"):
        create(ResearcherSettings("command", options={"comand": "x", "command": "y"}))
