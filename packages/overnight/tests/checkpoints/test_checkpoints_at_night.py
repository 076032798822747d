"""Checkpoints of real nights: what holds is validated, what does not is found and taken back."""

import json
import os
import signal
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from overnight.ledger.queries import LedgerReader
from overnight.ledger.records import CheckpointRecord, EventRecord, RunRecord
from overnight.progress import Phase
from overnight.researchers.scripted import Step
from overnight.testing.consistency import contradictions
from overnight.testing.studies import TRAIN, Listener, TinyStudy, prints
from overnight.types import CheckpointKind, EventKind, Purpose, Validation, Verdict

Make = Callable[..., TinyStudy]
SUM = 'awk "BEGIN { print \\"val_loss:\\", 1.0 - $A - $B }"\n'


class Record:
    """What the ledger of a study holds beside its trials."""

    def __init__(self, study: TinyStudy) -> None:
        with closing(LedgerReader(study.layout.ledger)) as reader:
            self.checkpoints: list[CheckpointRecord] = reader.checkpoints()
            self.runs: list[RunRecord] = reader.runs_again()
            self.events: list[EventRecord] = reader.events()
            self.kept = [trial.number for trial in reader.kept()]


def better(value: float, *, path: str = "src/model.txt") -> Step:
    return Step(f"to {value}", edits={TRAIN: prints(value), path: f"width = {value}\n"})


def once(lucky: float, then: float, memory: Path) -> str:
    """A program that is better the first time than ever after."""
    return (
        f"if [ -e '{memory}' ]; then echo 'val_loss: {then}'; else touch '{memory}';"
        f" echo 'val_loss: {lucky}'; fi\n"
    )


def test_a_chain_that_holds_is_validated_with_its_numbers(make: Make) -> None:
    study = make(checkpoint={"repeats": 2}, budget={"trials": 2})
    study.run([better(0.8), better(0.5)])
    record = Record(study)
    [checkpoint] = record.checkpoints
    assert checkpoint.kind is CheckpointKind.FINAL
    assert checkpoint.outcome is Validation.VALIDATED
    assert (checkpoint.incumbent, checkpoint.culprit) == (2, None)
    facts = checkpoint.facts
    assert (facts["baseline_now"], facts["baseline_shift"], facts["incumbent_now"]) == (1, 0, 0.5)
    assert (facts["gain"], facts["runs"]) == (0.5, [2, 2])
    assert [run.trial for run in record.runs] == [0, 2, 0, 2], "in turn"
    assert {run.purpose for run in record.runs} == {Purpose.CHECKPOINT}
    assert contradictions(study.load()) == []


def test_runs_of_checkpoints_are_no_runs_of_trials(make: Make) -> None:
    study = make(budget={"trials": 1})
    study.run([better(0.5)])
    assert len(study.runs(1)) == 1


def test_no_checkpoint_without_a_keep_and_one_every_so_many_trials(make: Make) -> None:
    study = make(checkpoint={"every_trials": 2, "at_end": False}, budget={"trials": 7})
    worse = Step("worse", edits={TRAIN: prints(2.0)})
    steps = [worse, better(0.9), better(0.8), better(0.7), worse, Step("w", edits={TRAIN: "x"})]
    study.run([*steps, better(0.6)])
    assert [c.after_trial for c in Record(study).checkpoints] == [2, 4, 7]


def test_a_lucky_keep_is_found_and_taken_back_with_what_is_built_on_it(
    make: Make, tmp_path: Path
) -> None:
    study = make(budget={"trials": 4}, scope={"editable": [TRAIN, "src/**"]})
    lucky = Step("lucky", edits={TRAIN: once(0.3, 1.5, tmp_path / "lucky")})
    ticks = iter(range(100))

    def comment(value: float) -> Step:
        """Built on the lucky keep: it changes a line that is there only because of it."""
        line = once(value, 1.5, tmp_path / f"also-lucky-{next(ticks)}")
        return Step(f"on top {value}", edits={TRAIN: line})

    study.run([better(0.8), lucky, comment(0.2), comment(0.1)])
    record = Record(study)
    [checkpoint] = record.checkpoints
    assert checkpoint.outcome is Validation.REFUTED
    assert checkpoint.culprit == 2
    assert "At fault: trial 2." in checkpoint.reason
    assert record.kept == [0, 1]
    demoted = [trial.number for trial in study.trials() if trial.demoted_after is not None]
    assert demoted == [2, 3, 4]
    head = study.git("rev-parse", "overnight/tiny")
    assert head == study.trials()[1].commit
    table = study.layout.results.read_text().splitlines()
    assert [row.split("\t")[3] for row in table[1:]] == ["keep", "keep", *["discard"] * 3]
    [event] = [event for event in record.events if event.kind is EventKind.DEMOTED]
    assert event.details["demoted"] == [2, 3, 4]
    assert contradictions(study.load()) == []


