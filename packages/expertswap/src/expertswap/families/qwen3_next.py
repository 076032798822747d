"""Qwen3-Next; ``mtp.`` holds a draft layer with experts of its own."""

from expertswap.families.patterns import PatternFamily, sparse_steps

FAMILY = PatternFamily(
    model_types=("qwen3_next",),
    moe_layers=sparse_steps,
    draft_modules=("mtp",),
    draft_counts=("num_nextn_predict_layers", "mtp_num_hidden_layers"),
)
