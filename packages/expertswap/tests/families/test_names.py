"""The published checkpoints' own names, and what vLLM's loaders look for.

Sources: the files under vllm/model_executor/models of vLLM (``load_weights`` and the fields of the
configuration that the expert layers are built from), read in the versions of 2025 and 2026.
"""

import pytest

from expertswap.families.base import ExpertTensor, Role, StackedTensor
from expertswap.families.registry import family_of

LAYER = "model.layers.4"
SEEING = "model.language_model.layers.4"


def expert(projection: str, parameter: str = "weight") -> ExpertTensor:
    return ExpertTensor(4, 17, projection, "", parameter)


def fused(projection: str, parameter: str = "weight") -> StackedTensor:
    return StackedTensor(4, Role.EXPERT, 0, projection, parameter)


ROUTER = StackedTensor(4, Role.ROUTER, 0)
BIAS = StackedTensor(4, Role.ROUTER_BIAS, 0, parameter="bias")
PUBLISHED = [
    ("qwen2_moe", f"{LAYER}.mlp.experts.17.gate_proj.weight", expert("gate")),
    ("qwen2_moe", f"{LAYER}.mlp.gate.weight", ROUTER),
    ("qwen2_moe", f"{LAYER}.mlp.shared_expert.gate_proj.weight", None),
    ("qwen2_moe", f"{LAYER}.mlp.shared_expert_gate.weight", None),
    ("qwen3_moe", f"{LAYER}.mlp.experts.17.down_proj.weight", expert("down")),
    (
        "qwen3_moe",
        f"{LAYER}.mlp.experts.17.up_proj.weight_scale_inv",
        expert("up", "weight_scale_inv"),
    ),
    ("qwen3_moe", f"{LAYER}.mlp.experts.017.up_proj.weight", None),
    ("qwen3_moe", f"{LAYER}.mlp.experts.17.up_proj.{{odd}}", None),
    ("qwen3_moe", f"{LAYER}.self_attn.q_proj.weight", None),
    ("qwen3_moe", f"{LAYER}.mlp.gate_proj.weight", None),
    ("qwen3_5_moe", f"{SEEING}.mlp.experts.gate_up_proj", fused("gate_up")),
    ("qwen3_5_moe", f"{SEEING}.mlp.experts.down_proj", fused("down")),
    ("qwen3_5_moe", f"{SEEING}.mlp.experts.17.up_proj.weight", expert("up")),
    ("qwen3_5_moe", f"{SEEING}.mlp.gate.weight", ROUTER),
    ("qwen3_5_moe", "mtp.layers.0.mlp.experts.gate_up_proj", None),
    ("qwen3_5_moe", "model.visual.blocks.4.mlp.linear_fc1.weight", None),
    ("qwen3_next", f"{LAYER}.mlp.experts.17.gate_proj.weight", expert("gate")),
    ("qwen3_next", "mtp.layers.0.mlp.experts.17.gate_proj.weight", None),
    ("mixtral", f"{LAYER}.block_sparse_moe.experts.17.w1.weight", expert("gate")),
    ("mixtral", f"{LAYER}.block_sparse_moe.experts.17.w2.weight", expert("down")),
    ("mixtral", f"{LAYER}.block_sparse_moe.experts.17.w3.weight", expert("up")),
    ("mixtral", f"{LAYER}.block_sparse_moe.gate.weight", ROUTER),
    ("olmoe", f"{LAYER}.mlp.experts.17.up_proj.weight", expert("up")),
    ("deepseek_v3", f"{LAYER}.mlp.experts.17.gate_proj.weight", expert("gate")),
    ("deepseek_v3", f"{LAYER}.mlp.gate.e_score_correction_bias", BIAS),
    ("deepseek_v3", f"{LAYER}.mlp.shared_experts.gate_proj.weight", None),
    ("kimi_k2", f"{LAYER}.mlp.experts.17.gate_proj.weight", expert("gate")),
    (
        "kimi_k25",
        f"language_model.{LAYER}.mlp.experts.17.gate_proj.weight_packed",
        expert("gate", "weight_packed"),
    ),
    ("glm4_moe", f"{LAYER}.mlp.experts.17.down_proj.weight", expert("down")),
    ("glm4_moe", f"{LAYER}.mlp.gate.weight", ROUTER),
    ("glm4_moe", f"{LAYER}.mlp.gate.e_score_correction_bias", BIAS),
    ("gpt_oss", f"{LAYER}.mlp.experts.gate_up_proj", fused("gate_up")),
    ("gpt_oss", f"{LAYER}.mlp.experts.gate_up_proj_bias", fused("gate_up", "bias")),
    ("gpt_oss", f"{LAYER}.mlp.experts.gate_up_proj_blocks", fused("gate_up", "blocks")),
    ("gpt_oss", f"{LAYER}.mlp.experts.down_proj_scales", fused("down", "scales")),
    ("gpt_oss", f"{LAYER}.mlp.router.weight", ROUTER),
    ("gpt_oss", f"{LAYER}.mlp.router.bias", BIAS),
    ("minimax_m2", f"{LAYER}.block_sparse_moe.experts.17.w1.weight", expert("gate")),
    (
        "minimax_m2",
        f"{LAYER}.block_sparse_moe.experts.17.w3.weight_scale_inv",
        expert("up", "weight_scale_inv"),
    ),
    ("minimax_m2", f"{LAYER}.block_sparse_moe.e_score_correction_bias", BIAS),
    ("ernie4_5_moe", f"{LAYER}.mlp.experts.17.gate_proj.weight", expert("gate")),
    (
        "ernie4_5_moe",
        f"{LAYER}.mlp.moe_statics.e_score_correction_bias",
        StackedTensor(4, Role.ROUTER_BIAS, 1, parameter="bias"),
    ),
    ("ernie4_5_moe", "model.mtp_block.0.mlp.gate_proj.weight", None),
]


