"""A whole night with the real Codex CLI against a scripted endpoint, nothing faked between."""

import json
from contextlib import closing
from pathlib import Path

import pytest

from overnight.ledger.queries import LedgerReader
from overnight.night import run_night
from overnight.progress import Silent
from overnight.testing.responses import MODEL, USAGE, Message, ResponsesServer, Shell, Turn
from overnight.testing.studies import TRAIN, make_study, prints
from overnight.types import SandboxKind, Verdict

pytestmark = [pytest.mark.codex, pytest.mark.usefixtures("no_keys")]


def proposal(title: str, path: str, content: str) -> list[Turn]:
    """The turns in which a model writes a file and says so."""
    words = {"title": title, "rationale": "It should help.", "expected_effect": "lower"}
    script = f"cat > {path} <<'END'\n{content}END"
    return [Shell(script), Message(json.dumps(words))]


@pytest.mark.parametrize(
    "sandbox",
    [SandboxKind.BUBBLEWRAP, pytest.param(SandboxKind.NONE, marks=pytest.mark.slow)],
)
def test_three_trials_one_kept_one_discarded_one_out_of_scope(
    sandbox: SandboxKind,
    tmp_path: Path,
    server: ResponsesServer,
    codex_binary: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OVERNIGHT_WORK", str(tmp_path / "work"))
    options = {"binary": str(codex_binary), **server.codex_options()}
    study = make_study(
        tmp_path / "study",
        researcher={"kind": "codex", "model": MODEL, "options": options},
        sandbox={"kind": str(sandbox)},
        budget={"trials": 3, "agent_tokens": 1_000_000},
    )
    server.play(
        [
            *proposal("A better value", TRAIN, prints(0.5)),
            *proposal("A worse value", TRAIN, prints(0.7)),
            *proposal("An easier exam", "prepare.sh", "exit 0\n"),
        ]
    )
    end = run_night(study.load(), Silent())
    assert end.finished
    assert [(trial.verdict, trial.title) for trial in study.trials()[1:]] == [
        (Verdict.KEEP, "A better value"),
        (Verdict.DISCARD, "A worse value"),
        (Verdict.OUT_OF_SCOPE, "An easier exam"),
    ]
    kept = study.trials()[1]
    assert study.git("rev-parse", "overnight/tiny") == kept.commit
    assert study.git("show", f"overnight/tiny:{TRAIN}") == prints(0.5).strip()
    assert end.spent.trials == 3
    assert end.spent.agent_tokens >= 3 * USAGE.total_tokens
    second_brief = server.requests[2].text
    assert "A better value" in second_brief


def test_inside_the_sandbox_it_reaches_its_model_and_little_else(
    tmp_path: Path,
    server: ResponsesServer,
    codex_binary: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OVERNIGHT_WORK", str(tmp_path / "work"))
    study = make_study(
        tmp_path / "study",
        researcher={
            "kind": "codex",
            "model": MODEL,
            "options": {"binary": str(codex_binary), **server.codex_options()},
        },
        sandbox={"kind": "bubblewrap"},
        budget={"trials": 1},
    )
    look = (
        f"ls {study.root} {study.layout.state}; curl -sS https://example.org;"
        f" echo 'echo val_loss: 0.5' >{TRAIN}; git commit --quiet --all --message mine && echo done"
    )
    words = {"title": "half", "rationale": "", "target": "val_loss", "expected_effect": ""}
    server.play([Shell(look), Message(json.dumps(words))])
    run_night(study.load(), Silent())
    [_, trial] = study.trials()
    assert (trial.verdict, trial.target) == (Verdict.KEEP, "val_loss")
    told = server.requests[-1].text
    assert "train.sh" not in told.split("function_call_output")[1]
    assert "CONNECT tunnel failed, response 403" in told
    assert "done" in told.split("function_call_output")[1], "its own commit harms nobody"
    with closing(LedgerReader(study.layout.ledger)) as reader:
        [call] = reader.attempts(1)
    assert call.refused == ("example.org:443",)
    assert any("curl -sS https://example.org" in command for command in call.commands)
