"""The scripted researcher: makes the steps that it was given, one a trial."""

import json
from pathlib import Path

import pytest

from overnight.errors import AgentMisconfigured
from overnight.researchers.base import ResearcherSettings
from overnight.researchers.scripted import Step, create
from overnight.testing.studies import TRAIN, TinyStudy, make_study, prints
from overnight.types import Usage, Verdict


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TinyStudy:
    monkeypatch.setenv("OVERNIGHT_WORK", str(tmp_path / "work"))
    return make_study(tmp_path / "study")


def test_makes_its_steps_in_order_until_nothing_is_left(study: TinyStudy) -> None:
    end = study.run(
        [
            Step(
                "better",
                edits={TRAIN: prints(0.5), "src/new/file.txt": "x"},
                deletions=["src/model.txt"],
                action=lambda root: (root / "src" / "made.txt").touch(),
                rationale="It should help.",
                details={"layers": [1, 2]},
                usage=Usage(input_tokens=3, output_tokens=4),
            ),
            Step("worse", edits={TRAIN: prints(0.9)}),
        ]
    )
    assert end.finished
    assert end.reason == "Every scripted step has been made."
    assert end.spent.agent_tokens == 7
    baseline, better, worse, *rest = study.trials()
    assert (better.verdict, better.rationale) == (Verdict.KEEP, "It should help.")
    assert better.details == {"layers": [1, 2]}
    assert (worse.verdict, worse.parent_commit) == (Verdict.DISCARD, better.commit)
    assert [trial.verdict for trial in rest] == [Verdict.INTERRUPTED]
    changed = study.git("diff", "--name-status", f"{baseline.commit}..{better.commit}")
    assert set(changed.splitlines()) == {
        "A\tsrc/made.txt",
        "A\tsrc/new/file.txt",
        "D\tsrc/model.txt",
        f"M\t{TRAIN}",
    }


def test_a_restart_goes_on_where_it_stopped(study: TinyStudy) -> None:
    steps = [Step(f"step {number}", edits={TRAIN: prints(number)}) for number in (3, 2)]
    study.configure(budget={"trials": 1})
    study.run(steps)
    study.run(steps)
    assert [trial.title for trial in study.trials()] == ["baseline", "step 3", "step 2"]


def test_a_step_can_fail_after_its_edits(study: TinyStudy) -> None:
    steps = [
        Step("fails", edits={TRAIN: prints(0.1)}, error=AgentMisconfigured("No such model.")),
        Step("never made", edits={TRAIN: prints(0.2)}),
    ]
    with pytest.raises(AgentMisconfigured, match="No such model"):
        study.run(steps)
    assert [trial.verdict for trial in study.trials()] == [Verdict.KEEP, Verdict.INTERRUPTED]


@pytest.mark.parametrize(
    "step",
    [Step("gone", deletions=["no-such-file"]), Step("in the way", edits={"src": "a directory"})],
    ids=lambda step: step.title,
)
def test_a_step_that_does_not_fit_is_the_scripts_fault(study: TinyStudy, step: Step) -> None:
    with pytest.raises(AgentMisconfigured, match=f"The step '{step.title}' does not fit: "):
        study.run([step])


def test_a_study_file_can_hold_the_script(study: TinyStudy) -> None:
    step = {"title": "better", "rationale": "Why not.", "write": {TRAIN: prints(0.5)}}
    study.configure(researcher={"kind": "scripted", "options": {"steps": [step]}})
    settings = study.load().researcher_settings
    study.run(create(settings))
    trial = study.trials()[1]
    assert (trial.title, trial.rationale, trial.value) == ("better", "Why not.", 0.5)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, r"researcher\.options\.steps: Field required"),
        ({"steps": [{}]}, r"researcher\.options\.steps\.0\.title: Field required"),
        ({"steps": [{"title": "a", "wirte": {}}]}, r"steps\.0\.wirte: Extra inputs"),
        ({"steps": [], "more": 1}, r"researcher\.options\.more: Extra inputs"),
    ],
    ids=json.dumps,
)
def test_options_that_are_no_script_are_refused(options: dict[str, object], told: str) -> None:
    settings = ResearcherSettings("scripted", options=options)  # type: ignore[arg-type] # any JSON
    with pytest.raises(AgentMisconfigured, match=f"{told}.* Give \\[\\[researcher.options.steps"):
        create(settings)


def test_nothing_is_left_of_an_empty_script(study: TinyStudy) -> None:
    end = study.run([])
    assert end.finished
    assert end.reason == "Every scripted step has been made."
