"""The GPU: there, this night's alone, and computing inside the sandbox."""

from pathlib import Path

from overnight.doctor.check import Group, Result, checks, failed, ok, skipped, warning
from overnight.doctor.gpu_facts import Evidence, GpuFacts, gather_evidence, read_gpu
from overnight.doctor.gpu_words import how_to_mend
from overnight.doctor.patient import Patient
from overnight.doctor.words import listed, sentence, size
from overnight.errors import DeviceMissing
from overnight.sandbox.devices import Gpu
from overnight.types import Constraint

_NODES = ("nvidiactl", "nvidia-uvm")
_IN_THE_WAY = 0.02  # of a GPU's memory
_NO_GPU = "There is no GPU to examine."


def present(patient: Patient) -> Result:
    """The driver answers, and the GPU that the study wants is there."""
    wanted = patient.study.sandbox.gpu
    if wanted == "none":
        return skipped('The study has sandbox.gpu = "none".')
    problem = judge_evidence(gather_evidence(), wanted=wanted)
    if problem is not None:
        return problem
    gpu = patient.ward.gpu
    if gpu is None:
        return skipped("The driver answers, but has no GPU.")
    return ok(f"GPU {gpu.index}, {gpu.name} with {size(gpu.total_bytes)}, is this night's alone.")


def judge_evidence(evidence: Evidence, *, wanted: str) -> Result | None:
    """What is wrong where the driver does not answer; None when it does.

    Args:
        wanted: The study's ``sandbox.gpu``.
    """
    if evidence.answers:
        return None
    mismatch = "mismatch" in evidence.complaint.lower()
    if mismatch or evidence.module or evidence.on_bus:
        finding, fix = _why_silent(evidence, mismatch=mismatch)
        return failed(finding, fix=fix)
    if wanted != "auto":
        return failed(
            f"The study wants GPU {wanted!r}, but there is none here.",
            fix='Write sandbox.gpu = "auto" or "none", or run it on another machine.',
        )
    if evidence.others:
        return ok(f"There is no NVIDIA GPU; {listed(evidence.others)} is shown inside.")
    return skipped("There is no GPU on this machine.")


def _why_silent(evidence: Evidence, *, mismatch: bool) -> tuple[str, str]:
    """Why a driver does not answer although there is a GPU, and what to do."""
    said = sentence(f"The NVIDIA driver does not answer: {evidence.complaint}")
    if mismatch:
        return said, "Its library and its kernel module differ since an update: reboot."
    if evidence.in_container:
        return (
            "The host has an NVIDIA GPU, but this container was not given it.",
            "Start it with `--gpus all` (NVIDIA's container toolkit).",
        )
    if evidence.module:
        return said, "Install the driver's libraries (libnvidia-ml), or reboot."
    return (
        "An NVIDIA GPU is on the PCI bus, but its driver is not loaded.",
        "Run `sudo modprobe nvidia`, or install the driver; `dmesg | grep -i nvidia` says why it"
        " is not.",
    )


def nodes(patient: Patient) -> Result:
    """The driver's device nodes are there, which it does not always make by itself."""
    gpu = _gpu(patient)
    return skipped(_NO_GPU) if gpu is None else judge_nodes(gpu.minor, dev=Path("/dev"))


def judge_nodes(minor: int, *, dev: Path) -> Result:
    """Whether what CUDA opens is there."""
    wanted = (f"nvidia{minor}", *_NODES)
    missing = [str(dev / name) for name in wanted if not (dev / name).exists()]
    if missing:
        return failed(
            f"{listed(missing)} is missing, so CUDA cannot start.",
            fix="Run `sudo nvidia-modprobe -u -c=0`; nvidia-persistenced does it at every boot.",
        )
    return ok("The driver's device nodes are there.")


def free(patient: Patient) -> Result:
    """Nobody else computes on the GPU."""
    facts = _facts(patient)
    return skipped(_NO_GPU) if facts is None else judge_tenants(facts)


def judge_tenants(facts: GpuFacts) -> Result:
    """Whether other processes would take time and memory from runs."""
    told = [
        f"{tenant.name} (process {tenant.pid}, {_held(tenant.held_bytes)})"
        for tenant in facts.tenants
    ]
    in_use = facts.total_bytes - facts.free_bytes
    if told:
        pids = " ".join(str(tenant.pid) for tenant in facts.tenants)
        return failed(f"{listed(told)} computes on the GPU.", fix=f"End it: `kill {pids}`.")
    if in_use > 0.1 * facts.total_bytes:
        return warning(
            f"{size(in_use)} of the GPU's memory is in use, by no process that can be seen here.",
            fix="Look on the host, or in other containers: `nvidia-smi`.",
        )
    return ok("No other process computes on the GPU.")


