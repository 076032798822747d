"""The study file: what it means, and errors that name the key, the line and the fix."""

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

from overnight.config import Study, load_study
from overnight.errors import StudyFileError
from overnight.types import Constraint, Goal, Ties

STUDY = dedent(
    """\
    name = "demo"

    [metric]
    name = "val_loss"

    [scope]
    editable = ["train.py"]

    [measure]
    command = "python train.py"
    deadline = "10m"
    """
)
Load = Callable[[str], Study]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def load(text: str) -> Study:
        (tmp_path / "overnight.toml").write_text(text, encoding="utf-8")
        return load_study(tmp_path)

    return load


@pytest.fixture
def complaint(load: Load) -> Callable[[str], str]:
    def complaint(text: str) -> str:
        with pytest.raises(StudyFileError) as refused:
            load(text)
        return str(refused.value)

    return complaint


def test_the_least_study_file_has_sensible_defaults(load: Load, tmp_path: Path) -> None:
    study = load(STUDY)
    assert study.name == "demo"
    assert study.branch == "overnight/demo"
    assert study.root == tmp_path
    assert study.objective.goal is Goal.MINIMIZE
    assert study.measure.deadline_s == 600.0
    assert study.gate.ties is Ties.DISCARD
    assert study.researcher.kind == "tune"
    assert study.program_text() == ""
    assert not study.protected


def test_everything_that_can_be_said_is_understood(load: Load, tmp_path: Path) -> None:
    (tmp_path / "program.md").write_text("Be bold.", encoding="utf-8")
    study = load(
        dedent(
            """\
            name = "every.thing-1"
            program = "program.md"
            [metric]
            name = "eval/accuracy"
            goal = "maximise"
            constraints = ["peak_vram_mb <= 46000", "loss < 2"]
            [scope]
            editable = ["src/**", "/etc"]
            protected = ["src/evaluate.py"]
            max_file_mb = 0.5
            [setup]
            command = "make"
            deadline = "90s"
            [measure]
            command = "make measure"
            deadline = 5
            env = { SEED = "1" }
            [gate]
            ties = "simpler"
            min_delta = 1e-3
            [researcher]
            kind = "codex"
            model = "gpt-5"
            deadline = "20m"
            silence = "1m"
            attempts = 2
            price = { input = 1.0, output = 2 }
            [researcher.options]
            anything = { at = ["all"] }
            [budget]
            hours = 8
            trials = 100
            agent_tokens = 1_000_000
            money_usd = 5
            """
        )
    )
    assert study.objective.goal is Goal.MAXIMIZE
    assert study.objective.constraints == (
        Constraint("peak_vram_mb", "<=", 46_000.0),
        Constraint("loss", "<", 2.0),
    )
    assert study.max_file_bytes == 2**19
    assert study.editable.match("etc/passwd")
    assert not study.editable.match("deep/etc/passwd")
    assert study.program_text() == "Be bold."
    assert study.setup is not None
    assert study.setup.deadline_s == 90.0
    assert (study.measure.deadline_s, study.measure.env) == (5.0, {"SEED": "1"})
    assert study.gate.ties is Ties.SIMPLER
    settings = study.researcher_settings
    assert (settings.kind, settings.model, settings.deadline_s) == ("codex", "gpt-5", 1200.0)
    assert settings.silence_s == 60.0
    assert settings.options == {"anything": {"at": ["all"]}}
    assert settings.root == tmp_path
    assert study.researcher.price is not None
    assert study.researcher.price.cached_input is None
    assert (study.budget.hours, study.budget.trials) == (8.0, 100)


@pytest.mark.parametrize("spelled", ["minimise", "minimize"])
def test_both_spellings_are_read(load: Load, spelled: str) -> None:
    text = STUDY.replace('"val_loss"', f'"val_loss"\ngoal = "{spelled}"')
    assert load(text).objective.goal is Goal.MINIMIZE


