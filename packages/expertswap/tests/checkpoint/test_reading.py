from pathlib import Path

import torch
from safetensors import safe_open

from expertswap.checkpoint import Checkpoint


def test_reads_what_safetensors_reads(tiny_qwen3: Path) -> None:
    checkpoint = Checkpoint.open(tiny_qwen3)
    for name, entry in checkpoint.tensors.items():
        with safe_open(entry.shard, framework="pt") as file:
            expected = file.get_tensor(name)
        values = checkpoint.read(name)
        assert (entry.dtype, entry.shape) == (expected.dtype, tuple(expected.shape))
        assert torch.equal(values, expected)


def test_reads_some_rows(tiny_qwen3: Path) -> None:
    checkpoint = Checkpoint.open(tiny_qwen3)
    name = "model.layers.1.mlp.gate.weight"
    rows = checkpoint.read(name, rows=slice(2, 5))
    assert torch.equal(rows, checkpoint.read(name)[2:5])


def test_tells_sizes(tiny_qwen3: Path) -> None:
    checkpoint = Checkpoint.open(tiny_qwen3)
    assert checkpoint.shape.moe_layers == (0, 1)
    assert (checkpoint.shape.num_experts, checkpoint.shape.top_k) == (8, 2)
    assert checkpoint.expert_bytes == 3 * 32 * 24 * 4
