"""The measured command, broken in every way that costs a night."""

import pytest

from overnight.doctor import Status
from overnight.doctor.checks.run import judge_noise
from overnight.doctor.prompts import find_prompts
from overnight.testing.studies import TRAIN, prints

from .conftest import Examine, ExamineAll, Make

BUBBLEWRAP = {"kind": "bubblewrap"}


def test_a_baseline_that_can_be_measured(make: Make, examine_all: ExamineAll) -> None:
    study = make(setup={"command": "echo 1 > made"}, sandbox=BUBBLEWRAP)
    found = examine_all(study, "run")
    assert found["run.baseline"].finding.startswith("val_loss = 1, measured in ")
    skipped = {name for name, result in found.items() if result.status is Status.SKIPPED}
    assert skipped == {"run.holdout", "run.noise"}
    assert {result.status for result in found.values()} == {Status.OK, Status.SKIPPED}


@pytest.mark.parametrize(
    ("train", "tables", "words"),
    [
        ("echo loading data; exit 3\n", {}, "exit code 3"),
        ("echo 'validation_loss: 1'\n", {}, "Did you mean validation_loss?"),
        ("sleep 60\n", {"measure": {"deadline": "300ms"}}, "Raise measure.deadline"),
        (prints("nan"), {}, "diverged"),
        (prints(1.0), {"metric": {"constraints": ["peak_vram_mb <= 10"]}}, "peak_vram_mb"),
        (
            f"echo 'peak_vram_mb: 11'\n{prints(1.0)}",
            {"metric": {"constraints": ["peak_vram_mb <= 10"]}},
            "breaks a constraint",
        ),
        (f"{prints(2.0)}{prints(1.0)}", {"measure": {"strict": True}}, "strict mode"),
        (f"echo >> {TRAIN}; {prints(1.0)}", {}, "changed its own files"),
    ],
)
def test_a_baseline_that_cannot_be_measured(
    train: str, tables: dict[str, dict[str, object]], words: str, make: Make, examine: Examine
) -> None:
    result = examine(make({TRAIN: train}, **tables), "run.baseline")
    assert result.status is Status.FAILED
    assert words in f"{result.finding} {result.fix}"


def test_last_words_of_a_baseline_that_failed_are_told_once(
    make: Make, examine_all: ExamineAll
) -> None:
    study = make({TRAIN: "echo loading; echo 'no data \x1b[2J' >&2; exit 1\n"})
    found = examine_all(study, "run.baseline", "run.duration", "run.report")
    assert found["run.baseline"].details[0] == "loading"
    assert "\x1b" not in str(found["run.baseline"].details)
    for name in ("run.duration", "run.report"):
        assert found[name].finding == "It needs what run.baseline found broken."


def test_a_run_that_is_near_its_deadline(make: Make, examine: Examine) -> None:
    study = make({TRAIN: f"sleep 0.9\n{prints(1.0)}"}, measure={"deadline": "1050ms"})
    result = examine(study, "run.duration")
    assert "measure.deadline" in result.fix


def test_a_metric_that_is_reported_more_than_once(make: Make, examine: Examine) -> None:
    result = examine(make({TRAIN: prints(2.0) + prints(1.0)}), "run.report")
    assert (result.status, "2 times" in result.finding) == (Status.WARNING, True)


def test_a_run_that_says_too_much(make: Make, examine: Examine) -> None:
    train = f"head -c 900000 /dev/zero | tr '\\0' x; echo; {prints(1.0)}"
    result = examine(make({TRAIN: train}, measure={"output_mb": 1.0}), "run.output")
    assert (result.status, "output_mb" in result.fix) == (Status.WARNING, True)


SCORED = {
    "setup": {"command": "echo 1 > made"},
    "measure": {"command": 'echo 7 > "$OVERNIGHT_ARTEFACTS/answer"'},
    "score": {"command": 'test -f made && echo "val_loss: $(cat $OVERNIGHT_ARTEFACTS/answer)"'},
    "sandbox": BUBBLEWRAP,
}


def test_a_scorer_and_a_hold_out(make: Make, examine_all: ExamineAll) -> None:
    study = make(holdout={"command": "echo 'val_loss: 8'"}, **SCORED)
    found = examine_all(study, "run.baseline", "run.report", "run.holdout")
    assert found["run.baseline"].finding.startswith("val_loss = 7,")
    assert "scorer reports" in found["run.report"].finding
    assert found["run.holdout"].finding == "The hold-out's val_loss = 8."


def test_a_scorer_and_a_hold_out_that_fail(make: Make, examine: Examine) -> None:
    study = make(**{**SCORED, "score": {"command": "echo no answers; exit 2"}})
    result = examine(study, "run.baseline")
    assert "Score: It ended with exit code 2" in result.finding
    assert result.details == ("no answers",)
    study.configure(**SCORED, holdout={"command": "exit 4"})
    assert "exit code 4" in examine(study, "run.holdout").finding


def test_noise_of_the_same_commit(make: Make, examine: Examine) -> None:
    train = "echo \"val_loss: 1.$(od -An -N2 -tu2 /dev/urandom | tr -d ' ')\"\n"
    study = make({TRAIN: train})
    assert examine(study, "run.noise").status is Status.SKIPPED
    result = examine(study, "run.noise", repeat=3)
    assert result.status is Status.WARNING
    assert result.finding.startswith("3 runs of the same commit lie within ")
    assert result.fix.startswith("Write gate.min_delta = ")


def test_noise_against_the_gate() -> None:
    assert judge_noise([1.0, 1.01], runs=2, min_delta=0.05).status is Status.OK
    assert judge_noise([1.0, 1.1], runs=2, min_delta=0.05).status is Status.WARNING
    assert judge_noise([1.0], runs=2, min_delta=0.05).status is Status.FAILED


@pytest.mark.parametrize("kind", ["bubblewrap", "none"])
def test_the_deadline_ends_whatever_was_started(kind: str, make: Make, examine: Examine) -> None:
    result = examine(make(sandbox={"kind": kind}), "run.deadline-kills")
    assert result.status is Status.OK


@pytest.mark.parametrize(
    ("source", "variables", "network", "words"),
    [
        ("import wandb\n", (), False, 'WANDB_MODE = "offline"'),
        ("from wandb import init\n", (), True, 'pass_env = ["WANDB_API_KEY"]'),
        ("name = input('Name: ')\n", (), False, "train.py:1 calls input()"),
        ("import wandb\n", ("WANDB_MODE",), False, None),
        ("import wandb\n", ("WANDB_API_KEY",), True, None),
        ("import wandbox\nmy_input(1)\n# input(1)\n", (), False, None),
    ],
)
def test_code_that_waits_for_a_person(
    source: str, variables: tuple[str, ...], network: bool, words: str | None
) -> None:
    found = list(find_prompts("train.py", source, variables=variables, has_network=network))
    assert bool(found) == (words is not None)
    assert words is None or words in found[0].finding + found[0].fix


def test_a_tracker_that_asks_for_a_login(make: Make, examine: Examine) -> None:
    study = make({"train.py": "import wandb\nx = input()\n"})
    result = examine(study, "run.prompts")
    assert result.status is Status.WARNING
    assert "it has no network" in result.finding
    assert "input()" in result.details[0]
    study.configure(measure={"env": {"WANDB_MODE": "offline"}})
    assert "input()" in examine(study, "run.prompts").finding


def test_input_is_at_its_end(make: Make, examine: Examine) -> None:
    study = make({TRAIN: f"read line || echo nobody; {prints(1.0)}"})
    assert examine(study, "run.baseline").status is Status.OK
