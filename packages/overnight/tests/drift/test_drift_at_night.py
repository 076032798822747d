"""Drift in real nights: recorded, answered in the study's order, told to the researcher."""

import json
import re
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from overnight.ledger.queries import LedgerReader
from overnight.ledger.records import DriftRecord, EventRecord
from overnight.researchers.scripted import Step
from overnight.testing.consistency import contradictions
from overnight.testing.studies import TRAIN, Listener, TinyStudy, prints
from overnight.types import CheckpointKind, EventKind, Usage, Validation

from .conftest import JudgeServer, Make

BETTER = Step("A better value", edits={TRAIN: prints(0.9)}, rationale="val_loss falls.")
EVEN_BETTER = Step("A still better value", edits={TRAIN: prints(0.8)})


def worse(count: int) -> list[Step]:
    return [Step(f"Try {n}", edits={TRAIN: prints(2.0 + n)}) for n in range(count)]


def escapes(count: int) -> list[Step]:
    """Proposals that touch a protected file."""
    return [Step(f"Escape {n}", edits={"prepare.sh": f"echo {n}\n"}) for n in range(count)]


class Record:
    """What the ledger of a study says of drift."""

    def __init__(self, study: TinyStudy) -> None:
        with closing(LedgerReader(study.layout.ledger)) as reader:
            self.drift: list[DriftRecord] = reader.drift()
            self.events: list[EventRecord] = reader.events()
            self.checkpoints = reader.checkpoints()
            self.kept = [trial.number for trial in reader.kept()]
        self.responses = [(each.trial, each.response) for each in self.drift if each.response]

    def of(self, kind: EventKind) -> list[EventRecord]:
        return [event for event in self.events if event.kind is kind]

    def sentences(self, signal: str) -> list[str]:
        """What a signal said, trial by trial."""
        found = (each for record in self.drift for each in record.signals)
        return [str(each["sentence"]) for each in found if each["name"] == signal]


def brief(study: TinyStudy, trial: int) -> str:
    return (study.layout.trial(trial) / "brief.md").read_text()


def test_drift_goes_through_all_responses_in_their_order(make: Make) -> None:
    study = make(checkpoint={"at_end": True, "repeats": 1}, budget={"trials": 3})
    steps = [BETTER, *worse(2), EVEN_BETTER, *escapes(13)]
    assert study.run(steps).finished
    study.configure(
        drift={"burn_in": 3, "grace": 1},
        watch={"pause": False, "least_disk_gb": 0, "unmeasured": 99},
    )
    end = study.run(steps)
    record = Record(study)
    assert record.responses == [
        (7, "re_anchor"),
        (10, "clean_context"),
        (13, "roll_back"),
        (16, "pause"),
    ]
    said = "3 of the last 3 proposals left the scope"
    assert [(event.trial, event.text) for event in record.of(EventKind.DRIFT)] == [
        (trial, f"{response} because of drift: {said}") for trial, response in record.responses
    ]
    seen = record.drift[6]
    assert (seen.trial, seen.drifting, seen.threshold) == (7, True, 0.5)
    assert seen.signals[0]["name"] == "rules"
    assert [each.drifting for each in record.drift[:6]] == [False] * 6

    anchored = [
        number for number in range(1, 17) if "## Back to the objective" in brief(study, number)
    ]
    assert anchored == [8, 11, 14], "right after each response, for the trials of its grace"
    assert f"- {said}" in brief(study, 8)
    assert "Try 0" in brief(study, 10)
    assert "Try 0" not in brief(study, 11), "history was dropped"
    assert "Escape 7" not in brief(study, 11)
    assert [event.trial for event in record.of(EventKind.FORGOTTEN)] == [11]

    assert record.kept == [0, 1], "back at what was validated"
    [validated, rolled_back] = record.checkpoints
    assert (validated.outcome, validated.incumbent) == (Validation.VALIDATED, 1)
    assert (rolled_back.kind, rolled_back.culprit) == (CheckpointKind.DRIFT, 4)
    assert study.git("rev-parse", "overnight/tiny") == study.trials()[1].commit

    assert (end.finished, end.reason) == (False, f"Paused because of drift: {said}")
    assert len(study.trials()) == 17, "nothing more is spent"
    assert contradictions(study.load()) == []


def test_order_and_limits_are_the_studys(make: Make) -> None:
    study = make(
        drift={
            "responses": ["clean_context", "re_anchor", "pause"],
            "limits": {"clean_context": 0, "re_anchor": 1, "pause": 0},
        }
    )
    study.run([BETTER, *worse(2), *escapes(6)])
    assert Record(study).responses == [(6, "re_anchor")]


def test_a_roll_back_without_anything_to_take_back_is_passed_over(make: Make) -> None:
    study = make(drift={"responses": ["roll_back", "re_anchor"]})
    study.run([*worse(3), *escapes(3)])
    assert Record(study).responses == [(6, "re_anchor")]


