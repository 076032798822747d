"""DeepSeek-V3, R1 and Kimi K2 to K2.5; draft layers continue the decoder's numbers."""

from expertswap.families.patterns import PatternFamily, after_dense_layers

FAMILY = PatternFamily(
    model_types=("deepseek_v3", "kimi_k2", "kimi_k25"),
    decoders=("model.layers", "language_model.model.layers"),
    router_bias={"gate.e_score_correction_bias": 0},
    moe_layers=after_dense_layers,
    expert_counts=("n_routed_experts", "num_local_experts", "num_experts"),
    draft_counts=("num_nextn_predict_layers", "num_mtp_layers"),
)
