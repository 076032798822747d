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


@pytest.fixture(scope="module")
def given_environment(hold_night: HoldNight) -> Mapping[str, str]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("OPENAI_API_KEY", "SERVICE_TOKEN", "PLAIN", "SSH_AUTH_SOCK"):
            patch.setenv(name, "of the user")
        patch.setenv("INDEX_URL", "https://me:secret@example.org")
        night = hold_night(
            {"look": f"env\n{prints(0.5)}"},
            measure={"env": {"OF_THE_STUDY": "yes", "MY_KEY": "x"}, "pass_env": ["SERVICE_TOKEN"]},
        )
    lines = night["look"].log().splitlines()
    return dict(line.split("=", 1) for line in lines if "=" in line)


def test_secrets_are_absent(given_environment: Mapping[str, str]) -> None:
    absent = ("OPENAI_API_KEY", "SSH_AUTH_SOCK", "INDEX_URL")
    assert not [name for name in absent if name in given_environment]
    assert given_environment["PLAIN"] == "of the user"


def test_what_the_study_names_is_there(given_environment: Mapping[str, str]) -> None:
    assert given_environment["SERVICE_TOKEN"] == "of the user"  # noqa: S105 (no password)
    assert given_environment["OF_THE_STUDY"] == "yes"
    assert given_environment["MY_KEY"] == "x"


def test_it_finds_its_own_places(given_environment: Mapping[str, str]) -> None:
    output = Path(given_environment["OVERNIGHT_METRICS"]).parent
    assert given_environment["PWD"] + "-output" == str(output)
    assert given_environment["OVERNIGHT_ARTEFACTS"] == str(output / "artefacts")
    assert given_environment["GIT_CEILING_DIRECTORIES"] == str(output.parent)
    assert "OVERNIGHT_SEED" not in given_environment


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


@pytest.fixture(scope="module")
def constrained(hold_night: HoldNight) -> Any:
    return hold_night(
        {
            "small": f"{FORGED}\n{prints(0.9)}",
            "large": f"{HOG}\n{FORGED}\n{prints(0.5)}",
            "slow": f"sleep 3.1\n{FORGED}\n{prints(0.4)}",
        },
        metric={"constraints": ["harness.peak_memory_mb <= 150", "harness.wall_s < 3"]},
    )


def test_its_own_numbers_cannot_be_forged(constrained: Any) -> None:
    metrics = constrained["small"].run.metrics
    assert metrics["harness.wall_s"] > 0.001
    assert metrics["harness.peak_memory_mb"] > 1
    assert "harness.forged" not in metrics


@pytest.mark.parametrize(
    ("name", "constraint"),
    [("large", "harness.peak_memory_mb <= 150"), ("slow", "harness.wall_s < 3")],
)
def test_constraints_on_them_hold(constrained: Any, name: str, constraint: str) -> None:
    trial = constrained[name].trial
    assert trial.verdict is Verdict.VIOLATION
    assert trial.reason.startswith(f"{constraint} does not hold: it is ")
    assert constrained["small"].trial.verdict is Verdict.KEEP


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


@pytest.fixture(scope="module")
def timed(hold_night: HoldNight) -> Any:
    spin = f"{sys.executable} -ISc 'while __import__(\"time\").process_time() < 1.5: pass'"
    return hold_night(
        {
            "honest": f"echo training_s: 30\n{prints(0.9)}",
            "too little": f"sleep 1.5\necho training_s: 0.3\n{prints(0.5)}",
            "nothing": prints(0.5),
            "no number": f"echo training_s: long\n{prints(0.5)}",
            "processor": f"{spin}\necho training_s: 0.3\n{prints(0.5)}",
        },
        files={TRAIN: f"echo training_s: 30\n{prints(1)}"},  # so that a slow start is no matter
        measure={"claimed_time": {"metric": "training_s"}},
    )


def test_a_run_that_used_no_more_than_it_says_is_believed(timed: Any) -> None:
    assert timed["honest"].trial.verdict is Verdict.KEEP


@pytest.mark.parametrize("name", ["too little", "processor"])
def test_a_run_that_claims_less_than_it_used_is_not(timed: Any, name: str) -> None:
    trial = timed[name].trial
    assert trial.verdict is Verdict.TAMPERED
    assert trial.reason.startswith("It claims 0.3s of training, but used ")


@pytest.mark.parametrize("name", ["nothing", "no number"])
def test_a_run_that_does_not_say_it_has_no_metric(timed: Any, name: str) -> None:
    assert timed[name].trial.verdict is Verdict.NO_METRIC
    assert "training_s" in timed[name].trial.reason


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


@pytest.fixture(scope="module")
def limited(hold_night: HoldNight) -> Any:
    files = "for i in 1 2 3 4 5 6 7 8; do head -c 1000000 /dev/urandom >$i; done; sleep 100"
    one_file = "open('file', 'wb').write(bytes(9 << 20))"
    return hold_night(
        {
            "memory": f"{HOG}; {HOG}",
            "processes": "for i in $(seq 100); do sleep 100 & done; wait",
            "files": files,
            "one file": "exec head -c 9000000 /dev/zero >file",
            "one file of Python's": f'{sys.executable} -ISc "{one_file}"',
            "deadline": "sleep 100",
            "crash": "echo went wrong; exit 3",
            "says that its sandbox failed": "echo 'bwrap: no namespaces'; exit 1",
            "no metric": "echo loss: 1",
            "well": prints(0.5),
        },
        sandbox={"kind": "bubblewrap", "memory_gb": 0.1, "processes": 12, "disk_gb": 0.004},
        measure={"deadline": "5s"},
    )


@pytest.mark.parametrize(
    ("name", "verdict", "reason"),
    [
        (
            "memory",
            Verdict.OUT_OF_MEMORY,
            r"It held \d+ MiB of memory, 102 MiB are allowed.*",
        ),
        ("processes", Verdict.TOO_MANY_PROCESSES, r"It had \d+ processes, 12 are allowed; killed."),
        ("files", Verdict.OUT_OF_DISK, r"It wrote more than 4 MiB, or .*; killed."),
        ("one file", Verdict.OUT_OF_DISK, r"It wrote a file of over 4 MiB."),
        ("one file of Python's", Verdict.OUT_OF_DISK, r"It could not write .*File too large.*"),
        ("deadline", Verdict.TIMEOUT, r"Not done after 5.0s; killed."),
        ("crash", Verdict.CRASH, r"It ended with exit code 3: went wrong"),
        ("says that its sandbox failed", Verdict.CRASH, r".* 1: bwrap: no namespaces"),
        ("no metric", Verdict.NO_METRIC, r"The run reported no val_loss.*"),
    ],
)
def test_each_ending_has_its_verdict(
    limited: Any, name: str, verdict: Verdict, reason: str
) -> None:
    trial = limited[name].trial
    assert trial.verdict is verdict, trial.reason
    assert re.fullmatch(reason, trial.reason), trial.reason


def test_the_next_one_is_well(limited: Any) -> None:
    assert limited["well"].trial.value == 0.5
