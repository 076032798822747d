"""How much memory a model needs, and how much there is."""

import ctypes
from pathlib import Path

import torch

from expertswap.checkpoint.reading import Checkpoint

_ROOM = 1.25  # activations, and what loading holds twice for a moment


def fits(checkpoint: Checkpoint, *, dtype: torch.dtype, device: torch.device) -> bool:
    """Whether a model can be held whole, with some room to compute."""
    needed = _ROOM * weight_bytes(checkpoint, dtype=dtype)
    if device.type == "cuda" and needed > torch.cuda.mem_get_info(device)[0]:
        return False
    return needed <= available_bytes()


def weight_bytes(checkpoint: Checkpoint, *, dtype: torch.dtype) -> int:
    """Bytes of all weights in memory; those of a type of their own count as stored."""
    return sum(
        entry.nbytes * dtype.itemsize // entry.dtype.itemsize
        if entry.dtype.is_floating_point
        else entry.nbytes
        for entry in checkpoint.tensors.values()
    )


def available_bytes() -> int:
    """Memory that this process can still get: the machine's, or its control group's if less."""
    free = _meminfo("MemAvailable")
    group = Path("/sys/fs/cgroup")
    try:
        limit = int((group / "memory.max").read_text())
        used = int((group / "memory.current").read_text())
    except (OSError, ValueError):  # no such group, or its limit is "max"
        return free
    return min(free, limit - used)


def give_back_freed() -> None:
    """Return what was freed to the system; glibc keeps blocks of an expert's size for later."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _meminfo(key: str) -> int:
    for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(":")
        if name == key:
            return int(value.split()[0]) * 1024
    return 0
