"""Arms that run at the same time, one device each: processors, since every machine has some."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import ClassVar

import pytest

from overnight.compare.analysis import analyse
from overnight.comparison import ComparisonEnd, run_comparison
from overnight.config import ArmTable, BudgetTable, CompareTable
from overnight.errors import DeviceMissing, OvernightError
from overnight.ledger.queries import LedgerReader
from overnight.ledger.records import RunRecord, TrialRecord
from overnight.progress import Phase, Silent
from overnight.steering import Message, Order, inbox_of, post, waiting
from overnight.testing.consistency import contradictions
from overnight.testing.studies import TRAIN, TinyStudy, make_study
from overnight.types import UNTIMED, Outcome, Purpose, Verdict

from .conftest import Compare
from .test_comparison import Interrupts, contest, reading, turns

PROCESSORS = sorted(os.sched_getaffinity(0))[:2]
DEVICES = [f"cpu:{processor}" for processor in PROCESSORS]
SLOWER = 100
pytestmark = pytest.mark.skipif(len(PROCESSORS) < 2, reason="it takes two processors")


def measures(value: int) -> str:
    """A ``train.sh`` that measures more on the second processor, which is the slow one."""
    return (
        "list=$(grep Cpus_allowed_list /proc/self/status | cut -f 2)\n"
        f"case $list in {PROCESSORS[0]}) echo 'val_loss: {value}';;\n"
        f"{PROCESSORS[1]}) echo 'val_loss: {value + SLOWER}';; esac\n"
    )


def arm(name: str, *scripts: str) -> ArmTable:
    """An arm that proposes these ``train.sh``."""
    steps = [{"title": f"{name} {n}", "write": {TRAIN: text}} for n, text in enumerate(scripts)]
    return ArmTable(kind="scripted", name=name, options={"steps": steps})


GOOD = arm("good", *map(measures, (9, 8, 7, 6)))
POOR = arm("poor", *map(measures, (11, 12, 13, 14)))


@pytest.fixture
def study(tmp_path: Path) -> TinyStudy:
    return make_study(tmp_path / "study", files={TRAIN: measures(10)})


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TinyStudy]:
    """A study after a whole comparison of four trials each; looked at only."""
    directory = tmp_path_factory.mktemp("finished")
    study = make_study(directory / "study", files={TRAIN: measures(10)})
    table = CompareTable(arms=(GOOD, POOR), order="parallel", devices=tuple(DEVICES), runs=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OVERNIGHT_WORK", str(directory / "work"))
        assert run_comparison(study.load(), table, BudgetTable(trials=4), Silent()).finished
        yield study


@pytest.fixture
def at_once(compare: Compare) -> Compare:
    """Runs arms at the same time; without arms goes on with what is unfinished."""

    def at_once(*arms: ArmTable, **how: object) -> ComparisonEnd:
        named = {"order": "parallel", "devices": DEVICES} if arms else {}
        return compare(*arms, **{**named, **how})

    return at_once


def runs(study: TinyStudy, *, purpose: Purpose = Purpose.TRIAL) -> list[RunRecord]:
    with reading(study) as reader:
        everything = [run for trial in reader.trials() for run in _runs_of(reader, trial.number)]
    return [run for run in everything if run.purpose is purpose]


def _runs_of(reader: LedgerReader, trial: int) -> list[RunRecord]:
    return [run for device in DEVICES for run in reader.runs_on(device, trial=trial)]


def times_on_devices(study: TinyStudy, name: str) -> list[int]:
    """How often an arm was on each device."""
    titles = {trial.number: trial.title for trial in study.trials()}
    devices = [run.device for run in runs(study) if titles[run.trial].startswith(name)]
    return sorted(Counter(devices).values())


def test_arms_run_at_the_same_time(at_once: Compare, study: TinyStudy, tmp_path: Path) -> None:
    """Each run waits for the other one to have begun, so neither ends unless both run at once."""
    one, other = tmp_path / "one", tmp_path / "other"
    os.mkfifo(one)
    os.mkfifo(other)
    ended = f"echo 'val_loss: {10 * SLOWER}'\n"
    end = at_once(
        arm("first", f": > {one}; : < {other}; {ended}"),
        arm("second", f": < {one}; : > {other}; {ended}"),
        trials=1,
    )
    assert end.finished
    assert [trial.verdict for trial in study.trials()[1:]] == [Verdict.DISCARD] * 2
    first, second = (run for run in runs(study) if run.trial > 0)
    assert {first.device, second.device} == set(DEVICES)


def test_arms_change_places_every_turn(finished: TinyStudy) -> None:
    assert times_on_devices(finished, "good") == times_on_devices(finished, "poor") == [2, 2]


def test_a_slower_device_does_not_look_like_a_worse_proposal(finished: TinyStudy) -> None:
    """What is better everywhere is kept, what is worse is not, wherever either is measured."""
    verdicts = {trial.title: trial.verdict for trial in finished.trials()[1:]}
    assert verdicts == {
        **{f"good {number}": Verdict.KEEP for number in range(4)},
        **{f"poor {number}": Verdict.DISCARD for number in range(4)},
    }
    assert [trial.gain for trial in contest(finished).arms[0].trials] == [1.0] * 4


def test_the_baseline_is_measured_once_on_each_device(finished: TinyStudy) -> None:
    made = [*runs(finished), *runs(finished, purpose=Purpose.DEVICE)]
    assert Counter(run.device for run in made if run.trial == 0) == dict.fromkeys(DEVICES, 1)


def test_the_report_says_what_each_device_is_like(finished: TinyStudy) -> None:
    told = {device.name: device for device in analyse(contest(finished)).devices}
    assert [told[name].turns for name in DEVICES] == [{"good": 2, "poor": 2}] * 2
    levels = [estimate.value for name in DEVICES if (estimate := told[name].baseline)]
    assert levels == [10.0, 10.0 + SLOWER]


def test_every_block_of_the_last_measurement_is_whole_on_one_device(finished: TinyStudy) -> None:
    again = runs(finished, purpose=Purpose.COMPARISON)
    blocks = {(run.block, run.device) for run in again}
    assert sorted(block for block, _device in blocks if block is not None) == [0, 1, 2]
    assert {device for _block, device in blocks} == set(DEVICES)
    [pair] = analyse(contest(finished)).pairs
    assert pair.results is not None
    assert (pair.results.value, pair.results.error) == (4.0, 0.0), "10 and 6, or 110 and 106"


def test_where_the_time_went_adds_up(finished: TinyStudy) -> None:
    for one in contest(finished).arms:
        for trial in one.trials[1:]:
            parts = asdict(trial.phases)
            assert all(parts.values()), "it waited for its device as well"
            assert parts["measuring_s"] >= trial.device_s


def test_nothing_contradicts_itself_afterwards(finished: TinyStudy) -> None:
    told = contradictions(finished.load())
    assert len(told) == 1, "the study's own nights have not begun"


def test_with_more_arms_than_devices_each_has_its_turns_and_one_may_end_early(
    at_once: Compare, study: TinyStudy
) -> None:
    assert at_once(GOOD, POOR, arm("short", measures(5)), trials=2).finished
    assert Counter(turns(study)) == {"good": 2, "poor": 2, "short": 1}


def test_nights_begin_at_the_baseline_on_every_device(at_once: Compare, study: TinyStudy) -> None:
    assert at_once(GOOD, POOR, trials=2, repeats=2).finished
    assert [trial.gain for trial in contest(study).arms[0].trials] == [1.0] * 4
    assert contradictions(study.load())[1:] == [], "the study's own nights have not begun"


def test_a_comparison_that_was_stopped_goes_on_with_its_balance_kept(
    at_once: Compare, study: TinyStudy
) -> None:
    assert not at_once(GOOD, POOR, trials=4, watcher=Interrupts(after=3)).finished
    assert at_once().finished
    assert Counter(turns(study)) == {"good": 4, "poor": 4}
    assert times_on_devices(study, "good") == times_on_devices(study, "poor") == [2, 2]
    assert [trial.title for trial in study.trials()].count("baseline") == 1


class PressesWhileMeasuring(Silent):
    """Presses Ctrl-C when both arms measure; once more, or lets them end, when that is heard.

    Args:
        presses: How often.
        gates: What the two runs wait for.
    """

    def __init__(self, presses: int, gates: Collection[Path]) -> None:
        self.said: list[str] = []
        self._presses = presses
        self._gates = gates
        self._measuring: set[int] = set()

    def phase(
        self, trial: int, phase: Phase, *, deadline_s: float | None = None, log: Path | None = None
    ) -> None:
        del deadline_s, log
        if trial > 0 and phase is Phase.MEASURING:
            self._measuring.add(trial)
            if len(self._measuring) == 2:
                os.kill(os.getpid(), signal.SIGINT)

    def say(self, message: str) -> None:
        self.said.append(message)
        heard = sum("Finishing trial" in line for line in self.said)
        if "Finishing trial" not in message or heard < 2:
            return
        if self._presses == 2:
            os.kill(os.getpid(), signal.SIGINT)
        for gate in self._gates if self._presses == 1 else ():
            gate.touch()


def waiting_for(gate: Path) -> str:
    """A ``train.sh`` that ends when a file is there."""
    return f"until [ -e {gate} ]; do sleep 0.02; done; echo 'val_loss: {10 * SLOWER}'\n"


@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_ends_every_arm_in_order(
    presses: int, at_once: Compare, study: TinyStudy, tmp_path: Path
) -> None:
    """Once, and what is measured is finished; twice, and it is measured again when it goes on."""
    gates = {name: tmp_path / f"go-{name}" for name in ("one", "two")}
    arms = [arm(name, waiting_for(gate), measures(9)) for name, gate in gates.items()]
    watcher = PressesWhileMeasuring(presses, gates.values())
    assert not at_once(*arms, trials=2, watcher=watcher).finished
    outcomes = [run.outcome for run in runs(study) if run.trial > 0]
    assert outcomes == [Outcome.MEASURED if presses == 1 else Outcome.INTERRUPTED] * 2
    told = "Finishing trial" if presses == 1 else "Stopping now"
    assert sum(told in line for line in watcher.said) == 2
    for gate in gates.values():
        gate.touch()
    assert at_once().finished
    verdicts = Counter(trial.verdict for trial in study.trials()[1:])
    assert verdicts == {Verdict.DISCARD: 2, Verdict.KEEP: 2}


def test_a_comparison_that_was_killed_goes_on(
    at_once: Compare, study: TinyStudy, tmp_path: Path
) -> None:
    """Killed while both arms measured; their proposals are paid for and measured again."""
    gate, begun = tmp_path / "go", {name: tmp_path / f"begun-{name}" for name in ("one", "two")}
    for fifo in begun.values():
        os.mkfifo(fifo)
    arms = [
        arm(name, f"[ -e {gate} ] || {{ : > {begun[name]}; sleep 100; }}\n{measures(value)}")
        for name, value in (("one", 9), ("two", 11))
    ]
    study.configure(
        compare={
            "arms": [each.model_dump(include={"name", "kind", "options"}) for each in arms],
            "order": "parallel",
            "devices": DEVICES,
            "runs": 2,
            "budget": {"trials": 1},
        }
    )
    program = "from overnight.cli.main import main; main()"
    command = [sys.executable, "-c", program, "compare", "--study", str(study.root)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as harness:
        for fifo in begun.values():
            fifo.read_bytes()
        harness.kill()
    gate.touch()
    assert at_once().finished
    assert [trial.verdict for trial in study.trials()[1:]].count(Verdict.KEEP) == 1
    by_trial = Counter(run.trial for run in runs(study) if run.outcome is Outcome.MEASURED)
    assert by_trial == {0: 1, 1: 1, 2: 1}
    assert [trial.phases for trial in study.trials()[1:]] == [UNTIMED] * 2, "in part not seen"
    devices = {run.trial: run.device for run in runs(study) if run.trial > 0}
    assert set(devices.values()) == set(DEVICES), "each was gone on with where it was"
    assert contradictions(study.load())[1:] == []


def test_an_arm_that_fails_ends_the_comparison_when_the_others_turn_is_over(
    at_once: Compare, study: TinyStudy
) -> None:
    study.configure(watch={"pause": False, "least_disk_gb": 0, "agent_failures": 1})
    failing = ArmTable(kind="command", name="bad", options={"command": "exit 3"}, attempts=1)
    with pytest.raises(OvernightError, match="exit"):
        at_once(GOOD, failing)
    assert Counter(turns(study)) == {"good": 1}
    assert {trial.verdict for trial in study.trials()[1:]} == {Verdict.KEEP, Verdict.INTERRUPTED}
    assert contradictions(study.load())[1:] == []


def test_all_arms_pause_and_go_on_together(at_once: Compare, study: TinyStudy) -> None:
    class Pauses(Silent):
        """Asks to pause after the first verdict of an arm, and to go on once that is heard."""

        said: ClassVar[list[str]] = []

        def verdict(self, trial: TrialRecord) -> None:
            if trial.number == 1:
                post(study.layout, Message(Order.PAUSE))

        def say(self, message: str) -> None:
            self.said.append(message)
            if message.startswith("Paused on request."):
                post(study.layout, Message(Order.RESUME))

    assert at_once(GOOD, POOR, trials=2, watcher=Pauses()).finished
    assert Counter(turns(study)) == {"good": 2, "poor": 2}
    assert "Going on." in Pauses.said
    assert waiting(inbox_of(study.layout)) == []


@pytest.mark.parametrize(
    ("devices", "complaint"),
    [
        ([], "need from 2 to 2 devices"),
        (DEVICES[:1], "need from 2 to 2 devices"),
        (["cpu:0", "cpu:4095"], "no device 'cpu:4095'"),
        ([DEVICES[0], f"{DEVICES[0]},{PROCESSORS[-1]}"], "named twice"),
        (["GPU-of-nobody", DEVICES[0]], "no GPU 'GPU-of-nobody'"),
    ],
)
def test_devices_that_cannot_be_had_begin_nothing(
    devices: list[str], complaint: str, at_once: Compare, study: TinyStudy
) -> None:
    study.configure(sandbox={"kind": "none", "gpu": "none"})
    with pytest.raises(DeviceMissing, match=complaint):
        at_once(GOOD, POOR, devices=devices)
    with reading(study) as reader:
        assert reader.comparisons() == []
