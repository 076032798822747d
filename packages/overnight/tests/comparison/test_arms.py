"""From what a user asks for to arms with names of their own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.arms import named, new_arms, parse_arm, with_control, with_itself
from overnight.config import ArmTable, ResearcherTable
from overnight.errors import StudyFileError

STUDY = ResearcherTable(kind="codex", model="gpt-5.4", options={"effort": "high"})


def test_an_arm_of_the_studys_kind_has_its_settings_but_for_the_model() -> None:
    arm = parse_arm("codex:gpt-5.3-codex", study=STUDY)
    assert (arm.kind, arm.model, arm.options) == ("codex", "gpt-5.3-codex", {"effort": "high"})


def test_an_arm_of_another_kind_leaves_the_studys_settings_behind() -> None:
    arm = parse_arm("tune", study=STUDY)
    assert (arm.kind, arm.model, arm.options) == ("tune", None, {})


def test_models_may_hold_colons_and_slashes() -> None:
    arm = parse_arm("chat:org/model:free", study=STUDY)
    assert (arm.kind, arm.model) == ("chat", "org/model:free")
    assert named([arm, parse_arm("tune", study=STUDY)])[0].name == "chat-org-model-free"


def test_a_control_is_added_once() -> None:
    tune, codex = ArmTable(kind="tune"), ArmTable(kind="codex")
    assert [arm.kind for arm in with_control([codex])] == ["codex", "tune"]
    assert with_control([tune, codex]) == [tune, codex]


def test_one_against_itself_has_two_names() -> None:
    assert [arm.name for arm in named(with_itself([ArmTable(kind="tune")]))] == ["tune-a", "tune-b"]


def test_one_arm_is_no_comparison() -> None:
    with pytest.raises(StudyFileError, match="at least two arms"):
        named([ArmTable(kind="tune")])


@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.text(max_size=5)), min_size=2))
def test_every_arm_has_a_name_of_its_own_that_names_a_branch(pairs: list[tuple[str, str]]) -> None:
    arms = named([ArmTable(kind=kind, model=model or None) for kind, model in pairs][:20])
    names = [arm.name or "" for arm in arms]
    assert len(set(names)) == len(names)
    assert all(ArmTable.model_validate(arm.model_dump()) == arm for arm in arms)


def test_each_night_of_each_arm_is_recorded() -> None:
    arms = new_arms(named([ArmTable(kind="tune"), ArmTable(kind="codex")]), repeats=2)
    assert [(arm.name, arm.repeat) for arm in arms] == [
        ("tune", 1),
        ("codex", 1),
        ("tune", 2),
        ("codex", 2),
    ]
