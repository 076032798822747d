"""What a measured command is given, what the harness sees of it, and how it ends."""

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.errors import BaselineFailed
from overnight.measure.claims import TimeAccount, doubt_time
from overnight.measure.reserved import as_claimed, without_reserved
from overnight.researchers.scripted import Step
from overnight.testing.studies import TRAIN, make_study, prints
from overnight.types import Verdict

HoldNight = Callable[..., Any]

# What it is given.


def test_its_environment(hold_night: HoldNight, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "SERVICE_TOKEN", "PLAIN", "SSH_AUTH_SOCK"):
        monkeypatch.setenv(name, "of the user")
    monkeypatch.setenv("INDEX_URL", "https://me:secret@example.org")
    own = {"OF_THE_STUDY": "yes", "MY_KEY": "x"}
    night = hold_night(
        {"look": f"env\n{prints(0.5)}"}, measure={"env": own, "pass_env": ["SERVICE_TOKEN"]}
    )
    lines = night["look"].log().splitlines()
    env = dict(line.split("=", 1) for line in lines if "=" in line)
    assert not {"OPENAI_API_KEY", "SSH_AUTH_SOCK", "INDEX_URL", "OVERNIGHT_SEED"} & env.keys()
    assert env.items() >= {**own, "PLAIN": "of the user", "SERVICE_TOKEN": "of the user"}.items()
    output = Path(env["OVERNIGHT_METRICS"]).parent
    assert str(output) == f"{env['PWD']}-output"
    assert env["OVERNIGHT_ARTEFACTS"] == str(output / "artefacts")
    assert env["GIT_CEILING_DIRECTORIES"] == str(output.parent)


def test_a_checkpoint_sets_the_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for both sides, another one for each repeat, and none for a trial."""
    monkeypatch.setenv("OVERNIGHT_WORK", str(tmp_path / "work"))
    say = "echo seed: ${SEED:-none}\n"
    study = make_study(
        tmp_path / "study",
        files={TRAIN: say + prints(1)},
        sandbox={"kind": "bubblewrap"},
        measure={"seed_variable": "SEED"},
        checkpoint={"at_end": True, "repeats": 2},
        budget={"trials": 1},
    )
    study.run([Step("better", edits={TRAIN: say + prints(0.5)})])
    seeds = [
        [path.read_text().split()[1] for path in sorted(study.layout.trial(trial).glob(name))]
        for name in ("output.log", "again-*-output.log")
        for trial in (0, 1)
    ]
    assert seeds[:2] == [["none"], ["none"]]
    assert seeds[2] == seeds[3]
    assert len(set(seeds[2])) == 2


# What the harness sees.

FORGED = "echo harness.wall_s: 0.001; echo harness.peak_memory_mb: 1; echo harness.forged: 1"
HOG = f"{sys.executable} -ISc 'import time; held = bytearray(200 << 20); time.sleep(0.4)'"


def test_its_own_numbers_cannot_be_forged(hold_night: HoldNight) -> None:
    bounds = ["harness.peak_memory_mb <= 150", "harness.wall_s < 3"]
    night = hold_night(
        {
            "small": f"{FORGED}\n{prints(0.9)}",
            "large": f"{HOG}\n{FORGED}\n{prints(0.5)}",
            "slow": f"sleep 3.1\n{FORGED}\n{prints(0.4)}",
        },
        metric={"constraints": bounds},
    )
    assert night["small"].trial.verdict is Verdict.KEEP
    metrics = night["small"].run.metrics
    assert metrics["harness.wall_s"] > 0.001
    assert metrics["harness.peak_memory_mb"] > 1
    assert "harness.forged" not in metrics
    for name, bound in zip(("large", "slow"), bounds, strict=True):
        assert night[name].trial.verdict is Verdict.VIOLATION
        assert night[name].trial.reason.startswith(f"{bound} does not hold: it is ")


@pytest.mark.parametrize("name", ["harness.peak_gpu_mb", "harness.nonsense", "claimed.peak_mb"])
def test_a_constraint_that_nobody_can_answer_is_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Not even a program that prints such a name answers it."""
    monkeypatch.setenv("OVERNIGHT_WORK", str(tmp_path / "work"))
    study = make_study(
        tmp_path / "study",
        files={TRAIN: f"echo {name}: 1\n{prints(1)}"},
        metric={"constraints": [f"{name} <= 10"]},
        sandbox={"kind": "bubblewrap", "gpu": "none"},
    )
    with pytest.raises(BaselineFailed, match=f"{name} is not known"):
        study.run([])


NAMES = st.sampled_from(["loss", "harness.wall_s", "claimed.loss", "harness", "claimed", "a.b"])
METRICS = st.dictionaries(NAMES, st.floats(allow_nan=False), max_size=5)


