"""The replay researcher: what helped elsewhere, tried again here."""

from pathlib import Path

import pytest

from overnight.errors import AgentMisconfigured
from overnight.researchers.base import ResearcherSettings
from overnight.researchers.replay import create
from overnight.researchers.scripted import Step
from overnight.testing.studies import METRIC, TinyStudy, make_study
from overnight.types import JsonValue, Verdict

TRAIN = """\
width=1
# one
# two
# three
depth=1
# four
# five
# six
"""
SCOPE: dict[str, JsonValue] = {"editable": ["train.sh", "data.bin"], "protected": []}
MEASURE = f'. ./train.sh; echo "{METRIC}: $((100 - 10 * width - depth))"'


def train(*, width: int = 1, depth: int = 1) -> str:
    return TRAIN.replace("width=1", f"width={width}").replace("depth=1", f"depth={depth}")


def make(directory: Path) -> TinyStudy:
    return make_study(
        directory,
        files={"train.sh": TRAIN, "data.bin": "\1\2"},
        measure={"command": MEASURE},
        scope=SCOPE,
    )


@pytest.fixture(autouse=True)
def _work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OVERNIGHT_WORK", str(tmp_path / "work"))


@pytest.fixture
def source(tmp_path: Path) -> TinyStudy:
    """A study of which a night kept two changes and discarded one."""
    study = make(tmp_path / "source")
    study.run(
        [
            Step("wider", edits={"train.sh": train(width=2), "data.bin": "\0binary\xff"}),
            Step("less deep", edits={"train.sh": train(width=2, depth=0)}),
            Step("deeper", edits={"train.sh": train(width=2, depth=3)}),
        ]
    )
    return study


def replay(study: TinyStudy, *, scope: dict[str, JsonValue] = SCOPE, **options: JsonValue) -> str:
    """Replay a night; returns why it ended."""
    study.configure(
        measure={"command": MEASURE},
        scope=scope,
        researcher={"kind": "replay", "options": options},
        budget={"trials": 5},
    )
    return study.run(create(study.load().researcher_settings)).reason


def titles(study: TinyStudy) -> list[tuple[str, Verdict | None]]:
    done = [trial for trial in study.trials() if trial.verdict is not Verdict.INTERRUPTED]
    return [(trial.title, trial.verdict) for trial in done[1:]]


def test_what_another_study_kept_is_tried_again(source: TinyStudy, tmp_path: Path) -> None:
    study = make(tmp_path / "study")
    assert replay(study, source="../source") == "Every patch has been replayed."
    assert titles(study) == [("wider", Verdict.KEEP), ("deeper", Verdict.KEEP)]
    assert study.git("show", "overnight/tiny:train.sh") == train(width=2, depth=3).strip()
    assert study.git("show", "overnight/tiny:data.bin") == source.git(
        "show", "overnight/tiny:data.bin"
    )


def test_all_of_it_on_request_and_what_does_not_fit_is_passed_by(
    source: TinyStudy, tmp_path: Path
) -> None:
    study = make(tmp_path / "study")
    study.commit({"train.sh": train(depth=0)})
    reason = replay(study, source=str(source.root), only="all")
    assert titles(study) == [("wider", Verdict.KEEP)]
    assert "2 did not fit" in reason


def test_a_folder_of_patches_in_the_order_of_their_names(tmp_path: Path) -> None:
    study = make(tmp_path / "study")
    patches = tmp_path / "patches"
    patches.mkdir()
    for name, content in (("b-wider", train(width=2)), ("a-deeper", train(depth=2))):
        (study.root / "train.sh").write_text(content, encoding="utf-8")
        (patches / f"{name}.patch").write_text(study.git("diff") + "\n", encoding="utf-8")
    (patches / "c-junk.patch").write_text("no patch", encoding="utf-8")
    study.git("checkout", "--quiet", "train.sh")
    assert "1 did not fit: c-junk.patch" in replay(study, source=str(patches))
    assert titles(study) == [("a-deeper", Verdict.KEEP), ("b-wider", Verdict.KEEP)]
    assert study.git("show", "overnight/tiny:train.sh") == train(width=2, depth=2).strip()


def test_a_restart_repeats_nothing(source: TinyStudy, tmp_path: Path) -> None:
    study = make(tmp_path / "study")
    for _ in range(3):
        reason = replay(study, source=str(source.root))
    assert reason == "Every patch has been replayed."
    assert [title for title, _ in titles(study)] == ["wider", "deeper"]


@pytest.mark.parametrize(
    "scope", [{"editable": ["README.md"]}, {"max_file_mb": 1e-5}], ids=["out of scope", "too big"]
)
def test_a_patch_that_the_guards_refuse_is_tried_once(
    source: TinyStudy, tmp_path: Path, scope: dict[str, JsonValue]
) -> None:
    study = make(tmp_path / "study")
    reason = replay(study, scope={**SCOPE, **scope}, source=str(source.root))
    refused = [("wider", Verdict.OUT_OF_SCOPE), ("deeper", Verdict.OUT_OF_SCOPE)]
    assert titles(study)[0] == refused[0]
    assert "wider" not in [title for title, _ in titles(study)[1:]]
    assert reason.startswith("Every patch has been replayed.")


def test_the_proposal_says_where_it_comes_from(source: TinyStudy, tmp_path: Path) -> None:
    study = make(tmp_path / "study")
    replay(study, source=str(source.root))
    trial = study.trials()[1]
    assert trial.rationale == f"Replayed from {trial.details['patch']}."
    assert trial.details["passed_by"] == []


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, r"researcher\.options\.source: Field required"),
        ({"source": "x", "only": "best"}, r"researcher\.options\.only: Input should be 'kept'"),
        ({"source": "no-such-place"}, "has neither a ledger in .overnight nor"),
    ],
)
def test_options_that_cannot_work_are_refused(
    options: dict[str, JsonValue], told: str, tmp_path: Path
) -> None:
    with pytest.raises(AgentMisconfigured, match=told):
        create(ResearcherSettings("replay", options=options, root=tmp_path))