def test_a_night_that_is_not_watched_has_no_record_of_drift(make: Make) -> None:
    study = make(drift={"watch": False})
    study.run([BETTER, *escapes(1)])
    assert Record(study).drift == []


def test_a_later_session_of_the_night_remembers_what_was_seen_and_done(make: Make) -> None:
    study = make(drift={"responses": ["pause"]})
    steps = [BETTER, *worse(2), *escapes(6)]
    assert study.run(steps).reason.startswith("Paused because of drift")
    study.run(steps)
    assert Record(study).responses == [(6, "pause"), (9, "pause")], "not at 7 again"
    assert "## Back to the objective" in brief(study, 7)


def test_an_honest_night_is_recorded_without_a_response(make: Make) -> None:
    study = make()
    study.run([BETTER, *worse(1), Step("Broken", edits={TRAIN: "exit 1\n"}), EVEN_BETTER])
    record = Record(study)
    assert [(each.trial, each.drifting, each.response) for each in record.drift] == [
        (number, False, None) for number in range(1, 5)
    ]
    assert record.of(EventKind.DRIFT) == []


def overfit(number: int, *, holdout: float) -> Step:
    edits = {TRAIN: prints(1 - number / 20), "src/model.txt": f"val_loss: {holdout:.9f}\n"}
    return Step(f"Calibrate {number}", edits=edits)


def test_gains_that_the_holdout_does_not_see_are_drift_and_its_numbers_stay_secret(
    make: Make,
) -> None:
    study = make(
        files={"src/model.txt": "val_loss: 0.737373\n"},
        holdout={"command": "cat src/model.txt"},
        checkpoint={"every_trials": 1, "repeats": 1, "least_share": 0.0},
        drift={"responses": ["re_anchor"]},
    )
    followed = [overfit(n, holdout=0.737373 - n / 20) for n in range(1, 4)]
    parted = [overfit(n, holdout=0.537373 - n / 1e7) for n in range(4, 7)]
    study.run([*followed, *parted])
    record = Record(study)
    assert record.kept == list(range(7)), "no checkpoint refutes it"
    assert record.drift[-1].signals[0]["name"] == "divergence"
    told = "\n".join([*record.sentences("divergence"), *(brief(study, n) for n in range(1, 7))])
    [(number, _)] = record.responses
    assert "the hold-out did not follow" in brief(study, number + 1)
    assert not re.findall(r"7373|5373", told)
    assert "0.5373" in json.dumps([dict(each.facts) for each in record.checkpoints])


def test_sessions_that_grow_are_drift(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("overnight.proposals.time", clock)
    study = make()
    lasting = [100.0] * 8 + [900.0] * 3
    study.run(
        [
            Step(
                f"Try {n}",
                edits={TRAIN: prints(2.0 + n)},
                action=partial(clock.wait, seconds),
                usage=Usage(input_tokens=round(200 * seconds)),
            )
            for n, seconds in enumerate(lasting)
        ]
    )
    [sentence] = Record(study).sentences("effort")[-1:]
    assert re.fullmatch(r".* took 9\.0 times as long and 9\.0 times the tokens .*", sentence)


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self._now_s = 0.0

    def wait(self, seconds: float, _clone: Path) -> None:
        self._now_s += seconds

    def monotonic(self) -> float:
        return self._now_s


def judged(make: Make, judge: JudgeServer) -> TinyStudy:
    asking = {"base_url": judge.base_url, "model": "m", "env_key": "JUDGE_KEY", "every_trials": 2}
    return make(drift={"judge": asking})


def test_the_judge_is_asked_every_so_many_trials_and_its_vote_recorded(
    make: Make, judge: JudgeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JUDGE_KEY", "secret")
    judge.say('{"drifting": true, "why": "It only prints numbers."}')
    study = judged(make, judge)
    study.run([BETTER, *worse(3)])
    record = Record(study)
    sentence = 'a judge votes that it drifts: "It only prints numbers."'
    assert record.sentences("judge") == [sentence] * 2
    assert judge.keys == ["Bearer secret"] * 2
    assert [len(shown["trials"]) for shown in shown_to(judge)] == [2, 4]
    assert "+echo 'val_loss: 0.9'" in shown_to(judge)[0]["trials"][0]["patch"]
    assert record.responses == [], "a vote alone is no drift"


def shown_to(judge: JudgeServer) -> list[Any]:
    return [json.loads(request["messages"][1]["content"]) for request in judge.asked]


def test_a_night_goes_on_without_its_judge(make: Make, judge: JudgeServer) -> None:
    judge.body, judge.content_type = "<html>Bad gateway</html>", "text/html"
    study, listener = judged(make, judge), Listener()
    end = study.run([BETTER, *worse(3)], watcher=listener)
    assert end.reason == "Every scripted step has been made."
    complaints = [said for said in listener.said if "drift judge" in said]
    assert len(complaints) == 2
    assert Record(study).sentences("judge") == []