@pytest.mark.parametrize(("model_type", "name", "expected"), PUBLISHED)
def test_published_names(
    model_type: str, name: str, expected: ExpertTensor | StackedTensor | None
) -> None:
    found = family_of({"model_type": model_type}).locate(name)
    if isinstance(found, ExpertTensor) and isinstance(expected, ExpertTensor):
        assert found.template == name.replace("experts.17.", "experts.{expert}.")
        assert (found.layer, found.expert) == (4, 17)
        assert (found.projection, found.parameter) == (expected.projection, expected.parameter)
    else:
        assert found == expected


VLLM_COUNTS = {
    "qwen2_moe": "num_experts",
    "qwen3_moe": "num_experts",
    "qwen3_5_moe_text": "num_experts",
    "qwen3_next": "num_experts",
    "mixtral": "num_local_experts",
    "olmoe": "num_experts",
    "deepseek_v3": "n_routed_experts",
    "kimi_k2": "n_routed_experts",
    "glm4_moe": "n_routed_experts",
    "gpt_oss": "num_local_experts",
    "minimax_m2": "num_local_experts",
    "ernie4_5_moe": "moe_num_experts",
}


@pytest.mark.parametrize(("model_type", "key"), VLLM_COUNTS.items())
def test_the_count_that_vllm_reads_is_always_written(model_type: str, key: str) -> None:
    family = family_of({"model_type": model_type})
    assert family.with_experts({"model_type": model_type}, 12)[key] == 12


def test_every_place_of_the_count_is_rewritten() -> None:
    config = {
        "model_type": "qwen3_5_moe",
        "text_config": {
            "num_experts": 256,
            "per_layer_config": {"3": {"num_experts": 256}},
            "mtp_num_hidden_layers": 1,
        },
        "vision_config": {"depth": 27},
    }
    changed = family_of(config).with_experts(config, 128)
    assert changed["text_config"] == {
        "num_experts": 128,
        "per_layer_config": {"3": {"num_experts": 128}},
        "mtp_num_hidden_layers": 0,
    }
    assert changed["vision_config"] == {"depth": 27}
    assert "num_experts" not in changed
    assert config["text_config"]["num_experts"] == 256  # type: ignore[index] # a dict, as above


def test_lists_of_counts_are_rewritten_too() -> None:
    config = {"model_type": "ernie4_5_moe", "moe_num_experts": 64, "moe_capacity": [64, 64, 64]}
    changed = family_of(config).with_experts(config, 32)
    assert changed == {**config, "moe_num_experts": 32, "moe_capacity": [32, 32, 32]}


@pytest.mark.parametrize(
    ("model_type", "num_hidden_layers", "name", "expected"),
    [
        ("deepseek_v3", 61, "model.layers.61.mlp.experts.0.up_proj.weight", True),
        ("deepseek_v3", 61, "model.layers.61.eh_proj.weight", True),
        ("deepseek_v3", 61, "model.layers.60.mlp.experts.0.up_proj.weight", False),
        ("glm4_moe", 46, "model.layers.46.shared_head.norm.weight", True),
        ("qwen3_next", 48, "mtp.fc.weight", True),
        ("qwen3_next", 48, "model.embed_tokens.weight", False),
        ("ernie4_5_moe", 28, "model.mtp_block.0.mlp.up_proj.weight", False),
    ],
)
def test_draft_layers_are_known(
    model_type: str, num_hidden_layers: int, name: str, expected: bool
) -> None:
    config = {"model_type": model_type, "num_hidden_layers": num_hidden_layers}
    assert family_of(config).drafts(name, config) is expected
