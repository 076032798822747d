import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from expertswap.checkpoint import Checkpoint
from expertswap.errors import QuantizationRefused
from expertswap.quantize.calibrated import calibrate
from expertswap.quantize.choices import Calibration, Method, ScaleChoice
from expertswap.quantize.scheme import WeightScheme
from expertswap.quantize.writing import Quantization

TinyCheckpoints = Callable[[str], Path]

installed = importlib.util.find_spec("llmcompressor") is not None
needs_llm_compressor = pytest.mark.skipif(
    not installed, reason="llm-compressor is not installed: pip install 'expertswap[calibrated]'"
)
# Of the rounded experts' error; AWQ gains by outliers, which random weights do not have.
# llm-compressor 0.14 pins memory for a GPU in its AWQ, and only there.
bounds = [
    (Method.GPTQ, 1.0),
    pytest.param(
        Method.AWQ,
        1.5,
        marks=pytest.mark.skipif(
            not torch.accelerator.is_available(), reason="llm-compressor's AWQ needs a GPU"
        ),
    ),
]


def prompts() -> list[np.ndarray[Any, np.dtype[np.int32]]]:
    generator = np.random.default_rng(3)
    return [generator.integers(0, 256, 48, dtype=np.int32) for _ in range(6)]


def tensors_of(path: Path) -> dict[str, torch.Tensor]:
    return {
        name: tensor
        for shard in sorted(path.glob("*.safetensors"))
        for name, tensor in load_file(shard).items()
    }


def logits(path: Path) -> torch.Tensor:
    model: Any = AutoModelForCausalLM.from_pretrained(path, dtype="auto")
    with torch.inference_mode():
        rows = [model(torch.from_numpy(ids.astype(np.int64))[None]).logits for ids in prompts()]
    return torch.cat(rows)


@needs_llm_compressor
@pytest.mark.parametrize(("method", "bound"), bounds)
@pytest.mark.parametrize("model_type", ["qwen3_moe", "mixtral", "qwen3_5_moe"])
def test_calibrated_experts_load_and_do_better_than_rounded_ones(
    tiny_checkpoints: TinyCheckpoints,
    tmp_path: Path,
    model_type: str,
    method: Calibration,
    bound: float,
) -> None:
    source = tiny_checkpoints(model_type)
    quantization = Quantization.of(Checkpoint.open(source), WeightScheme(bits=4, group_size=8))
    quantization.write(tmp_path / "calibrated", calibrate(quantization, prompts(), method=method))
    quantization.write(tmp_path / "rounded", quantization.round_to_nearest(ScaleChoice.ABSMAX))
    exact = logits(source)
    errors = {
        name: (logits(tmp_path / name) - exact).square().mean().item()
        for name in ("calibrated", "rounded")
    }
    assert errors["calibrated"] < bound * errors["rounded"]


@needs_llm_compressor
def test_all_but_the_experts_stays_as_it_was(tiny_qwen3: Path, tmp_path: Path) -> None:
    quantization = Quantization.of(Checkpoint.open(tiny_qwen3), WeightScheme(bits=4, group_size=8))
    quantizer = calibrate(quantization, prompts(), method=Method.GPTQ)
    quantization.write(tmp_path / "out", quantizer)
    before, after = tensors_of(tiny_qwen3), tensors_of(tmp_path / "out")
    kept = {name: tensor for name, tensor in before.items() if ".experts." not in name}
    assert all(torch.equal(after[name], tensor) for name, tensor in kept.items())
    assert len(after) == len(kept) + 3 * (len(before) - len(kept))
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert config["quantization_config"]["format"] == "pack-quantized"


@pytest.mark.skipif(installed, reason="llm-compressor is installed")
@pytest.mark.parametrize("method", [Method.GPTQ, Method.AWQ])
def test_without_llm_compressor_the_fix_is_told(tiny_qwen3: Path, method: Calibration) -> None:
    quantization = Quantization.of(Checkpoint.open(tiny_qwen3), WeightScheme(bits=4, group_size=8))
    with pytest.raises(QuantizationRefused, match=r"pip install 'expertswap\[calibrated\]'"):
        calibrate(quantization, prompts(), method=method)


@needs_llm_compressor
@pytest.mark.skipif(torch.accelerator.is_available(), reason="there is a GPU")
def test_awq_without_a_gpu_is_refused(tiny_qwen3: Path) -> None:
    quantization = Quantization.of(Checkpoint.open(tiny_qwen3), WeightScheme(bits=4, group_size=8))
    with pytest.raises(QuantizationRefused, match="--method gptq"):
        calibrate(quantization, prompts(), method=Method.AWQ)
