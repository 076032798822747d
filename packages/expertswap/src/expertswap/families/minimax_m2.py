"""MiniMax-M2; the correction bias stands on the block."""

from expertswap.families.patterns import W1_W2_W3, PatternFamily

FAMILY = PatternFamily(
    model_types=("minimax_m2",),
    block="block_sparse_moe",
    projections=W1_W2_W3,
    router_bias={"e_score_correction_bias": 0},
    expert_counts=("num_local_experts", "num_experts"),
    expert_width="intermediate_size",
    draft_counts=("num_mtp_modules",),
)
