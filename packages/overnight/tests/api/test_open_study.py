import subprocess
import sys
from pathlib import Path

import pytest

import overnight
from overnight.errors import LedgerError, OvernightError, StudyFileError
from overnight.testing.nights import NightWriter
from overnight.types import Constraint, Goal, Verdict


@pytest.fixture
def night(tmp_path: Path) -> NightWriter:
    writer = NightWriter(tmp_path / ".overnight" / "ledger.db", goal=Goal.MAXIMIZE)
    writer.baseline(1.0)
    writer.trial("better", Verdict.KEEP, value=1.5)
    writer.trial("worse", Verdict.DISCARD, value=1.2)
    return writer


def test_a_study_is_its_trials(night: NightWriter, tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    with overnight.open_study(tmp_path / "below") as study:
        assert [trial.title for trial in study] == ["baseline", "better", "worse"]
        assert len(study) == 3
        assert (study.baseline, study.incumbent) == (study.trial(0), study.trial(1))
        assert study.runs(2)[0].metrics == {"val_loss": 1.2}
        assert study.attempts(2)[0].usage.input_tokens == 50_000
        assert study.study.name == "tiny"
        assert study.to_frame()["gain"].tolist()[1:] == pytest.approx([0.5, -0.3])


def test_it_follows_a_running_night(night: NightWriter, tmp_path: Path) -> None:
    with overnight.open_study(tmp_path) as study:
        night.trial("best", Verdict.KEEP, value=1.6)
        assert study.incumbent is not None
        assert study.incumbent.title == "best"


def test_it_writes_nothing(night: NightWriter, tmp_path: Path) -> None:
    night.ledger.close()
    before = night.ledger.path.read_bytes()
    with overnight.open_study(tmp_path) as study:
        study.to_frame()
    assert night.ledger.path.read_bytes() == before


def test_constraints_are_the_study_files(night: NightWriter, tmp_path: Path) -> None:
    with overnight.open_study(tmp_path) as study:
        assert study.objective.constraints == ()
    (tmp_path / "overnight.toml").write_text(
        'name = "tiny"\n[metric]\nname = "val_loss"\nconstraints = ["seconds < 9"]\n'
        '[scope]\neditable = ["a.py"]\n[measure]\ncommand = "true"\ndeadline = "1s"\n'
    )
    with overnight.open_study(tmp_path) as study:
        assert study.objective.goal is Goal.MAXIMIZE
        assert study.objective.constraints == (Constraint("seconds", "<", 9.0),)
    (tmp_path / "overnight.toml").write_text("broken")
    with overnight.open_study(tmp_path) as study, pytest.raises(StudyFileError):
        _ = study.objective


def test_before_the_baseline_there_is_no_incumbent(tmp_path: Path) -> None:
    NightWriter(tmp_path / ".overnight" / "ledger.db")
    with overnight.open_study(tmp_path) as study:
        assert (study.baseline, study.incumbent, len(study)) == (None, None, 0)


def test_plot_returns_the_file(night: NightWriter, tmp_path: Path) -> None:
    with overnight.open_study(tmp_path) as study:
        assert study.plot(tmp_path / "p.svg").read_text().startswith("<svg")


def test_no_study_and_no_ledger(tmp_path: Path) -> None:
    with pytest.raises(OvernightError, match="no study"):
        overnight.open_study(tmp_path)
    (tmp_path / "overnight.toml").write_text("")
    with pytest.raises(LedgerError, match="no ledger"):
        overnight.open_study(tmp_path)


def test_importing_overnight_loads_nothing_heavy() -> None:
    probe = "import overnight, sys; print({'sqlalchemy', 'pandas', 'altair'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
    with pytest.raises(AttributeError, match="no attribute 'absent'"):
        _ = overnight.absent
