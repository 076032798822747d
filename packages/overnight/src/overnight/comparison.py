"""A comparison: arms take turns at one device under equal budgets, then their results are measured.

Every arm has a night, a branch and an incumbent of its own in the one ledger; the baseline is
shared. What is left half-way is gone on with, the balance kept, because whose turn is next depends
on nothing but what the ledger says was used up.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from overnight.arms import equal_budget, new_arms, schedule_of, settings_of
from overnight.assembly import Equipment, equipped
from overnight.bench import Bench
from overnight.compare.schedules import Schedule, Used, next_turn
from overnight.config import ArmTable, BudgetTable, CompareTable, Study
from overnight.errors import OvernightError, Stopped
from overnight.finals import measure_finals
from overnight.ledger.records import ArmRecord, ComparisonRecord
from overnight.night import Night
from overnight.processes.supervisor import StopSignal
from overnight.progress import Watcher
from overnight.researchers.registry import create as create_researcher
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
    with request.on_signals(), equipped(study, request, stop) as equipment:
        record = _begun(equipment, table, budget)
        return _Comparison(equipment, request, record).run()


def unfinished(comparisons: Sequence[ComparisonRecord]) -> ComparisonRecord | None:
    """The comparison that can be gone on with, if there is one."""
    return next((each for each in reversed(comparisons) if each.ended_at is None), None)


def _begun(equipment: Equipment, table: CompareTable, budget: BudgetTable) -> ComparisonRecord:
    ledger = equipment.ledger
    under_way = unfinished(ledger.comparisons())
    if under_way is None:
        if not table.arms:
            raise OvernightError(
                "No comparison is under way.", fix="Name its arms with --arm KIND[:MODEL]."
            )
        for arm in table.arms:  # whatever cannot work is told before anything is begun
            create_researcher(equipment.study.with_arm(arm, budget).researcher_settings)
        arms = new_arms(table.arms, repeats=table.repeats)
        ledger.begin_comparison(settings_of(table, budget), arms)
        return ledger.comparisons()[-1]
    asked = [
        (arm.name, arm.repeat, arm.settings) for arm in new_arms(table.arms, repeats=table.repeats)
    ]
    had = [(arm.name, arm.repeat, arm.settings) for arm in ledger.arms(under_way.id)]
    if table.arms and (asked != had or settings_of(table, budget) != under_way.settings):
        raise OvernightError(
            f"Comparison {under_way.id} is not finished, and it is another one.",
            fix="Go on with it by `overnight compare --resume`, or end it with --abandon.",
        )
    return under_way


class _Comparison:
    """One session of a comparison."""

    def __init__(
        self, equipment: Equipment, request: StopRequest, record: ComparisonRecord
    ) -> None:
        self._equipment = equipment
        self._request = request
        self._record = record
        self._table = CompareTable.model_validate(dict(record.settings))
        self._arms = equipment.ledger.arms(record.id)

    def run(self) -> ComparisonEnd:
        """Night after night of all arms, then the last measurement."""
        equipment, number = self._equipment, self._record.id
        try:
            benches: list[Bench] = []
            for repeat in sorted({arm.repeat for arm in self._arms}):
                arms = [arm for arm in self._arms if arm.repeat == repeat]
                benches += self._one_night_each(arms, repeat=repeat)
            if not self._request.asked:
                measure_finals(benches, number, runs=self._table.runs, seed=self._table.seed)
                equipment.ledger.end_comparison(number)
                return ComparisonEnd(number, finished=True, reason="Every arm is measured.")
        except Stopped as stopped:
            return ComparisonEnd(number, finished=False, reason=str(stopped))
        return ComparisonEnd(number, finished=False, reason="Stopped on request.")

    def _one_night_each(self, arms: Sequence[ArmRecord], *, repeat: int) -> list[Bench]:
        """Arms take turns until each has used up its budget or has nothing left to try."""
        benches = {arm.name: self._bench(arm) for arm in arms}
        schedule = schedule_of(self._table, list(benches), repeat=repeat)
        finished = {arm.name for arm in arms if self._is_finished(arm)}
        with _nights(
            {name: bench for name, bench in benches.items() if name not in finished},
            self._request,
        ) as nights:
            self._take_turns(schedule, nights, benches)
        return list(benches.values())

    def _take_turns(
        self, schedule: Schedule, nights: Mapping[str, Night], benches: Mapping[str, Bench]
    ) -> None:
        running = dict(nights)
        while running and not self._request.asked:
            standing = Schedule(
                tuple(name for name in schedule.arms if name in running),
                schedule.order,
                seed=schedule.seed,
            )
            used = {name: _used(night, benches[name]) for name, night in running.items()}
            name = next_turn(standing, used, equal_budget(self._table.budget))
            name = name or next(iter(running))  # it has only to be told that it is over
            with _turn(running[name]) as night:
                if night.is_over():
                    del running[name]
                else:
                    self._equipment.watcher.say(f"Turn of {name}.")
                    night.step()

    def _bench(self, arm: ArmRecord) -> Bench:
        table = ArmTable.model_validate(dict(arm.settings))
        study = self._equipment.study.with_arm(table, self._table.budget)
        return self._equipment.bench_of_arm(study, arm)

    def _is_finished(self, arm: ArmRecord) -> bool:
        nights = [night for night in self._equipment.ledger.nights() if night.arm == arm.id]
        return any(night.ended_at is not None for night in nights)


@contextmanager
def _nights(benches: Mapping[str, Bench], request: StopRequest) -> Iterator[Mapping[str, Night]]:
    """A night of each arm, which rest until they are woken; closed whatever happens."""
    nights: dict[str, Night] = {}
    try:
        for name, bench in benches.items():
            nights[name] = Night(bench, request, steerable=False)
            nights[name].catch_up()
            nights[name].rest()
        yield nights
    finally:
        for night in nights.values():
            night.close()


@contextmanager
def _turn(night: Night) -> Iterator[Night]:
    night.wake()
    try:
        yield night
    finally:
        night.rest()


def _used(night: Night, bench: Bench) -> Used:
    spent = night.spent
    return Used(
        turns=len(bench.ledger.trials(after=0)),
        device_s=spent.device_s,
        wall_s=spent.active_s,
        trials=spent.trials,
        agent_tokens=spent.agent_tokens,
        money_usd=spent.money_usd,
    )
