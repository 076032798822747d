"""GPU checks on a machine that has one: `make test-gpu`."""

import importlib.util
import subprocess
import sys
from collections.abc import Iterator

import pytest

from overnight.doctor import Status
from overnight.layout import leases_directory
from overnight.sandbox.devices import lease_gpu, list_gpus

from .conftest import Examine, ExamineAll, Make

needs_gpu = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None or not list_gpus(),
    reason="needs a CUDA device and torch",
)
pytestmark = [pytest.mark.gpu, needs_gpu]

TRAIN = "import torch\nprint('val_loss:', float(torch.ones(2, device='cuda').sum()))\n"
PYTHON = {"command": f"{sys.executable} train.py", "deadline": "3m"}
BUBBLEWRAP = {"kind": "bubblewrap"}
HOLD = (
    "import torch; held = torch.zeros(2**30, dtype=torch.uint8, device='cuda');"
    " torch.cuda.synchronize(); print('holding', flush=True); input()"
)


@pytest.mark.parametrize("kind", ["bubblewrap", "none"])
def test_a_gpu_that_is_ready(kind: str, make: Make, examine_all: ExamineAll) -> None:
    study = make({"train.py": TRAIN}, measure=PYTHON, sandbox={"kind": kind})
    found = examine_all(study, "gpu", "run.baseline")
    assert {it.status for it in found.values()} <= {Status.OK, Status.WARNING}, found
    assert "computes inside, with torch" in found["gpu.computes"].finding
    assert "the framework is built with CUDA" in found["gpu.driver"].finding
    assert found["run.baseline"].finding.startswith("val_loss = 2,")


def test_the_driver_alone_where_there_is_no_framework(make: Make, examine: Examine) -> None:
    result = examine(make(sandbox=BUBBLEWRAP), "gpu.computes")
    assert result.status is Status.OK


def test_no_gpu_is_asked_for(make: Make, examine: Examine) -> None:
    result = examine(make(sandbox={**BUBBLEWRAP, "gpu": "none"}), "gpu.computes")
    assert result.status is Status.SKIPPED


@pytest.fixture
def tenant() -> Iterator[int]:
    with subprocess.Popen(
        (sys.executable, "-c", HOLD), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "holding\n"
        yield process.pid
        process.kill()


def test_a_gpu_that_somebody_uses(make: Make, examine: Examine, tenant: int) -> None:
    result = examine(make(), "gpu.free")
    assert result.status is not Status.OK
    if result.status is Status.FAILED:  # in a virtual machine the driver may not tell processes
        assert result.fix == f"End it: `kill {tenant}`."


def test_a_gpu_that_another_night_has(make: Make, examine_all: ExamineAll) -> None:
    with lease_gpu("auto", leases_directory()):
        found = examine_all(make({"train.py": TRAIN}, measure=PYTHON), "gpu", "run.baseline")
    assert found["gpu.present"].status is Status.FAILED
    assert "leased to another night" in found["gpu.present"].finding
    assert found["run.baseline"].finding == "It needs what gpu.present found broken."
