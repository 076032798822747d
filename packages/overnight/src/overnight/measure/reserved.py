"""Names of metrics that only the harness gives: ``harness.*`` and ``claimed.*``."""

from collections.abc import Mapping

from overnight.processes.supervisor import Ending

HARNESS, CLAIMED = "harness.", "claimed."
_MIB = 2**20


def told_by_harness(ending: Ending, *, peak_gpu_bytes: int | None) -> dict[str, float]:
    """What the harness itself saw of a run, as metrics that no run can forge."""
    seen = {
        "wall_s": ending.duration_s,
        "cpu_s": ending.cpu_s,
        "peak_memory_mb": ending.peak_memory_bytes / _MIB,
    }
    if peak_gpu_bytes is not None:
        seen["peak_gpu_mb"] = peak_gpu_bytes / _MIB
    return {HARNESS + name: value for name, value in seen.items()}


def why_missing(name: str) -> str | None:
    """Why a run has no metric of a reserved name; None where the name is a program's to use."""
    if name.startswith(HARNESS):
        return f"{name} is not known here: the harness sees no such thing."
    if name.startswith(CLAIMED):
        said = name.removeprefix(CLAIMED)
        return f"{name} is not known: the run reported no {said}, or the study has no scorer."
    return None


def without_reserved(metrics: Mapping[str, float]) -> dict[str, float]:
    """What a program reported under names that are its own to use."""
    return {
        name: value for name, value in metrics.items() if not name.startswith((HARNESS, CLAIMED))
    }


def as_claimed(metrics: Mapping[str, float]) -> dict[str, float]:
    """What a candidate printed although a scorer decides: kept, but never taken for the score."""
    return {CLAIMED + name: value for name, value in without_reserved(metrics).items()}
