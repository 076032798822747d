"""Devices: which are there, whose turn it is, what the driver needs inside a sandbox."""

import fcntl
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from overnight.errors import DeviceMissing, StudyFileError

_NVIDIA_CONTROL = (
    "nvidiactl",
    "nvidia-modeset",
    "nvidia-uvm",
    "nvidia-uvm-tools",
    "nvidia-caps",
    "nvidia-caps-imex-channels",
)
_OTHER_NODES = ("kfd", "dri", "dxg", "accel", "davinci_manager", "devmm_svm", "hisi_hdc")
_METER_PAUSE_S = 0.2


@dataclass(frozen=True, slots=True)
class Gpu:
    """One NVIDIA GPU.

    Attributes:
        minor: The number in its node's name, ``/dev/nvidia0``.
        total_bytes: Its memory.
    """

    index: int
    uuid: str
    name: str
    minor: int
    total_bytes: int


@dataclass(frozen=True, slots=True)
class Device:
    """What a command has for itself: a GPU, or some processors; by default the whole machine.

    Attributes:
        cpus: Processors by their numbers; None for all.
    """

    gpu: Gpu | None = None
    cpus: frozenset[int] | None = None

    @property
    def name(self) -> str | None:
        """What a ledger calls it: a UUID, or ``cpu:0-3``; None for the whole machine."""
        if self.gpu is not None:
            return self.gpu.uuid
        return None if self.cpus is None else f"cpu:{processors_text(self.cpus)}"

    @property
    def env(self) -> Mapping[str, str]:
        """Variables that name it."""
        if self.gpu is not None:
            return {"CUDA_VISIBLE_DEVICES": self.gpu.uuid}
        return {} if self.cpus is None else {"CUDA_VISIBLE_DEVICES": ""}

    def nodes(self, *, dev: Path = Path("/dev")) -> tuple[Path, ...]:
        """Its device nodes and its driver's; for the whole machine, those of other accelerators."""
        if self.gpu is not None:
            names: tuple[str, ...] = (f"nvidia{self.gpu.minor}", *_NVIDIA_CONTROL)
        else:
            names = _OTHER_NODES if self.cpus is None else ()
        return tuple(node for name in names if (node := dev / name).exists())


WHOLE_MACHINE = Device()


def processors_text(cpus: Iterable[int]) -> str:
    """Numbers of processors as Linux lists them: ``0-3,8``."""
    runs: list[tuple[int, int]] = []
    for cpu in sorted(cpus):
        if runs and runs[-1][1] == cpu - 1:
            runs[-1] = (runs[-1][0], cpu)
        else:
            runs.append((cpu, cpu))
    return ",".join(f"{first}-{last}" if last > first else str(first) for first, last in runs)


def list_gpus() -> list[Gpu]:
    """The NVIDIA GPUs of this machine; none where there is no driver."""
    import pynvml  # noqa: PLC0415 (loads the driver's library)

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return []
    try:
        handles = map(pynvml.nvmlDeviceGetHandleByIndex, range(pynvml.nvmlDeviceGetCount()))
        return [
            Gpu(
                index,
                pynvml.nvmlDeviceGetUUID(handle),
                pynvml.nvmlDeviceGetName(handle),
                pynvml.nvmlDeviceGetMinorNumber(handle),
                int(pynvml.nvmlDeviceGetMemoryInfo(handle).total),
            )
            for index, handle in enumerate(handles)
        ]
    finally:
        pynvml.nvmlShutdown()


@contextmanager
def lease_gpu(wanted: str, leases: Path, *, setting: str = "sandbox.gpu") -> Iterator[Gpu | None]:
    """Hold a GPU for this process alone, among those that ask here, while the block lasts.

    Args:
        wanted: ``auto``, ``none``, an index or a UUID.
        leases: The directory of the locks, the same for every study of a user.
        setting: What the study file calls it.

    Yields:
        The GPU; None with ``none``, or with ``auto`` where there is none.

    Raises:
        DeviceMissing: There is no such GPU, or each is leased to somebody else.
        StudyFileError: `wanted` is none of those.
    """
    candidates = _candidates(wanted, setting)
    if not candidates:
        yield None
        return
    leases.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        for gpu in candidates:
            lock = stack.enter_context((leases / f"{gpu.uuid}.lock").open("w"))
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            yield gpu
            return
        raise DeviceMissing(
            f"Every GPU that {setting} = {wanted!r} allows is leased to another night.",
            fix="Wait for it, or name another one, and each once.",
        )


def _candidates(wanted: str, setting: str) -> Sequence[Gpu]:
    if wanted == "none":
        return ()
    gpus = list_gpus()
    if wanted == "auto":
        return gpus
    named = [gpu for gpu in gpus if wanted in (str(gpu.index), gpu.uuid)]
    if named:
        return named
    if not wanted.isdigit() and not wanted.startswith(("GPU-", "MIG-")):
        raise StudyFileError(
            f"{setting} = {wanted!r} is no GPU.",
            fix="Write 'auto', 'none', an index such as '0', or a UUID.",
        )
    there = ", ".join(f"{gpu.index} ({gpu.name})" for gpu in gpus) or "none"
    raise DeviceMissing(f"There is no GPU {wanted!r} here.", fix=f"There is: {there}.")


class GpuMeter:
    """Watches how much memory of a GPU is in use while its block lasts.

    Attributes:
        peak_bytes: The most that was seen beyond what was in use at the start; None without a GPU.
        lost: Why the GPU could not be asked any more, or an empty string.
    """

    def __init__(self, gpu: Gpu | None) -> None:
        self.peak_bytes: int | None = None
        self.lost = ""
        self._gpu = gpu
        self._done = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> "GpuMeter":
        if self._gpu is not None:
            self._thread = threading.Thread(target=self._watch, args=(self._gpu,), daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        if self._thread is not None:
            self._thread.join()

    def _watch(self, gpu: Gpu) -> None:
        import pynvml  # noqa: PLC0415 (loads the driver's library)

        try:
            pynvml.nvmlInit()
            handle = pynvml.nvmlDeviceGetHandleByUUID(gpu.uuid)
            start = int(pynvml.nvmlDeviceGetMemoryInfo(handle).used)
            self.peak_bytes = 0
            while not self._done.wait(_METER_PAUSE_S):
                used = int(pynvml.nvmlDeviceGetMemoryInfo(handle).used)
                self.peak_bytes = max(self.peak_bytes, used - start)
        except pynvml.NVMLError as error:
            self.lost = str(error)
