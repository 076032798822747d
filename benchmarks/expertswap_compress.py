"""How much smaller experts become, pruned to half and stored in 4 bits, and at what cost.

The model has the names and the sizes of Qwen3-30B-A3B's experts, but few layers and random weights:
figures of size, speed and exactness do not depend on what was learned. Speed is told per second of
processor time of one core, so that other work on the machine does not count.

Run it: ``python benchmarks/expertswap_compress.py`` or, for a smoke run, ``--quick``.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import torch
from compressed_tensors.compressors.pack_quantized.helpers import unpack_from_int32
from safetensors.torch import save_file
from torch import Tensor

from expertswap.checkpoint import Checkpoint
from expertswap.prune.criterion import Criterion
from expertswap.prune.run import Pruning
from expertswap.quantize.choices import ScaleChoice
from expertswap.quantize.packing import PackedWeight, dequantize, unpack
from expertswap.quantize.rounding import round_to_nearest
from expertswap.quantize.scheme import WeightScheme
from expertswap.quantize.writing import Quantization

RATIO_BAR = 7.7
HIDDEN, EXPERT_WIDTH = 2048, 768
LAYERS, EXPERTS, EXPERTS_QUICK = 2, 56, 4
SCHEME = WeightScheme(bits=4, group_size=128)
SAMPLES = 24
MAX_SHARD_BYTES = 50_000_000


@dataclass(frozen=True)
class Quantized:
    """What quantising foretold and took."""

    predicted_disk_bytes: int
    wall_s: float
    memory_growth_bytes: int


@dataclass(frozen=True)
class Compressed:
    """What compressing did."""

    bytes_before: int
    bytes_after: int
    disk_bytes: int
    original_gb: float
    half_gb: float
    quantized: Quantized

    @property
    def ratio(self) -> float:
        """How many times smaller the experts are."""
        return self.bytes_before / self.bytes_after


def main() -> None:
    """Print the figures; the exit status is 1 when the bar was missed or a bit was wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smaller model")
    quick = parser.parse_args().quick
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="expertswap-bench-") as name:
        root = Path(name)
        write_model(root / "model", num_experts=EXPERTS_QUICK if quick else EXPERTS)
        compressed = compress(root)
        wrong, worst_half_steps = check(root)
        speeds = {choice: speed(root / "model", choice) for choice in ScaleChoice}
    print_table(compressed, wrong=wrong, worst_half_steps=worst_half_steps, speeds=speeds)
    sys.exit(0 if compressed.ratio >= RATIO_BAR and not wrong else 1)


def write_model(path: Path, *, num_experts: int) -> None:
    """A checkpoint with Qwen3-30B-A3B's names and widths, one file per layer."""
    path.mkdir()
    config = {
        "model_type": "qwen3_moe",
        "architectures": ["Qwen3MoeForCausalLM"],
        "num_hidden_layers": LAYERS,
        "num_experts": num_experts,
        "num_experts_per_tok": 2,
        "hidden_size": HIDDEN,
        "moe_intermediate_size": EXPERT_WIDTH,
    }
    (path / "config.json").write_text(json.dumps(config))
    weight_map: dict[str, str] = {}
    for layer in range(LAYERS):
        shard = f"model-{layer + 1:05}-of-{LAYERS:05}.safetensors"
        tensors = dict(layer_tensors(layer, num_experts))
        save_file(tensors, path / shard)
        weight_map |= dict.fromkeys(tensors, shard)
    (path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))


def layer_tensors(layer: int, num_experts: int) -> Iterator[tuple[str, Tensor]]:
    """One decoder layer's tensors."""
    generator = torch.Generator().manual_seed(layer)

    def random(rows: int, width: int) -> Tensor:
        return (torch.randn(rows, width, generator=generator) * 0.02).to(torch.bfloat16)

    prefix = f"model.layers.{layer}"
    yield f"{prefix}.self_attn.q_proj.weight", random(HIDDEN, HIDDEN)
    yield f"{prefix}.mlp.gate.weight", random(num_experts, HIDDEN)
    for expert in range(num_experts):
        name = f"{prefix}.mlp.experts.{expert}"
        yield f"{name}.gate_proj.weight", random(EXPERT_WIDTH, HIDDEN)
        yield f"{name}.up_proj.weight", random(EXPERT_WIDTH, HIDDEN)
        yield f"{name}.down_proj.weight", random(HIDDEN, EXPERT_WIDTH)


def compress(root: Path) -> Compressed:
    """Prune the model to half of its experts and quantise the rest."""
    Pruning.prepare(root / "model", None, criterion=Criterion.RANDOM, keep=0.5).write(root / "half")
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh:
        quantized = fresh.submit(quantize, root / "half", root / "small").result()
    return Compressed(
        bytes_before=expert_bytes(root / "model"),
        bytes_after=expert_bytes(root / "small"),
        disk_bytes=sum(shard.stat().st_size for shard in (root / "small").glob("*.safetensors")),
        original_gb=weight_gb(root / "model"),
        half_gb=weight_gb(root / "half"),
        quantized=quantized,
    )


