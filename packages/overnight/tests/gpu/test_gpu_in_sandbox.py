"""CUDA inside the very sandbox that a night uses; needs a GPU and torch: `make test-gpu`."""

import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from overnight.researchers.registry import create as create_researcher
from overnight.sandbox.devices import GpuMeter, list_gpus
from overnight.testing.consistency import contradictions
from overnight.testing.studies import TinyStudy, make_study
from overnight.types import Trust, Verdict

needs_gpu = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None or not list_gpus(),
    reason="needs a CUDA device and torch",
)
pytestmark = [pytest.mark.gpu, needs_gpu]

TRAIN = """\
import json, os, sys, torch

report = {"gpus": torch.cuda.device_count(), "nodes": sorted(os.listdir("/dev"))}
if torch.cuda.is_available():
    torch.manual_seed(0)
    size = 4096
    a = torch.randn(size, size, device="cuda", dtype=torch.bfloat16)
    for _ in range(20):
        a = torch.nn.functional.normalize(a @ a)
    report["norm"] = float(a.float().norm())
    report["name"] = torch.cuda.get_device_name(0)
    torch.cuda.synchronize()
    hold = torch.zeros(2**30, dtype=torch.uint8, device="cuda")
    import time; time.sleep(1.0)
print(json.dumps(report), file=open(os.environ["REPORT"], "w"))
print("val_loss: %.6f" % (SCALE * (1 if torch.cuda.is_available() else 2)))
"""
IMPROVE = (
    "sed -i 's/^SCALE = .*/SCALE = 0.5/' train.py &&"
    f" {sys.executable} -c 'import torch; print(torch.cuda.get_device_name(0))'"
)


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., TinyStudy]:
    monkeypatch.setenv("OVERNIGHT_WORK", str(tmp_path / "work"))

    def make(**sandbox: Any) -> TinyStudy:
        report = tmp_path / "report"
        report.mkdir()
        return make_study(
            tmp_path / "study",
            files={"train.py": f"SCALE = 1.0\n{TRAIN}"},
            scope={"editable": ["train.py"], "protected": []},
            metric={"constraints": ["harness.peak_gpu_mb >= 512", "harness.peak_gpu_mb <= 20000"]},
            measure={
                "command": f"{sys.executable} train.py",
                "deadline": "3m",
                "env": {"REPORT": str(report / "gpu.json")},
            },
            sandbox={"kind": "bubblewrap", "write": [str(report)], **sandbox},
            researcher={"kind": "command", "options": {"command": IMPROVE}},
            budget={"trials": 1},
        )

    return make


def test_torch_computes_inside_and_the_harness_sees_its_memory(
    study: Callable[..., TinyStudy], tmp_path: Path
) -> None:
    made = study()
    made.run(create_researcher(made.load().researcher_settings))
    baseline, improved = made.trials()
    assert (baseline.verdict, improved.verdict) == (Verdict.KEEP, Verdict.KEEP)
    assert improved.value == 0.5
    assert "NVIDIA" in improved.title, "the researcher's own sandbox sees the GPU too"
    report = json.loads((tmp_path / "report" / "gpu.json").read_text())
    assert report["gpus"] == 1
    assert report["norm"] > 0
    [run] = made.runs(1)
    assert run.trust is Trust.CONFINED
    assert 1024 <= run.metrics["harness.peak_gpu_mb"] <= 20_000
    assert contradictions(made.load()) == []


def test_no_device_is_there_where_the_study_says_none(
    study: Callable[..., TinyStudy], tmp_path: Path
) -> None:
    made = study(gpu="none")
    made.configure(
        scope={"editable": ["train.py"], "protected": []},
        metric={"constraints": []},
        measure={
            "command": f"{sys.executable} train.py",
            "deadline": "3m",
            "env": {"REPORT": str(tmp_path / "report" / "gpu.json")},
        },
        sandbox={"kind": "bubblewrap", "gpu": "none", "write": [str(tmp_path / "report")]},
    )
    made.run([])
    assert made.trials()[0].value == 2.0
    report = json.loads((tmp_path / "report" / "gpu.json").read_text())
    assert report["gpus"] == 0
    assert not [node for node in report["nodes"] if node.startswith("nvidia")]


def test_the_meter_tells_that_a_device_is_gone() -> None:
    gone = type(list_gpus()[0])(9, "GPU-00000000-0000-0000-0000-000000000000", "none", 9, 1)
    with GpuMeter(gone) as meter:
        pass
    assert meter.lost


def test_every_gpu_has_its_node() -> None:
    for gpu in list_gpus():
        assert Path(f"/dev/nvidia{gpu.minor}").exists()
