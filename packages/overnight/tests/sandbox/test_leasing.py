"""Devices for arms that run at the same time, each held by one process alone."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.errors import DeviceMissing
from overnight.sandbox.devices import Device, processors_text
from overnight.sandbox.leasing import lease_devices, processors

ALLOWED = sorted(os.sched_getaffinity(0))
NAMES = [f"cpu:{processor}" for processor in ALLOWED[:2]]
two_processors = pytest.mark.skipif(len(NAMES) < 2, reason="it takes two processors")


@pytest.mark.parametrize(
    ("numbers", "text"),
    [((), ""), ((5,), "5"), ((3, 2, 1), "1-3"), ((0, 1, 3, 8, 9), "0-1,3,8-9")],
)
def test_processors_are_named_as_linux_lists_them(numbers: Sequence[int], text: str) -> None:
    assert processors_text(numbers) == text


@given(st.sets(st.sampled_from(ALLOWED), min_size=1))
def test_a_name_leads_to_the_same_processors_again(cpus: set[int]) -> None:
    device = Device(cpus=frozenset(cpus))
    assert device.name is not None
    assert processors(device.name) == cpus


def test_processors_have_no_accelerator() -> None:
    device = Device(cpus=frozenset(ALLOWED))
    assert device.env == {"CUDA_VISIBLE_DEVICES": ""}
    assert device.nodes() == ()


@two_processors
def test_a_device_is_held_by_one_and_free_again_afterwards(tmp_path: Path) -> None:
    with lease_devices(NAMES, most=2, gpu="none", leases=tmp_path) as devices:
        assert [device.name for device in devices] == NAMES
        with (
            pytest.raises(DeviceMissing, match="leased to another night"),
            lease_devices(NAMES, most=2, gpu="none", leases=tmp_path),
        ):
            pass
    with lease_devices(NAMES[::-1], most=2, gpu="none", leases=tmp_path) as devices:
        assert [device.name for device in devices] == NAMES[::-1]
