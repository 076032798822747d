"""GPUs as values, since no machine of the suite has one; the real ones are in test_gpu_real."""

from dataclasses import replace
from pathlib import Path

import pytest

from overnight.doctor import Status
from overnight.doctor.checks import gpu
from overnight.doctor.gpu_facts import Evidence, GpuFacts, Tenant, gather_evidence
from overnight.doctor.gpu_words import how_to_mend
from overnight.types import Constraint

from .conftest import Examine, ExamineAll, Make

GIB = 2**30
SOUND = GpuFacts("H100", "580.1", (13, 0), total_bytes=80 * GIB, free_bytes=79 * GIB)


def test_a_machine_without_a_gpu(make: Make, examine_all: ExamineAll) -> None:
    if gather_evidence().answers:
        pytest.skip("there is a GPU here")
    found = examine_all(make(), "gpu")
    assert {result.status for result in found.values()} == {Status.SKIPPED}


def test_a_gpu_that_is_not_there(make: Make, examine: Examine) -> None:
    if gather_evidence().answers:
        pytest.skip("there is a GPU here")
    result = examine(make(sandbox={"gpu": "0"}), "gpu.present")
    assert result.finding == "The study wants GPU '0', but there is none here."


@pytest.mark.parametrize(
    ("evidence", "status", "words"),
    [
        (Evidence(False, "Library Not Found"), Status.SKIPPED, "no GPU on this machine"),
        (Evidence(False, "Library Not Found", others=("/dev/kfd",)), Status.OK, "/dev/kfd"),
        (Evidence(False, "Driver Not Loaded", on_bus=True), Status.FAILED, "modprobe nvidia"),
        (Evidence(False, "Not Found", module=True), Status.FAILED, "libnvidia-ml"),
        (Evidence(False, "Driver/library version mismatch", module=True), Status.FAILED, "reboot"),
        (Evidence(False, "Not Found", on_bus=True, in_container=True), Status.FAILED, "--gpus all"),
    ],
)
def test_a_driver_that_does_not_answer(evidence: Evidence, status: Status, words: str) -> None:
    judged = gpu.judge_evidence(evidence, wanted="auto")
    assert judged is not None
    assert judged.status is status
    assert words in judged.finding + judged.fix


def test_a_driver_that_answers_is_no_finding() -> None:
    assert gpu.judge_evidence(Evidence(True), wanted="auto") is None


def test_evidence_is_read_from_the_bus(tmp_path: Path) -> None:
    for number, (vendor, kind) in enumerate([("0x10de", "0x030200"), ("0x8086", "0x030000")]):
        device = tmp_path / "bus" / "pci" / "devices" / str(number)
        device.mkdir(parents=True)
        (device / "vendor").write_text(f"{vendor}\n")
        (device / "class").write_text(f"{kind}\n")
    found = gather_evidence(sys_dir=tmp_path, proc_dir=tmp_path)
    assert found.on_bus
    assert not found.module
    (tmp_path / "bus" / "pci" / "devices" / "0" / "class").write_text("0x020000\n")
    assert not gather_evidence(sys_dir=tmp_path, proc_dir=tmp_path).on_bus


def test_nodes_that_the_driver_did_not_make(tmp_path: Path) -> None:
    for name in ("nvidia0", "nvidiactl"):
        (tmp_path / name).touch()
    judged = gpu.judge_nodes(0, dev=tmp_path)
    assert judged.finding == f"{tmp_path}/nvidia-uvm is missing, so CUDA cannot start."
    assert "nvidia-modprobe -u" in judged.fix
    (tmp_path / "nvidia-uvm").touch()
    assert gpu.judge_nodes(0, dev=tmp_path).status is Status.OK


def test_other_processes_on_the_gpu() -> None:
    assert gpu.judge_tenants(SOUND).status is Status.OK
    busy = replace(SOUND, tenants=(Tenant(7, "python", 2 * GIB), Tenant(8, "ollama", None)))
    judged = gpu.judge_tenants(busy)
    assert judged.status is Status.FAILED
    assert "python (process 7, 2.0 GiB), ollama (process 8, memory unknown)" in judged.finding
    assert judged.fix == "End it: `kill 7 8`."
    hidden = replace(SOUND, free_bytes=40 * GIB)
    assert gpu.judge_tenants(hidden).status is Status.WARNING


@pytest.mark.parametrize(
    ("knows", "built", "status"),
    [
        ((13, 0), "12.8", Status.OK),
        ((13, 0), "13.0", Status.OK),
        ((12, 4), "12.8", Status.WARNING),
        ((12, 4), "13.0", Status.FAILED),
        ((11, 8), "12.1", Status.FAILED),
        ((12, 4), "", Status.OK),
    ],
)
def test_driver_against_framework(knows: tuple[int, int], built: str, status: Status) -> None:
    judged = gpu.judge_driver(replace(SOUND, cuda=knows), framework=built)
    assert judged.status is status
    assert status is not Status.FAILED or "forward compatibility" in judged.fix


@pytest.mark.parametrize(
    ("constraint", "status"),
    [
        ("peak_vram_mb <= 40000", Status.OK),
        ("peak_vram_mb <= 90000", Status.WARNING),
        ("harness.peak_gpu_mb <= 90000", Status.WARNING),
        ("gpu_gb < 100", Status.WARNING),
        ("peak_vram_mb >= 90000", Status.OK),
        ("val_loss <= 900000", Status.OK),
    ],
)
def test_memory_against_constraints(constraint: str, status: Status) -> None:
    assert gpu.judge_memory(SOUND, (Constraint.parse(constraint),)).status is status


@pytest.mark.parametrize(
    ("facts", "status", "words"),
    [
        (SOUND, Status.OK, "no fault"),
        (replace(SOUND, persistent=True, uncorrected=0, remapping=False), Status.OK, "no fault"),
        (replace(SOUND, uncorrected=3, persistent=False), Status.FAILED, "3 memory errors"),
        (replace(SOUND, remapping=True), Status.WARNING, "Reboot"),
        (replace(SOUND, slowed_by=("its temperature",)), Status.WARNING, "its temperature"),
        (replace(SOUND, persistent=False), Status.WARNING, "nvidia-smi -pm 1"),
    ],
)
def test_health(facts: GpuFacts, status: Status, words: str) -> None:
    judged = gpu.judge_health(facts)
    assert judged.status is status
    assert words in judged.finding + judged.fix


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            "Unexpected error from cudaGetDeviceCount(). Error 304: OS call failed or operation not"
            " supported on this OS",
            "nvidia-modprobe -u",
        ),
        ("cuInit: CUDA_ERROR_UNKNOWN (error 999)", "nvidia_uvm"),
        ("The NVIDIA driver on your system is too old (found version 11040)", "Update the driver"),
        ("Error 803: system has unsupported display driver / cuda driver combination", "reboot"),
        ("Error 804: forward compatibility was attempted on non supported HW", "LD_LIBRARY_PATH"),
        ("Error 802: system not yet initialized", "fabricmanager"),
        ("CUDA out of memory. Tried to allocate 20 MiB", "nvidia-smi"),
        ("CUDA error: no kernel image is available for execution on the device", "newer version"),
        ("this torch is built without CUDA", "build for CUDA"),
        ("cuInit: CUDA_ERROR_NO_DEVICE (error 100)", "CUDA_VISIBLE_DEVICES"),
        ("libcuda.so.1 cannot be loaded: libcuda.so.1: cannot open shared object", "libraries"),
        ("something new", "dmesg"),
    ],
)
def test_what_mends_an_error_of_cudas(error: str, words: str) -> None:
    assert words in how_to_mend(error)
