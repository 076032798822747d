"""Pruning published forms that transformers does not write, and models that cannot be pruned."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from expertswap.checkpoint import Checkpoint, CheckpointWriter
from expertswap.errors import OutputError, PruningRefused
from expertswap.families.base import ExpertTensor
from expertswap.prune.streaming import pruned_bytes, write_pruned

TinyCheckpoints = Callable[[str], Path]


def rewritten(
    source: Path,
    out: Path,
    *,
    names: Callable[[str], str] = str,
    add: Mapping[str, torch.Tensor] | None = None,
    drop: str = "nothing",
    config: Callable[[dict[str, Any]], dict[str, Any]] = dict,
) -> Path:
    """The checkpoint with other names, other tensors or another configuration."""
    checkpoint = Checkpoint.open(source)
    with CheckpointWriter(out, like=checkpoint, max_shard_bytes=50_000) as writer:
        for name, entry in checkpoint.tensors.items():
            if drop not in name:
                writer.copy(names(name), entry)
        for name, tensor in (add or {}).items():
            writer.add(name, tensor)
        writer.config = config(writer.config)
    return out


def pruned(source: Path, out: Path, experts: tuple[int, ...] = (1, 2, 4, 7)) -> Checkpoint:
    checkpoint = Checkpoint.open(source)
    kept = dict.fromkeys(checkpoint.shape.moe_layers, experts)
    predicted = pruned_bytes(checkpoint, kept)
    write_pruned(checkpoint, out, kept, documents={})
    after = Checkpoint.open(out)
    assert sum(entry.nbytes for entry in after.tensors.values()) == predicted
    return after


def logits(path: Path) -> torch.Tensor:
    from transformers import AutoModelForCausalLM  # noqa: PLC0415 - seconds

    model = AutoModelForCausalLM.from_pretrained(path)
    with torch.no_grad():
        values: torch.Tensor = model(torch.arange(20)[None]).logits
    return values


def test_draft_layers_that_continue_the_decoder_are_left_out(
    tiny_checkpoints: TinyCheckpoints, tmp_path: Path
) -> None:
    source = rewritten(
        tiny_checkpoints("deepseek_v3"),
        tmp_path / "source",
        add={
            "model.layers.3.eh_proj.weight": torch.ones(2),
            "model.layers.3.mlp.experts.0.up_proj.weight": torch.ones(2),
            "model.layers.3.mlp.gate.weight": torch.ones(8, 2),
        },
        config=lambda config: {**config, "num_nextn_predict_layers": 1},
    )
    after = pruned(source, tmp_path / "out")
    assert not any(name.startswith("model.layers.3.") for name in after.tensors)
    assert after.config["num_nextn_predict_layers"] == 0
    assert after.config["n_routed_experts"] == 4


def test_draft_modules_are_left_out(tiny_checkpoints: TinyCheckpoints, tmp_path: Path) -> None:
    drafts = {
        "mtp.fc.weight": torch.ones(2),
        "mtp.layers.0.mlp.experts.0.up_proj.weight": torch.ones(2),
    }
    source = rewritten(tiny_checkpoints("qwen3_next"), tmp_path / "source", add=drafts)
    assert set(drafts) <= set(Checkpoint.open(source).tensors)
    assert set(drafts).isdisjoint(pruned(source, tmp_path / "out").tensors)


def test_fused_experts_are_cut_along_their_first_axis(
    tiny_checkpoints: TinyCheckpoints, tmp_path: Path
) -> None:
    original = Checkpoint.open(tiny_checkpoints("qwen3_5_moe"))
    stem = "model.language_model.layers.{layer}.mlp.experts."
    fused = {}
    for layer in original.shape.moe_layers:
        prefix = stem.format(layer=layer)
        for name, parts in (
            ("gate_up_proj", ("gate_proj", "up_proj")),
            ("down_proj", ("down_proj",)),
        ):
            fused[f"{prefix}{name}"] = torch.stack(
                [
                    torch.cat([original.read(f"{prefix}{e}.{part}.weight") for part in parts])
                    for e in range(8)
                ]
            )
    source = rewritten(original.path, tmp_path / "source", add=fused, drop=".mlp.experts.")
    assert Checkpoint.open(source).expert_bytes == original.expert_bytes
    after = pruned(source, tmp_path / "out")
    for name, tensor in fused.items():
        assert torch.equal(after.read(name), tensor[[1, 2, 4, 7]])
    assert after.config["text_config"]["num_experts"] == 4
    apart = pruned(original.path, tmp_path / "apart")
    assert torch.equal(logits(after.path), logits(apart.path))


def test_mxfp4_blocks_and_scales_are_cut_alike(
    tiny_checkpoints: TinyCheckpoints, tmp_path: Path
) -> None:
    packed = {
        f"model.layers.{layer}.mlp.experts.{projection}_{part}": torch.randint(
            0, 256, shape, dtype=torch.uint8
        )
        for layer in (0, 1)
        for projection in ("gate_up_proj", "down_proj")
        for part, shape in (("blocks", (8, 6, 2, 16)), ("scales", (8, 6, 2)))
    }
    biases = {
        f"model.layers.{layer}.mlp.experts.{projection}_bias": torch.randn(8, 6)
        for layer in (0, 1)
        for projection in ("gate_up_proj", "down_proj")
    }
    source = rewritten(
        tiny_checkpoints("gpt_oss"), tmp_path / "source", add={**packed, **biases}, drop="experts."
    )
    after = pruned(source, tmp_path / "out", (0, 1, 6))
    for name, tensor in {**packed, **biases}.items():
        assert torch.equal(after.read(name), tensor[[0, 1, 6]])


def test_names_and_configuration_of_kimi_are_nested(
    tiny_checkpoints: TinyCheckpoints, tmp_path: Path
) -> None:
    source = rewritten(
        tiny_checkpoints("deepseek_v3"),
        tmp_path / "source",
        names=lambda name: f"language_model.{name}",
        config=lambda config: {"model_type": "kimi_k25", "text_config": config},
    )
    after = pruned(source, tmp_path / "out")
    assert after.config["text_config"]["n_routed_experts"] == 4
    before = Checkpoint.open(source)
    stem = "language_model.model.layers.1.mlp.experts"
    assert torch.equal(
        after.read(f"{stem}.3.up_proj.weight"), before.read(f"{stem}.7.up_proj.weight")
    )


def test_scales_of_quantised_experts_move_with_them(tiny_qwen3: Path, tmp_path: Path) -> None:
    scales = {
        f"model.layers.{layer}.mlp.experts.{e}.{projection}_proj.weight_scale_inv": torch.tensor(
            [layer, e]
        )
        for layer in (0, 1)
        for e in range(8)
        for projection in ("gate", "up", "down")
    }
    source = rewritten(tiny_qwen3, tmp_path / "source", add=scales)
    after = pruned(source, tmp_path / "out")
    for name in after.tensors:
        found = after.locate(name)
        if isinstance(found, ExpertTensor) and found.parameter == "weight_scale_inv":
            assert after.read(name).tolist() == [found.layer, (1, 2, 4, 7)[found.expert]]


def test_settings_for_single_experts_are_refused(tiny_qwen3: Path, tmp_path: Path) -> None:
    ignored = ["model.layers.0.mlp.experts.3.up_proj"]
    source = rewritten(
        tiny_qwen3,
        tmp_path / "source",
        config=lambda config: {**config, "quantization_config": {"ignore": ignored}},
    )
    with pytest.raises(PruningRefused, match=r"experts\.3"):
        pruned(source, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_existing_output_is_refused(tiny_qwen3: Path, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="exists"):
        pruned(tiny_qwen3, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_index_tells_the_size(tiny_qwen3: Path, tmp_path: Path) -> None:
    source = rewritten(tiny_qwen3, tmp_path / "source")
    index = json.loads((source / "model.safetensors.index.json").read_text())
    tensors = Checkpoint.open(source).tensors
    assert index["metadata"]["total_size"] == sum(entry.nbytes for entry in tensors.values())
    assert index["weight_map"].keys() == tensors.keys()
