"""gpt-oss: fused experts with biases; published as MXFP4 (``_blocks`` and ``_scales``)."""

from expertswap.families.patterns import FUSED_GATE_UP, PatternFamily

FAMILY = PatternFamily(
    model_types=("gpt_oss",),
    projections={},
    fused=FUSED_GATE_UP,
    router=("router.weight",),
    router_bias={"router.bias": 0},
    expert_counts=("num_local_experts", "num_experts"),
    expert_width="intermediate_size",
)
