"""OLMoE-1B-7B."""

from expertswap.families.patterns import PatternFamily

FAMILY = PatternFamily(model_types=("olmoe",), expert_width="intermediate_size")