def computes(patient: Patient) -> Result:
    """The GPU can be seen inside, and computes there."""
    if _gpu(patient) is None:
        return skipped(_NO_GPU)
    found = patient.gpu_use
    by, error = found["by"], found["error"]
    if error:
        return failed(
            sentence(f"The GPU does not compute inside ({by}): {error}"), fix=how_to_mend(error)
        )
    return ok(f"{found['name']} computes inside, with {by}.")


def driver(patient: Patient) -> Result:
    """The driver is new enough for the CUDA that the study's framework was built with."""
    facts = _facts(patient)
    if facts is None:
        return skipped(_NO_GPU)
    return judge_driver(facts, framework=patient.gpu_use["cuda"])


def judge_driver(facts: GpuFacts, *, framework: str) -> Result:
    """Whether driver and framework fit.

    Args:
        framework: The version of CUDA that it was built with, such as ``12.8``; or nothing.
    """
    knows = f"Driver {facts.driver} knows CUDA {facts.cuda[0]}.{facts.cuda[1]}"
    if not framework:
        return ok(f"{knows}; no framework was found to hold against it.")
    major, _, minor = framework.partition(".")
    built = (int(major), int(minor.partition(".")[0] or 0))
    if built[0] > facts.cuda[0]:
        return failed(
            f"{knows}, but the framework is built with CUDA {framework}.",
            fix=f"Update the driver, install the framework for CUDA {facts.cuda[0]}, or on a data"
            f" centre's GPU install cuda-compat-{built[0]}-{built[1]} (forward compatibility).",
        )
    if built > facts.cuda:
        return warning(
            f"{knows}, and the framework is built with the newer CUDA {framework}; what compiles"
            " kernels at run time may fail.",
            fix="Update the driver.",
        )
    return ok(f"{knows}; the framework is built with CUDA {framework}.")


def memory(patient: Patient) -> Result:
    """The GPU has as much free memory as a constraint allows to be used."""
    facts = _facts(patient)
    if facts is None:
        return skipped(_NO_GPU)
    return judge_memory(facts, patient.study.objective.constraints)


def judge_memory(facts: GpuFacts, constraints: tuple[Constraint, ...]) -> Result:
    """Whether a run that keeps to its constraints has the memory it may use."""
    told = f"{size(facts.free_bytes)} of {size(facts.total_bytes)} are free"
    for constraint in constraints:
        bound_bytes = _bound_bytes(constraint)
        if bound_bytes is not None and bound_bytes > facts.free_bytes:
            return warning(
                f"The constraint {constraint} allows {size(bound_bytes)}, but {told}.",
                fix="Free the GPU, or lower the bound.",
            )
    return ok(f"{told}.")


def health(patient: Patient) -> Result:
    """The GPU reports no fault, and nothing slows it down."""
    facts = _facts(patient)
    return skipped(_NO_GPU) if facts is None else judge_health(facts)


def judge_health(facts: GpuFacts) -> Result:
    """What the driver says of errors, clocks and settings, the worst first."""
    if facts.uncorrected:
        return failed(
            f"The GPU had {facts.uncorrected} memory errors that could not be corrected.",
            fix="Reset it or reboot; if they come again, it has to be replaced.",
        )
    if facts.remapping:
        return warning("Rows of the GPU's memory wait to be replaced.", fix="Reboot.")
    if facts.slowed_by:
        return warning(
            f"The GPU is slowed down by {listed(facts.slowed_by)}, so times do not compare.",
            fix="Look at `nvidia-smi -q -d PERFORMANCE,TEMPERATURE`.",
        )
    if facts.persistent is False:
        return warning(
            "The driver is unloaded between runs, which makes each start slower.",
            fix="Run `sudo nvidia-smi -pm 1`.",
        )
    return ok("The GPU reports no fault.")


CHECKS = checks(Group.GPU, present, nodes, free, computes, driver, memory, health)


def _gpu(patient: Patient) -> Gpu | None:
    return patient.ward.gpu


def _facts(patient: Patient) -> GpuFacts | None:
    gpu = _gpu(patient)
    if gpu is None:
        return None
    facts = read_gpu(gpu)
    if facts is None:
        raise DeviceMissing("The driver has stopped to answer.", fix="Look at `nvidia-smi`.")
    return facts


def _held(held_bytes: int | None) -> str:
    return "memory unknown" if held_bytes is None else size(held_bytes)


def _bound_bytes(constraint: Constraint) -> float | None:
    """What a constraint allows of the GPU's memory, if that is what its name says."""
    name = constraint.metric.lower()
    if constraint.relation not in ("<", "<=") or not any(it in name for it in ("vram", "gpu")):
        return None
    units = {"_mb": 2**20, "_mib": 2**20, "_gb": 2**30, "_gib": 2**30, "_bytes": 1}
    return next(
        (constraint.bound * unit for end, unit in units.items() if name.endswith(end)), None
    )