def test_bisection_measures_no_more_keeps_than_it_must(make: Make, tmp_path: Path) -> None:
    study = make(budget={"trials": 8})
    steps = [better(0.9 - number / 100) for number in range(7)]
    memory = tmp_path / "lucky"
    for number in range(4, 7):  # from trial 5 on everything has the lucky line
        steps[number] = Step(
            f"lucky {number}",
            edits={TRAIN: once(0.5 - number / 100, 2.0, memory.with_name(f"lucky{number}"))},
        )
    study.run(steps)
    record = Record(study)
    assert record.checkpoints[0].culprit == 5
    measured = [run.trial for run in record.runs if run.checkpoint == 1]
    assert len(measured) <= 2 + 3, measured
    assert record.kept == [0, 1, 2, 3, 4]


def test_innocent_keeps_that_fell_too_are_proposed_again_first(make: Make, tmp_path: Path) -> None:
    count = tmp_path / "count"
    count.write_text("0")
    train = (
        ". ./a.sh; . ./b.sh\n"
        f"if grep -q LUCKY a.sh; then n=$(cat '{count}'); echo $((n + 1)) >'{count}';"
        " if [ $n -ge 2 ]; then A=-1.0; fi; fi\n"
        f"{SUM}"
    )
    study = make(
        files={TRAIN: train, "a.sh": "A=0.0\n", "b.sh": "B=0.0\n"},
        scope={"editable": ["a.sh", "b.sh"]},
        budget={"trials": 3},
        checkpoint={"every_trials": 2, "at_end": False},
    )
    lucky = Step("lucky", edits={"a.sh": "A=0.5 # LUCKY\n"})
    honest = Step("honest", edits={"b.sh": "B=0.2\n"})
    study.run([lucky, honest, Step("never reached", edits={"b.sh": "B=0.9\n"})])
    _, first, second, again = study.trials()
    assert (first.demoted_after, second.demoted_after) == (2, 2)
    assert again.title == "again: honest"
    assert (again.verdict, again.value) == (Verdict.KEEP, 0.8)
    assert Record(study).kept == [0, 3]
    assert contradictions(study.load()) == []


@pytest.fixture
def level(tmp_path: Path) -> Path:
    """By how much this machine makes everything look better."""
    level = tmp_path / "level"
    level.write_text("0.0")
    return level


def on_machine(level: Path, value: float) -> str:
    return f"A=$(cat '{level}'); B=$(awk 'BEGIN {{ print 1.0 - {value} }}')\n{SUM}"


def test_a_machine_that_gets_faster_is_no_progress(make: Make, level: Path) -> None:
    study = make(
        files={TRAIN: on_machine(level, 1.0)},
        checkpoint={"every_trials": 1, "at_end": False},
        budget={"trials": 2},
    )
    study.run(
        [
            Step("real", edits={TRAIN: on_machine(level, 0.9)}),
            Step(
                "worse, but on a faster machine",
                edits={TRAIN: on_machine(level, 0.95)},
                action=lambda _: level.write_text("0.3"),
            ),
        ]
    )
    assert study.trials()[2].verdict is Verdict.KEEP, "nobody can know before a checkpoint"
    record = Record(study)
    assert record.checkpoints[-1].outcome is Validation.REFUTED
    assert record.checkpoints[-1].facts["baseline_shift"] == pytest.approx(-0.3)
    assert record.kept == [0, 1]


