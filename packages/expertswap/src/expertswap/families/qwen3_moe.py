"""Qwen3-30B-A3B, Qwen3-235B-A22B and Qwen3-Coder."""

from expertswap.families.patterns import PatternFamily, sparse_steps

FAMILY = PatternFamily(model_types=("qwen3_moe",), moe_layers=sparse_steps)
