"""Qwen1.5-MoE and Qwen2-57B-A14B; shared experts beside the routed ones stay as they are."""

from expertswap.families.patterns import PatternFamily, sparse_steps

FAMILY = PatternFamily(model_types=("qwen2_moe",), moe_layers=sparse_steps)
