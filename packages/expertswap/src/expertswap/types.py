"""The nouns that everything else shares: frozen values.

Letters in names give shapes: D domains, L layers with experts, E experts of a layer, K experts
per token, T tokens.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MoeShape:
    """The sizes of a model that decide about its experts.

    Args:
        family: The configuration's ``model_type``.
        moe_layers: Indices of the decoder layers that have routed experts, ascending. Position in
            this tuple is the L of every array.
        num_experts: Routed experts of one layer (E).
        top_k: Experts that one token uses in one layer (K).
        hidden_size: Width of what goes into and out of an expert.
        expert_width: Width between an expert's projections.
        num_groups: Groups of which a token may use only some (DeepSeek); 1 where there are none.
    """

    family: str
    moe_layers: tuple[int, ...]
    num_experts: int
    top_k: int
    hidden_size: int
    expert_width: int
    num_groups: int = 1


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Which model a recording is of, so that it is not used with another.

    Args:
        name: How the user named the model; for people.
        fingerprint: Of its shape and its first router's weights (``Checkpoint.fingerprint``), so
            that quantising the experts leaves it as it is and pruning or training changes it.
        shape: Its sizes.
    """

    name: str
    fingerprint: str
    shape: MoeShape
