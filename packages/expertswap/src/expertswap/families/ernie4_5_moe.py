"""ERNIE 4.5 MoE, text only; its draft layers are dense and stay as they are."""

from collections.abc import Iterable

from expertswap.families.base import Config
from expertswap.families.patterns import PatternFamily


def _layers(config: Config) -> Iterable[int]:
    start, end = config.get("moe_layer_start_index", 1), config.get("moe_layer_end_index", -1)
    last = config["num_hidden_layers"] - 1 if end == -1 else end
    interval = config.get("moe_layer_interval") or 1
    return (layer for layer in range(start, last + 1) if (layer + 1) % interval == 0)


FAMILY = PatternFamily(
    model_types=("ernie4_5_moe",),
    router_bias={"moe_statics.e_score_correction_bias": 1},
    moe_layers=_layers,
    expert_counts=("moe_num_experts", "moe_capacity"),
    top_k="moe_k",
)