def quantize(model: Path, out: Path) -> Quantized:
    """Quantise a model in a process that has had little memory so far."""
    torch.set_num_threads(1)
    quantization = Quantization.of(Checkpoint.open(model), SCHEME)
    quantizer = quantization.round_to_nearest(ScaleChoice.ABSMAX)
    memory, begin_s = peak_memory_bytes(), time.perf_counter()
    quantization.write(out, quantizer, max_shard_bytes=MAX_SHARD_BYTES)
    wall_s = time.perf_counter() - begin_s
    return Quantized(quantization.size.total, wall_s, peak_memory_bytes() - memory)


def check(root: Path) -> tuple[int, float]:
    """Of all experts: how many words compressed-tensors reads otherwise, and the largest error.

    Returns:
        Values that differ, and the largest error as a share of half a step.
    """
    half, small = Checkpoint.open(root / "half"), Checkpoint.open(root / "small")
    wrong, worst = 0, 0.0
    for matrices in Quantization.of(half, SCHEME).matrices.values():
        for matrix in matrices:
            weight = half.read(matrix.tensor)
            words = small.read(f"{matrix.module}.weight_packed")
            scale = small.read(f"{matrix.module}.weight_scale")
            ours = unpack(words, bits=SCHEME.bits, width=matrix.width)
            wrong += int((ours != unpack_from_int32(words, SCHEME.bits, weight.shape)).sum())
            steps = weight.double().reshape(*scale.shape, -1) / scale.double().unsqueeze(-1)
            error = (steps - ours.reshape(steps.shape)).abs().max().item()
            worst = max(worst, 2 * error)
    return wrong, worst


def speed(path: Path, choice: ScaleChoice) -> tuple[float, float, float]:
    """GB/s of one core to quantise and to dequantise, and the relative error of the weights."""
    checkpoint = Checkpoint.open(path)
    names = [name for name in checkpoint.tensors if ".experts." in name][:SAMPLES]
    weights = [checkpoint.read(name) for name in names]
    packed: list[PackedWeight] = []
    quantize_s = processor_s(
        lambda: packed.extend(round_to_nearest(weight, SCHEME, scale=choice) for weight in weights)
    )
    restored: list[Tensor] = []
    dequantize_s = processor_s(lambda: restored.extend(map(dequantize, packed)))
    gigabytes = sum(weight.nbytes for weight in weights) / 1e9
    exact = torch.stack([weight.float().norm() for weight in weights]).norm()
    error = torch.stack(
        [
            (back.float() - weight.float()).norm()
            for back, weight in zip(restored, weights, strict=True)
        ]
    ).norm()
    return gigabytes / quantize_s, gigabytes / dequantize_s, (error / exact).item()


def processor_s(work: Callable[[], None]) -> float:
    """Seconds of this process's processor time."""
    begin_s = time.process_time()
    work()
    return time.process_time() - begin_s


def expert_bytes(path: Path) -> int:
    """Bytes of all experts as stored."""
    checkpoint = Checkpoint.open(path)
    shape = checkpoint.shape
    return checkpoint.expert_bytes * shape.num_experts * len(shape.moe_layers)


def weight_gb(path: Path) -> float:
    """Gigabytes of all tensors."""
    return sum(entry.nbytes for entry in Checkpoint.open(path).tensors.values()) / 1e9


def peak_memory_bytes() -> int:
    """The most memory that this process has had; ``getrusage`` would count its parent's too."""
    (line,) = (
        line for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line
    )
    return int(line.split()[1]) * 1024


def print_table(
    compressed: Compressed,
    *,
    wrong: int,
    worst_half_steps: float,
    speeds: dict[ScaleChoice, tuple[float, float, float]],
) -> None:
    """All figures, one a line."""
    quantized = compressed.quantized
    met = "met" if compressed.ratio >= RATIO_BAR else "missed"
    off = quantized.predicted_disk_bytes / compressed.disk_bytes - 1
    rate = compressed.half_gb / quantized.wall_s
    growth_mb = quantized.memory_growth_bytes / 1e6
    halves = f"{compressed.original_gb:.2f} GB, half {compressed.half_gb:.2f} GB"
    print(f"model                    {halves}")
    print(f"expert bytes             {compressed.bytes_before:,} -> {compressed.bytes_after:,}")
    print(f"ratio                    {compressed.ratio:.3f} (bar {RATIO_BAR}: {met})")
    print(f"size on disk             {compressed.disk_bytes:,}, predicted {off:+.3%}")
    print(f"read, quantise, write    {quantized.wall_s:.1f} s, {rate:.2f} GB/s, one thread")
    print(
        f"memory for it            {growth_mb:.0f} MB with files of {MAX_SHARD_BYTES / 1e6:.0f} MB"
    )
    print(f"values read otherwise    {wrong} by compressed-tensors")
    print(f"largest error            {worst_half_steps:.6f} of half a step")
    for choice, (quantize, dequantize_rate, error) in speeds.items():
        print(
            f"{choice:<24} {quantize:.2f} GB/s a core, back {dequantize_rate:.2f} GB/s,"
            f" relative error {error:.4f}"
        )


if __name__ == "__main__":
    main()
