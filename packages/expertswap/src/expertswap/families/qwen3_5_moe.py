"""Qwen3.5 and 3.6 MoE: published fused, written expert by expert by transformers."""

from expertswap.families.patterns import FUSED_GATE_UP, PatternFamily

FAMILY = PatternFamily(
    model_types=("qwen3_5_moe", "qwen3_5_moe_text"),
    decoders=("model.language_model.layers", "model.layers"),
    fused=FUSED_GATE_UP,
    draft_modules=("mtp",),
    draft_counts=("mtp_num_hidden_layers",),
)