def test_the_value_to_beat_follows_the_machine(make: Make, level: Path) -> None:
    study = make(
        files={TRAIN: on_machine(level, 1.0)},
        checkpoint={"every_trials": 2, "at_end": False},
        budget={"trials": 3},
    )
    study.run(
        [
            Step("real", edits={TRAIN: on_machine(level, 0.8)}),
            Step(
                "bad",
                edits={TRAIN: on_machine(level, 2.0)},
                action=lambda _: level.write_text("0.3"),
            ),
            Step("no better, but on a faster machine", edits={TRAIN: on_machine(level, 0.9)}),
        ]
    )
    last = study.trials()[3]
    assert last.to_beat == pytest.approx(0.5), "0.8 as measured again at the checkpoint"
    assert last.verdict is Verdict.DISCARD


def test_fresh_seeds_at_checkpoints_and_the_same_for_both_sides(make: Make) -> None:
    study = make(
        files={TRAIN: "echo seed: ${SEED:-0}; echo val_loss: 1.0\n"},
        measure={"seed_variable": "SEED"},
        checkpoint={"repeats": 2},
        budget={"trials": 1},
    )
    study.run([Step("better", edits={TRAIN: "echo seed: ${SEED:-0}; echo val_loss: 0.5\n"})])
    seeds = [run.metrics["seed"] for run in Record(study).runs]
    assert seeds[0] == seeds[1] != seeds[2] == seeds[3]
    assert 0 not in seeds
    assert study.runs(1)[0].metrics["seed"] == 0


def test_a_gain_that_the_holdout_does_not_see_is_refuted_and_its_numbers_stay_secret(
    make: Make, tmp_path: Path
) -> None:
    secret = tmp_path / "holdout"
    secret.mkdir()
    (secret / "answers").write_text("0.987654\n")
    study = make(
        holdout={
            "command": f"grep -q MEMORISED train.sh && echo val_loss: $(cat '{secret}/answers')"
            " || echo val_loss: 0.987654",
            "files": [str(secret)],
        },
        budget={"trials": 1},
    )
    study.run([Step("memorised", edits={TRAIN: "# MEMORISED\n" + prints(0.1)})])
    record = Record(study)
    [checkpoint] = record.checkpoints
    assert checkpoint.outcome is Validation.REFUTED
    assert "hold-out" in checkpoint.reason
    held_out = [run for run in record.runs if run.purpose is Purpose.HOLDOUT]
    assert [run.metrics["val_loss"] for run in held_out] == [0.987654] * 2
    study.configure(budget={"trials": 1}, checkpoint={"every_trials": 0, "at_end": False})
    study.run([Step("memorised"), Step("next", edits={TRAIN: prints(0.7)})])
    briefs = [path.read_text() for path in study.layout.trials.glob("*/brief.md")]
    assert briefs
    assert not any("0.987654" in brief for brief in briefs)


def test_a_stop_during_a_checkpoint_leaves_it_for_the_next_session(
    make: Make, tmp_path: Path
) -> None:
    slow = f"if [ -e '{tmp_path}/slow' ]; then sleep 30; fi\necho val_loss: 0.5\n"
    study = make(budget={"trials": 1})

    class Impatient(Listener):
        """Asks to stop as soon as something is measured again, which is slow then."""

        def phase(
            self,
            trial: int,
            phase: Phase,
            *,
            deadline_s: float | None = None,
            log: Path | None = None,
        ) -> None:
            if phase is Phase.VALIDATING:
                (tmp_path / "slow").touch()
                os.kill(os.getpid(), signal.SIGTERM)

    end = study.run([Step("slow", edits={TRAIN: slow})], watcher=Impatient())
    assert "checkpoint" in end.reason.lower()
    (tmp_path / "slow").unlink()
    study.run([Step("slow")])
    outcomes = [checkpoint.outcome for checkpoint in Record(study).checkpoints]
    assert outcomes == [Validation.INTERRUPTED, Validation.VALIDATED]
    assert contradictions(study.load()) == []


def test_facts_are_plain_json(make: Make) -> None:
    study = make(budget={"trials": 1})
    study.run([better(0.5)])
    json.dumps(dict(Record(study).checkpoints[0].facts), allow_nan=False)
