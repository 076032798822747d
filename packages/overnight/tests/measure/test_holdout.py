"""A hold-out: its files are in no sandbox but its own, and nothing of it comes out of there."""

from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from overnight.ledger.queries import LedgerReader
from overnight.ledger.records import RunRecord
from overnight.researchers.command import ERRORS_FILE
from overnight.researchers.registry import create as create_researcher
from overnight.researchers.scripted import Step
from overnight.testing.studies import TRAIN, TinyStudy, make_study
from overnight.types import Outcome, Purpose, Trust, Verdict

SECRET = "held-out-answer"  # noqa: S105 (no password)
LOOK = (
    "cat $PRIVATE; grep -rs --exclude-dir=site-packages held-[o]ut $(dirname $PRIVATE) $PWD/.. /tmp"
)
HONEST = "echo val_loss: 0.5\n"
USUAL: Mapping[str, Any] = {
    "files": {"holdout.sh": "tail -n 1 $PRIVATE; . ./train.sh\n"},
    "scope": {"editable": ["train.sh"], "protected": ["holdout.sh"]},
    "sandbox": {"kind": "bubblewrap"},
    "checkpoint": {"at_end": True, "repeats": 1},
    "budget": {"trials": 1},
}
Night = Callable[..., TinyStudy]


@pytest.fixture
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "private" / "holdout.txt"
    file.parent.mkdir()
    file.write_text(f"{SECRET}\nheld_loss: 0.7\n")
    monkeypatch.setenv("PRIVATE", str(file))
    return file


@pytest.fixture
def night(tmp_path: Path, private: Path, monkeypatch: pytest.MonkeyPatch) -> Night:
    """A night of one candidate, which is kept, and held out in the end."""
    monkeypatch.setenv("OVERNIGHT_WORK", str(tmp_path / "work"))
    holdout = {"command": "sh holdout.sh", "files": [str(private)]}

    def run(candidate: str = HONEST, **how: Any) -> TinyStudy:
        study = make_study(tmp_path / "study", **{**USUAL, "holdout": holdout, **how})
        own = create_researcher(study.load().researcher_settings) if "researcher" in how else None
        study.run(own or [Step("candidate", edits={TRAIN: candidate})])
        return study

    return run


def held_out(study: TinyStudy) -> RunRecord:
    with closing(LedgerReader(study.layout.ledger)) as reader:
        runs = reader.runs_again()
    [run] = [run for run in runs if (run.trial, run.purpose) == (1, Purpose.HOLDOUT)]
    return run


def log(study: TinyStudy, name: str) -> str:
    files = sorted(study.layout.trial(1).glob(f"*{name}.log"))
    return "".join(file.read_text(errors="replace") for file in files)


def test_it_is_made_where_its_files_are(night: Night) -> None:
    study = night()
    run = held_out(study)
    assert (run.outcome, run.trust) == (Outcome.MEASURED, Trust.CONFINED)
    assert run.metrics["held_loss"] == 0.7
    assert study.trials()[1].verdict is Verdict.KEEP


def test_no_other_command_finds_its_files(night: Night) -> None:
    """Neither setup, nor the measured command, nor the scorer."""
    score = {"command": f"{LOOK}; cat $OVERNIGHT_ARTEFACTS/loss"}
    study = night(
        f"{LOOK}; echo 'val_loss: 0.5' >$OVERNIGHT_ARTEFACTS/loss",
        files={
            "train.sh": "echo 'val_loss: 1' >$OVERNIGHT_ARTEFACTS/loss\n",
            "holdout.sh": "tail -n 1 $PRIVATE; cat $OVERNIGHT_ARTEFACTS/loss\n",
        },
        setup={"command": f"{LOOK}; true"},
        score=score,
    )
    assert held_out(study).metrics["held_loss"] == 0.7
    assert held_out(study).trust is Trust.SCORED
    for name in ("setup", "output", "score"):
        assert "No such file or directory" in log(study, name)
        assert SECRET not in log(study, name)


def test_no_researcher_finds_its_files(night: Night) -> None:
    command = f"{LOOK}; echo 'echo val_loss: 0.5' >train.sh; echo proposed"
    study = night(researcher={"kind": "command", "options": {"command": command}})
    assert held_out(study).outcome is Outcome.MEASURED
    told = {path.name: path.read_text() for path in study.layout.trial(1).iterdir()}
    assert "No such file or directory" in told[ERRORS_FILE]
    assert not [name for name, text in told.items() if SECRET in text and "holdout" not in name]


def test_a_candidate_that_runs_there_can_keep_nothing_of_it(night: Night, tmp_path: Path) -> None:
    """Without a scorer its code runs beside the files; what it writes is gone, or refused."""
    shared, cache = tmp_path / "shared", tmp_path / "cache"
    shared.mkdir()
    cache.mkdir()
    study = night(
        f"{HONEST}for place in {shared} {cache} ~ /tmp $PWD $OVERNIGHT_ARTEFACTS; do\n"
        '  if cp "$PRIVATE" $place/leak; then echo "wrote to $place"; fi\ndone\n',
        sandbox={"kind": "bubblewrap", "write": [str(shared)], "caches": [str(cache)]},
    )
    assert "wrote to /tmp" in log(study, "holdout")
    for place in (shared, study.layout.trials.parent.parent):
        assert f"wrote to {place}\n" not in log(study, "holdout")
    left = [path for path in tmp_path.rglob("leak") if path.is_file()]
    assert left == []


def test_a_link_in_place_of_the_artefacts_opens_nothing(
    night: Night, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is granted to the hold-out is granted by names that no candidate had in hand."""
    secret = tmp_path / "somebody" / "id_rsa"
    secret.parent.mkdir()
    secret.write_text("a private key\n")
    study = night(
        f"rm -rf $OVERNIGHT_ARTEFACTS; ln -s {secret.parent} $OVERNIGHT_ARTEFACTS\n"
        f"{HONEST}cat {secret} $OVERNIGHT_ARTEFACTS/id_rsa; true\n"
    )
    assert held_out(study).outcome is Outcome.MEASURED
    assert "id_rsa: No such file" in log(study, "holdout")
    assert "a private key" not in log(study, "holdout") + log(study, "output")
