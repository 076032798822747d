"""Devices for arms that run at the same time: those that are named, or the GPUs that are free."""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from overnight.errors import DeviceMissing
from overnight.sandbox.devices import Device, lease_gpu, processors_text

PROCESSORS = "cpu:"


@contextmanager
def lease_devices(
    named: Sequence[str], *, most: int, gpu: str, leases: Path
) -> Iterator[list[Device]]:
    """Hold several devices for this process alone while the block lasts.

    Args:
        named: GPUs by index or UUID, processors as ``cpu:0-3``; empty for free GPUs.
        most: How many can be used.
        gpu: Which GPUs the study may use where none is named: ``sandbox.gpu``.
        leases: The directory of the locks.

    Raises:
        DeviceMissing: One is not there or somebody else's, or there are not two.
    """
    with ExitStack() as stack:
        if named:
            devices = [stack.enter_context(_lease(name, leases)) for name in named]
        else:
            devices = _free_gpus(stack, gpu, leases, most=most)
        if not 2 <= len(devices) <= most:
            there = ", ".join(device.name or "?" for device in devices) or "none"
            raise DeviceMissing(
                f"Arms that run at the same time need from 2 to {most} devices, as many as arms"
                f" at most; there is {there}.",
                fix="Name them: devices = ['0', '1'] for GPUs, ['cpu:0-3', 'cpu:4-7'] for"
                " processors; or compare with order = 'interleaved'.",
            )
        yield devices


@contextmanager
def _lease(name: str, leases: Path) -> Iterator[Device]:
    if not name.startswith(PROCESSORS):
        with lease_gpu(name, leases, setting="compare.devices") as gpu:
            yield Device(gpu)
        return
    cpus = processors(name)
    leases.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        for cpu in sorted(cpus):
            lock = stack.enter_context((leases / f"cpu-{cpu}.lock").open("w"))
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise DeviceMissing(
                    f"Processor {cpu} of device {name!r} is named twice, or leased to another"
                    " night.",
                    fix="Name another one, or wait for it.",
                ) from error
        yield Device(cpus=cpus)


def _free_gpus(stack: ExitStack, wanted: str, leases: Path, *, most: int) -> list[Device]:
    found: list[Device] = []
    while len(found) < most:
        try:
            gpu = stack.enter_context(lease_gpu(wanted, leases))
        except DeviceMissing:
            break
        if gpu is None:
            break
        found.append(Device(gpu))
    return found


def processors(name: str) -> frozenset[int]:
    """The processors that ``cpu:0-3,8`` names.

    Raises:
        DeviceMissing: This process may not use one of them.
    """
    named: set[int] = set()
    for part in name.removeprefix(PROCESSORS).split(","):
        first, _, last = part.partition("-")
        named.update(range(int(first), int(last or first) + 1))
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    if not named or not named <= allowed:
        there = processors_text(allowed) or "none that can be set apart"
        raise DeviceMissing(f"There is no device {name!r} here.", fix=f"Processors: {there}.")
    return frozenset(named)