def test_a_study_is_found_by_its_file_or_its_directory(load: Load, tmp_path: Path) -> None:
    assert load(STUDY).path == load_study(tmp_path / "overnight.toml").path
    other = tmp_path / "other.toml"
    other.write_text(STUDY.replace("demo", "other"), encoding="utf-8-sig")
    assert load_study(other).name == "other"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("deadline", "dedline", ":11: unknown key 'measure.dedline'. Did you mean 'deadline'?"),
        ("[metric]", "[metrics]", ":3: unknown key 'metrics'. Did you mean 'metric'?"),
        (
            'name = "val_loss"',
            'name = "val_loss"\nzzz = 1',
            ":5: unknown key 'metric.zzz'. Known here: name, goal, constraints.",
        ),
        ("[metric]\n", "[metric]\n[metric.name]\n", "metric.name = {'name': 'val_loss'}: input"),
        ('[scope]\neditable = ["train.py"]\n', "", "overnight.toml: 'scope' is missing. Add it"),
        ('deadline = "10m"\n', "", ":9: 'measure.deadline' is missing. Add it"),
        ('["train.py"]', '"train.py"', ":7: scope.editable = 'train.py': write a list, such as"),
        ('["train.py"]', "[]", ":7: scope.editable = []: write a list, such as"),
        ('["train.py"]', "[1]", ":7: scope.editable = 1: input should be a valid string."),
        ('"python train.py"', "3", ":10: measure.command = 3: input should be a valid string."),
        ('"python train.py"', '""', ":10: measure.command = '': string should have at least 1"),
        ('"10m"', '"soon"', ":11: measure.deadline = 'soon': 'soon' is no duration; write '90s'"),
        ('"10m"', "-1", ":11: measure.deadline = -1: a duration must be longer than zero"),
        ('"10m"', "true", ":11: measure.deadline = True: write a duration as '90s'"),
        ('"val_loss"', '"val loss"', ":4: metric.name = 'val loss': string should match pattern"),
        (
            '"val_loss"',
            '"val_loss"\nconstraints = ["vram = 3"]',
            ":5: metric.constraints = ['vram = 3']: 'vram = 3' is no constraint; write it as",
        ),
        ('"val_loss"', '"x"\ngoal = "best"', ":5: metric.goal = 'best': input should be 'minimi"),
        (
            '["train.py"]',
            '["a", "train.py"]\nprotected = ["train.py"]',
            ":8: scope.protected = ['train.py']: 'train.py' is editable too; take it out",
        ),
        ('"train.py"', '"../x"', ":7: scope.editable = '../x': a pattern is relative to the"),
        ('"train.py"', '"a/../../x"', ":7: scope.editable = 'a/../../x': a pattern is relative"),
        ('"train.py"', '"~/x"', ":7: scope.editable = '~/x': a pattern is relative to the"),
        ('"train.py"', '"!x"', ":7: scope.editable = '!x': write a path or a pattern such as"),
        ('"train.py"', '" "', ":7: scope.editable = ' ': write a path or a pattern such as"),
        ('["train.py"]', '["a"]\nmax_file_mb = inf', ":8: scope.max_file_mb = inf: input should"),
        ('"demo"', '"../demo"', ":1: name = '../demo': string should match pattern"),
        ('"demo"', '"demo.lock"', ":1: name = 'demo.lock': git allows no branch whose name"),
        ('"demo"', '"demo"\nbudget = 3', ":2: budget = 3: write it as a table, [budget]."),
        ('"demo"', '"demo"\nbudget.trials = 0', ":2: budget.trials = 0: input should be greater"),
        ('"demo"', '"demo"\nbudget.hours = nan', ":2: budget.hours = nan: input should be"),
        (
            '"demo"',
            '"demo"\nresearcher.price.inptu = 1',
            ":2: unknown key 'researcher.price.inptu'. Did you mean 'input'?",
        ),
        ('"demo"', '"demo"\nprogram = "no.md"', "program = 'no.md' cannot be read (No such file"),
        ('"demo"', '"demo"\nprogram = "."', "program = '.' cannot be read (Is a directory). Write"),
        ('"demo"', '"demo', "overnight.toml:1: this is not TOML: Illegal character"),
        ('"10m"', "", "overnight.toml:11: this is not TOML: Invalid value. Mend that line"),
        ("[scope]", "[metric]", "overnight.toml:6: this is not TOML: Cannot declare ('metric',)"),
    ],
)
def test_an_error_names_the_key_the_line_and_the_fix(
    complaint: Callable[[str], str], old: str, new: str, told: str
) -> None:
    assert STUDY.count(old) >= 1
    assert told in complaint(STUDY.replace(old, new, 1))


def test_a_file_that_breaks_off_is_refused_where_it_ends(
    complaint: Callable[[str], str],
) -> None:
    assert "overnight.toml:12: this is not TOML" in complaint(STUDY + "[budget")


def test_every_error_is_told_at_once(complaint: Callable[[str], str]) -> None:
    told = complaint(STUDY.replace("command", "comand").replace('"10m"', '"soon"'))
    lines = told.split("\n")
    assert len(lines) == 3
    assert all(line.startswith("overnight.toml:") for line in lines)


def test_a_missing_study_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(StudyFileError, match=r"There is no overnight.toml in .* `overnight init`"):
        load_study(tmp_path)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "overnight.toml").write_bytes(b'name = "\xff"')
    with pytest.raises(StudyFileError, match=r"overnight\.toml cannot be read"):
        load_study(tmp_path)


def test_override_replaces_what_it_is_given_and_nothing_else(load: Load) -> None:
    study = load(STUDY + "[budget]\ntrials = 5\nhours = 1\n[researcher.options]\na = 1\n")
    other = study.override(trials=9, model="m")
    assert (other.budget.trials, other.budget.hours) == (9, 1.0)
    assert (other.researcher.model, other.researcher.options) == ("m", {"a": 1})
    assert study.budget.trials == 5
    assert study.override().tables == study.tables


def test_another_researcher_does_not_inherit_the_options_of_the_first(load: Load) -> None:
    study = load(STUDY + '[researcher]\nkind = "codex"\nmodel = "m"\noptions = { a = 1 }\n')
    assert study.override(researcher="codex").researcher.options == {"a": 1}
    other = study.override(researcher="tune").researcher
    assert (other.kind, other.model, other.options) == ("tune", None, {})


@pytest.mark.parametrize("hours", [0.0, -1.0, float("nan"), float("inf")])
def test_override_refuses_what_the_study_file_could_not_hold(load: Load, hours: float) -> None:
    with pytest.raises(StudyFileError, match=r"hours = .*: input should be"):
        load(STUDY).override(hours=hours)
