"""Mixtral 8x7B and 8x22B."""

from expertswap.families.patterns import W1_W2_W3, PatternFamily

FAMILY = PatternFamily(
    model_types=("mixtral",),
    block="block_sparse_moe",
    projections=W1_W2_W3,
    expert_counts=("num_local_experts", "num_experts"),
    expert_width="intermediate_size",
)
