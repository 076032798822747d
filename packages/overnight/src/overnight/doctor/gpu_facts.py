"""What NVIDIA's driver says of a GPU; read here, judged in ``checks/gpu`` as plain values."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from overnight.sandbox.devices import Gpu

_NVIDIA_VENDOR = "0x10de"
_DISPLAY_CLASS = "0x03"
_SLOWED_BY = {  # bits of the driver's reasons for lower clocks
    0x08: "a hardware slowdown",
    0x20: "its temperature",
    0x40: "its temperature (hardware)",
    0x80: "a power brake",
}
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for a GPU where its driver does not answer.

    Attributes:
        answers: Whether NVML does.
        complaint: What it says when it does not.
        on_bus: Whether an NVIDIA GPU is on the PCI bus.
        module: Whether the kernel has the driver's module loaded.
        in_container: Whether this is a container.
        others: Nodes of other makers' accelerators.
    """

    answers: bool
    complaint: str = ""
    on_bus: bool = False
    module: bool = False
    in_container: bool = False
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Tenant:
    """A process that computes on a GPU.

    Attributes:
        held_bytes: Of the GPU's memory; None where the driver does not tell.
    """

    pid: int
    name: str
    held_bytes: int | None


@dataclass(frozen=True, slots=True)
class GpuFacts:
    """One GPU and its driver; None where that is not told.

    Attributes:
        driver: The driver's version.
        cuda: The newest CUDA that it knows, such as (12, 8).
        slowed_by: Why its clocks are lower than they could be.
        uncorrected: Memory errors that could not be corrected, since the driver was loaded.
        remapping: Whether rows of its memory wait to be replaced, or could not be.
        persistent: Whether the driver stays loaded without a client.
        partitioned: Whether it is split by MIG.
    """

    name: str
    driver: str
    cuda: tuple[int, int]
    total_bytes: int
    free_bytes: int
    tenants: tuple[Tenant, ...] = ()
    slowed_by: tuple[str, ...] = ()
    uncorrected: int | None = None
    remapping: bool | None = None
    persistent: bool | None = None
    partitioned: bool | None = None


def gather_evidence(*, sys_dir: Path = Path("/sys"), proc_dir: Path = Path("/proc")) -> Evidence:
    """What there is of GPUs, whether or not the driver answers."""
    import pynvml  # noqa: PLC0415 (loads the driver's library)

    complaint = ""
    try:
        pynvml.nvmlInit()
        pynvml.nvmlShutdown()
    except pynvml.NVMLError as error:
        complaint = str(error)
    containers = (Path("/.dockerenv"), Path("/run/.containerenv"))
    return Evidence(
        answers=not complaint,
        complaint=complaint,
        on_bus=any(map(_is_nvidia_gpu, sys_dir.glob("bus/pci/devices/*"))),
        module=(proc_dir / "driver/nvidia/version").exists(),
        in_container=any(map(Path.exists, containers)),
        others=tuple(str(node) for node in (Path("/dev/kfd"), Path("/dev/accel")) if node.exists()),
    )


def read_gpu(gpu: Gpu) -> GpuFacts | None:
    """What the driver says of a GPU; None where it has stopped to answer."""
    import pynvml  # noqa: PLC0415 (loads the driver's library)

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    try:
        return _facts(pynvml, pynvml.nvmlDeviceGetHandleByUUID(gpu.uuid), gpu)
    except pynvml.NVMLError:
        return None
    finally:
        pynvml.nvmlShutdown()


def _facts(nvml: Any, handle: Any, gpu: Gpu) -> GpuFacts:
    def told(ask: Callable[..., T], *arguments: object) -> T | None:
        try:
            return ask(*arguments)
        except nvml.NVMLError:
            return None  # many questions are not for every GPU

    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    cuda = nvml.nvmlSystemGetCudaDriverVersion_v2()
    slowed = told(nvml.nvmlDeviceGetCurrentClocksThrottleReasons, handle) or 0
    rows = told(nvml.nvmlDeviceGetRemappedRows, handle)
    mig = told(nvml.nvmlDeviceGetMigMode, handle)
    persistent = told(nvml.nvmlDeviceGetPersistenceMode, handle)
    return GpuFacts(
        name=gpu.name,
        driver=nvml.nvmlSystemGetDriverVersion(),
        cuda=(cuda // 1000, cuda % 1000 // 10),
        total_bytes=int(memory.total),
        free_bytes=int(memory.free),
        tenants=tuple(
            Tenant(it.pid, told(nvml.nvmlSystemGetProcessName, it.pid) or "?", it.usedGpuMemory)
            for it in told(nvml.nvmlDeviceGetComputeRunningProcesses, handle) or ()
        ),
        slowed_by=tuple(reason for bit, reason in _SLOWED_BY.items() if slowed & bit),
        uncorrected=told(
            nvml.nvmlDeviceGetTotalEccErrors,
            handle,
            nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED,
            nvml.NVML_VOLATILE_ECC,
        ),
        remapping=None if rows is None else any(rows[2:]),
        persistent=None if persistent is None else bool(persistent),
        partitioned=None if mig is None else bool(mig[0]),
    )


def _is_nvidia_gpu(device: Path) -> bool:
    try:
        vendor = (device / "vendor").read_text(encoding="ascii").strip()
        kind = (device / "class").read_text(encoding="ascii")
    except OSError:
        return False
    return vendor == _NVIDIA_VENDOR and kind.startswith(_DISPLAY_CLASS)
