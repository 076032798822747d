"""A comparison: arms take turns under equal budgets, then their results are measured.

They alternate on one device, or run at the same time on several and change places every round.

Every arm has a night, a branch and an incumbent of its own in the one ledger; the baseline is
shared. What is left half-way is gone on with, the balance kept, because whose turn is next depends
on nothing but what the ledger says was used up.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial

from overnight.arms import equal_budget, schedule_of
from overnight.assembly import Equipment, equipped
from overnight.at_once import at_once
from overnight.beginning import begin, count_arms, settings_in, under_way
from overnight.bench import Bench
from overnight.compare.schedules import Order, Schedule, Turn, Used, next_turns
from overnight.config import ArmTable, BudgetTable, CompareTable, Study
from overnight.errors import Stopped
from overnight.finals import measure_finals
from overnight.ledger.records import ArmRecord, ComparisonRecord
from overnight.night import Night
from overnight.processes.supervisor import StopSignal
from overnight.progress import Watcher
from overnight.sandbox.devices import Device
from overnight.steering import SharedInbox, inbox_of
from overnight.stopping import StopRequest


@dataclass(frozen=True, slots=True)
class ComparisonEnd:
    """How a comparison ended.

    Attributes:
        finished: Whether its last measurement is made; otherwise the next call goes on with it.
    """

    comparison: int
    finished: bool
    reason: str


def run_comparison(
    study: Study, table: CompareTable, budget: BudgetTable, watcher: Watcher
) -> ComparisonEnd:
    """Begin a comparison, or go on with the one that is not finished, until it is done.

    Must be called in the main thread, for the signals.

    Args:
        table: Which arms, each with a name, and how; without arms the unfinished one goes on.
        budget: What each arm may use up in each of its nights.

    Raises:
        OvernightError: It could not begin, or something broke that a person must mend; the ledger
            and the branches are consistent all the same.
    """
    stop = StopSignal()
    request = StopRequest(stop, watcher)
    with request.on_signals(), equipped(study, request) as equipment:
        record = under_way(equipment, table, budget)
        told = table if record is None else settings_in(record)[0]
        devices = _devices(equipment, told, most=count_arms(equipment, table, record))
        record = record or begin(equipment, table, budget)
        return _Comparison(equipment, request, stop, record, devices).run()


def _devices(equipment: Equipment, table: CompareTable, *, most: int) -> Sequence[Device]:
    """What the arms run on, held for as long as the session lasts."""
    if Order(table.order) is not Order.PARALLEL:
        return [equipment.leased_device()]
    return equipment.leased_devices(table.devices, most=most)


@dataclass(frozen=True, slots=True)
class _Arm:
    """What one night of an arm works with."""

    record: ArmRecord
    bench: Bench
    request: StopRequest


class _Comparison:
    """One session of a comparison.

    Args:
        stop: Ends what runs, where arms take turns.
        devices: What they run on: one, or one for each arm that runs at the same time.
    """

    def __init__(
        self,
        equipment: Equipment,
        request: StopRequest,
        stop: StopSignal,
        record: ComparisonRecord,
        devices: Sequence[Device],
    ) -> None:
        self._equipment = equipment
        self._request = request
        self._record = record
        self._devices = devices
        self._table, _ = settings_in(record)
        self._arms = equipment.ledger.arms(record.id)
        self._inbox = SharedInbox(inbox_of(equipment.layout))
        self._seat = None if self._is_parallel else equipment.seat(stop, request, device=devices[0])

    @property
    def _is_parallel(self) -> bool:
        return len(self._devices) > 1

    def run(self) -> ComparisonEnd:
        """Night after night of all arms, then the last measurement."""
        ledger, number = self._equipment.ledger, self._record.id
        ledger.abandon_checkpoints(reason="Cut off.")
        ledger.abandon_runs_on_devices(reason="Cut off.")
        try:
            arms: list[_Arm] = []
            for repeat in sorted({arm.repeat for arm in self._arms}):
                arms += self._one_night_each(repeat)
            if not self._request.asked:
                self._measure_finals(arms)
                ledger.end_comparison(number)
                return ComparisonEnd(number, finished=True, reason="Every arm is measured.")
        except Stopped as stopped:
            return ComparisonEnd(number, finished=False, reason=str(stopped))
        return ComparisonEnd(number, finished=False, reason="Stopped on request.")

    def _one_night_each(self, repeat: int) -> list[_Arm]:
        """Arms take turns until each has used up its budget or has nothing left to try."""
        found = [self._arm(record) for record in self._arms if record.repeat == repeat]
        arms = {arm.record.name: arm for arm in found}
        schedule = schedule_of(self._table, list(arms), repeat=repeat, devices=len(self._devices))
        with ExitStack() as stack:
            nights = {
                name: self._night(arm, stack)
                for name, arm in arms.items()
                if not self._is_finished(arm.record)
            }
            self._take_turns(schedule, nights, arms)
        return found

    def _night(self, arm: _Arm, stack: ExitStack) -> Night:
        """An arm's night, which rests until it is woken; closed whatever happens."""
        ledger = arm.bench.ledger
        arm.bench.seat.take(self._device_at_first(arm))
        inbox = self._inbox.reader() if self._is_parallel else None
        with arm.request.at_work():
            night = Night(arm.bench, arm.request, steerable=False, inbox=inbox)
            stack.callback(night.close)
            night.rest()
            if ledger.unfinished():
                night.settle()
            is_shared = ledger.incumbent() is None  # to measure the baseline is no arm's own work
            with nullcontext() if is_shared else _awake(night):
                night.catch_up()
        return night

    def _device_at_first(self, arm: _Arm) -> Device:
        """Where a trial was cut off that is gone on with, if that device is still there."""
        ledger = arm.bench.ledger
        runs = [run for trial in ledger.unfinished() for run in ledger.runs(trial.number)]
        known = {device.name: device for device in self._devices}
        return known.get(runs[-1].device if runs else None, self._devices[0])

    def _take_turns(
        self, schedule: Schedule, nights: Mapping[str, Night], arms: Mapping[str, _Arm]
    ) -> None:
        running = dict(nights)
        while running and not self._request.asked:
            turns = self._next_turns(schedule, running, arms)
            over = [turn.arm for turn in turns if _is_over(running[turn.arm])]
            for name in over:
                running.pop(name).close()
            if not over:
                steps = [partial(self._turn, turn, arms, running) for turn in turns]
                at_once(steps, tell=self._request.say)
                self._equipment.results.update()

    def _next_turns(
        self, schedule: Schedule, running: Mapping[str, Night], arms: Mapping[str, _Arm]
    ) -> Sequence[Turn]:
        names = tuple(name for name in schedule.arms if name in running)
        standing = replace(schedule, arms=names)
        used = {name: self._used(night, arms[name].bench) for name, night in running.items()}
        turns = next_turns(standing, used, equal_budget(self._table.budget))
        return turns or [Turn(names[0])]  # it has only to be told that it is over

    def _turn(self, turn: Turn, arms: Mapping[str, _Arm], running: Mapping[str, Night]) -> None:
        """One trial of an arm, on the device whose turn it is."""
        arm, night, device = arms[turn.arm], running[turn.arm], self._devices[turn.device]
        with arm.request.at_work():
            if arm.request.asked:
                return
            arm.bench.seat.take(device)
            arm.bench.timesheet.begin()
            night.settle()
            where = f" on {device.name}" if self._is_parallel else ""
            arm.request.say(f"Turn of {turn.arm}{where}.")
            with _awake(night):
                night.step()

    def _measure_finals(self, arms: Sequence[_Arm]) -> None:
        """Measure all results again, on all devices at the same time."""
        lines: list[Bench] = []
        with ExitStack() as stack:
            for arm, device in zip(arms, self._devices, strict=False):
                bench, request = arm.bench, self._request
                if self._is_parallel:
                    request = self._request.part(device.name or "", bench.stop)
                bench.seat.take(device)
                stack.enter_context(request.at_work())
                lines.append(replace(bench, watcher=request))
            measure_finals(
                lines,
                [arm.bench.ledger for arm in arms],
                self._record.id,
                runs=self._table.runs,
                seed=self._table.seed,
            )

    def _arm(self, record: ArmRecord) -> _Arm:
        table = ArmTable.model_validate(dict(record.settings))
        study = self._equipment.study.with_arm(table, self._table.budget)
        seat, request = self._seat, self._request
        if seat is None:
            stop = StopSignal()
            request = self._request.part(record.name, stop)
            seat = self._equipment.seat(
                stop,
                request,
                device=self._devices[0],
                work=self._equipment.work_of_arm(record),
                count=len(self._devices),
            )
        return _Arm(record, self._equipment.bench_of_arm(study, record, seat), request)

    def _is_finished(self, arm: ArmRecord) -> bool:
        nights = [night for night in self._equipment.ledger.nights() if night.arm == arm.id]
        return any(night.ended_at is not None for night in nights)

    def _used(self, night: Night, bench: Bench) -> Used:
        spent, by_device = night.spent, bench.ledger.trials_by_device()
        return Used(
            turns=len(bench.ledger.trials(after=0)),
            device_s=spent.device_s,
            wall_s=spent.active_s,
            trials=spent.trials,
            agent_tokens=spent.agent_tokens,
            money_usd=spent.money_usd,
            on_devices=tuple(by_device.get(device.name or "", 0) for device in self._devices),
        )


def _is_over(night: Night) -> bool:
    with _awake(night):
        return night.is_over()


@contextmanager
def _awake(night: Night) -> Iterator[None]:
    night.wake()
    try:
        yield
    finally:
        night.rest()