@given(METRICS)
def test_reserved_names_are_nobodys(metrics: dict[str, float]) -> None:
    own = without_reserved(metrics)
    assert own.items() <= metrics.items()
    assert not [name for name in own if name.startswith(("harness.", "claimed."))]
    assert as_claimed(metrics) == {f"claimed.{name}": value for name, value in own.items()}


# The time that it says it took.


def test_a_run_is_held_to_the_time_that_it_claims(hold_night: HoldNight) -> None:
    spin = f"{sys.executable} -ISc 'while __import__(\"time\").process_time() < 1.5: pass'"
    night = hold_night(
        {
            "honest": f"echo training_s: 30\n{prints(0.9)}",
            "waits": f"sleep 1.5\necho training_s: 0.3\n{prints(0.5)}",
            "computes": f"{spin}\necho training_s: 0.3\n{prints(0.5)}",
            "says nothing": prints(0.5),
            "says no number": f"echo training_s: long\n{prints(0.5)}",
        },
        files={TRAIN: f"echo training_s: 30\n{prints(1)}"},  # so that a slow start is no matter
        measure={"claimed_time": {"metric": "training_s"}},
    )
    assert night["honest"].trial.verdict is Verdict.KEEP
    for name in ("waits", "computes"):
        assert night[name].trial.verdict is Verdict.TAMPERED
        assert night[name].trial.reason.startswith("It claims 0.3s of training, but used ")
    for name in ("says nothing", "says no number"):
        assert night[name].trial.verdict is Verdict.NO_METRIC
        assert "training_s" in night[name].trial.reason


def test_on_the_processors_clock_waiting_costs_nothing(hold_night: HoldNight) -> None:
    night = hold_night(
        {"waits": f"sleep 1.5\necho training_s: 0\n{prints(0.5)}"},
        files={TRAIN: f"echo training_s: 0\n{prints(1)}"},
        measure={"claimed_time": {"metric": "training_s", "clock": "cpu"}},
    )
    assert night["waits"].trial.verdict is Verdict.KEEP


SECONDS = st.floats(0, 1e5)


@given(SECONDS, SECONDS, SECONDS)
def test_who_claims_more_is_doubted_less(claimed: float, more: float, used: float) -> None:
    baseline = TimeAccount(claimed_s=10, used_s=12)
    if doubt_time(TimeAccount(claimed, used), baseline=baseline) is None:
        assert doubt_time(TimeAccount(claimed + more, used), baseline=baseline) is None


@given(SECONDS, SECONDS)
def test_the_baselines_own_account_is_never_doubted(claimed: float, used: float) -> None:
    account = TimeAccount(claimed, used)
    assert doubt_time(account, baseline=account) is None


# How it ends, with what it may use up.


FILES = "for i in 1 2 3 4 5 6 7 8; do head -c 1000000 /dev/urandom >$i; done; sleep 100"
ONE_FILE = "open('file', 'wb').write(bytes(9 << 20))"
ENDINGS: Mapping[str, tuple[str, Verdict, str]] = {
    "memory": (f"{HOG}; {HOG}", Verdict.OUT_OF_MEMORY, r"It held \d+ MiB of memory, 102 MiB .*"),
    "processes": (
        "for i in $(seq 100); do sleep 100 & done; wait",
        Verdict.TOO_MANY_PROCESSES,
        r"It had \d+ processes, 12 are allowed; killed.",
    ),
    "files": (FILES, Verdict.OUT_OF_DISK, r"It wrote more than 4 MiB, or .*; killed."),
    "one file": (
        "exec head -c 9000000 /dev/zero >file",
        Verdict.OUT_OF_DISK,
        r"It wrote a file of over 4 MiB.",
    ),
    "one file of Python's": (
        f'{sys.executable} -ISc "{ONE_FILE}"',
        Verdict.OUT_OF_DISK,
        r"It could not write any more: .*File too large.*",
    ),
    "deadline": ("sleep 100", Verdict.TIMEOUT, r"Not done after 3.0s; killed."),
    "crash": ("echo bad; exit 3", Verdict.CRASH, r"It ended with exit code 3: bad"),
    "lies": ("echo 'bwrap: none'; exit 1", Verdict.CRASH, r".* exit code 1: bwrap: none"),
    "no metric": ("echo loss: 1", Verdict.NO_METRIC, r"The run reported no val_loss.*"),
}


def test_each_ending_has_its_verdict(hold_night: HoldNight) -> None:
    scripts = {name: script for name, (script, _, _) in ENDINGS.items()}
    night = hold_night(
        {**scripts, "well": prints(0.5)},
        sandbox={"kind": "bubblewrap", "memory_gb": 0.1, "processes": 12, "disk_gb": 0.004},
        measure={"deadline": "3s"},
    )
    for name, (_, verdict, pattern) in ENDINGS.items():
        trial = night[name].trial
        assert (name, trial.verdict) == (name, verdict), trial.reason
        assert re.fullmatch(pattern, trial.reason), trial.reason
    assert night["well"].trial.value == 0.5
