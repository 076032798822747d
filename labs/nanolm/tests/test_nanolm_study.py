"""The study around the code: patches, study files, the night on a GPU machine; without torch."""

import argparse
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from overnight.config import load_study
from overnight.patterns import PathPatterns
from overnight.researchers.replay import read_patches
from overnight.researchers.tune.constants import rewrite, survey
from overnight.researchers.tune.literals import Value
from overnight.researchers.tune.scan import scan
from overnight.researchers.tune.space import Options

LAB = Path(__file__).parents[1]
PUBLISHED: Mapping[str, Mapping[str, Value]] = {
    "gpt54": {
        "DEPTH": 7,
        "TOTAL_BATCH": 2**14,
        "LR_SCALE": 0.46,
        "WEIGHT_DECAY": 0.1,
        "WARMDOWN": 0.45,
        "FINAL_LR": 0.15,
    },
    "spark": {"WARMDOWN": 0.29, "MOMENTUM_RAMP": 0.2, "MOMENTUM": 0.94, "MOMENTUM_START": 0.83},
}
KEPT = {"gpt54": 19, "spark": 7}  # as printed, less each night's baseline


@pytest.mark.parametrize("night", PUBLISHED)
def test_patches_apply_in_order(tmp_path: Path, night: str) -> None:
    target = Path(shutil.copy(LAB / "train.py", tmp_path))
    patches = list(read_patches(LAB / "patches" / night, kept_only=True))
    assert len(patches) == KEPT[night]
    before = target.read_bytes()
    for patch in patches:
        assert _applies(patch.content, tmp_path), patch.name
        assert target.read_bytes() != before
        before = target.read_bytes()
    assert before == rewrite((LAB / "train.py").read_bytes(), PUBLISHED[night])


@pytest.mark.parametrize("night", PUBLISHED)
def test_a_patch_needs_no_other_than_those_of_its_own_constant(tmp_path: Path, night: str) -> None:
    """A night that keeps few of them can still try what has nothing to do with the rest."""
    source = (LAB / "train.py").read_bytes()
    baseline = _constants(source)
    everything = rewrite(source, PUBLISHED[night])
    for patch in read_patches(LAB / "patches" / night, kept_only=True):
        (tmp_path / "train.py").write_bytes(source)
        if not _applies(patch.content, tmp_path):
            continue  # it goes on from an earlier patch
        changed = _constants((tmp_path / "train.py").read_bytes())
        own = {name for name in baseline if changed[name] != baseline[name]}
        others_moved = rewrite(everything, {name: baseline[name] for name in own})
        (tmp_path / "train.py").write_bytes(others_moved)
        assert _applies(patch.content, tmp_path), patch.name


def test_every_constant_can_be_tuned() -> None:
    panel = scan(LAB, PathPatterns(("train.py",)), Options())
    dials = {dial.name.removeprefix("train.py:"): dial for dial in panel.dials}
    assert not panel.skipped
    assert dials.keys() == _constants((LAB / "train.py").read_bytes()).keys()
    assert dials["WINDOWS"].rungs == ("L", "SL", "SSSL")
    assert dials["TOTAL_BATCH"].rungs == tuple(2**n for n in range(14, 19))
    assert 0.0 in dials["FINAL_LR"].rungs
    assert 0.0 in dials["WARMUP"].rungs


def test_source_is_one_file_that_reads_the_fixed_half_only() -> None:
    source = (LAB / "train.py").read_text()
    imported = set(re.findall(r"^(?:from|import) (\w+)", source, re.MULTILINE))
    assert imported <= {"math", "sys", "collections", "dataclasses", "prepare", "torch"}


def test_the_study_file_protects_what_judges() -> None:
    study = load_study(LAB)
    assert study.protected.match("prepare.py")
    assert study.editable.match("train.py")
    assert not study.editable.match("prepare.py")
    assert "val_bpb" in study.program_text()


def test_the_night_makes_a_study_that_can_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(LAB)
    from gpu_night.arms import make_study  # noqa: PLC0415 (found by the line above)
    from gpu_night.measured import CLAIMS  # noqa: PLC0415

    options = argparse.Namespace(work=tmp_path, train_s=7, finals=4, trials=11)
    make_study(options, tmp_path / "study")
    study = load_study(tmp_path / "study")
    assert study.measure.env == {"NANOLM_TIME_BUDGET_S": "7"}
    assert study.compare.budget.trials == 11
    tune, replay = study.compare.arms
    assert (tune.name, replay.name) == ("tune", "replay")
    patches = list(read_patches(Path(replay.options["source"]), kept_only=True))
    assert len(patches) == sum(KEPT.values())
    assert patches[0].name.startswith("1-gpt54-01")
    for changes in CLAIMS.values():
        assert rewrite((LAB / "train.py").read_bytes(), changes)


def test_a_call_does_not_begin_what_does_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(LAB)
    from gpu_night.budget import Timer  # noqa: PLC0415 (found by the line above)

    timer = Timer(1.0, run_s=20)
    assert timer.has_room(2)
    assert not timer.has_room(3)
    timer.took(100)
    assert not timer.has_room(1)


def _applies(patch: bytes, folder: Path) -> bool:
    run = subprocess.run(
        ["git", "apply", "-C1", "-"],
        cwd=folder,
        input=patch,
        env={"GIT_CEILING_DIRECTORIES": str(folder.parent), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        check=False,
    )
    return run.returncode == 0


def _constants(source: bytes) -> dict[str, Value]:
    return {constant.name: constant.value for constant in survey(source).constants}
