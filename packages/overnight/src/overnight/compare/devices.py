"""The devices of a comparison: what the unchanged start measures on each, and who was where."""

from collections.abc import Mapping
from dataclasses import dataclass

from overnight.compare.records import Contest, DeviceRecord
from overnight.compare.telling import of_repeats
from overnight.stats import Estimate


@dataclass(frozen=True, slots=True)
class DeviceSummary:
    """One device.

    Attributes:
        baseline: Of the unchanged start there, with its interval; None where it has no value.
        runs: Values behind it.
        turns: By arm, how many of its turns were measured there.
    """

    name: str
    baseline: Estimate | None
    runs: int
    turns: Mapping[str, int]


def devices(contest: Contest) -> list[DeviceSummary]:
    """Every device, in the order of the record."""
    return [_summary(contest, device) for device in contest.devices]


def _summary(contest: Contest, device: DeviceRecord) -> DeviceSummary:
    told = of_repeats(device.baseline)
    return DeviceSummary(
        name=device.name,
        baseline=told.interval() if told else None,
        runs=len(device.baseline),
        turns={
            arm.name: sum(trial.device == device.name for trial in arm.trials)
            for arm in contest.arms
        },
    )
