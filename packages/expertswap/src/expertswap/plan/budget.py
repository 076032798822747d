"""How many experts a GPU's memory holds beside everything else."""

from dataclasses import dataclass

from expertswap.errors import BudgetTooSmall
from expertswap.sizes import tell_bytes
from expertswap.types import MoeShape


@dataclass(frozen=True, slots=True)
class Budget:
    """Where the memory goes.

    Args:
        gpu_bytes: All that may be used.
        other_weights_bytes: Weights that are not routed experts; always resident.
        reserve_bytes: For the KV cache and activations.
        expert_bytes: Of one expert of one layer.
    """

    gpu_bytes: int
    other_weights_bytes: int
    reserve_bytes: int
    expert_bytes: int

    @property
    def for_experts_bytes(self) -> int:
        """What is left for experts; negative if even the rest does not fit."""
        return self.gpu_bytes - self.other_weights_bytes - self.reserve_bytes

    def slots(self, shape: MoeShape) -> int:
        """Experts that fit, over all layers; never more than there are.

        Raises:
            BudgetTooSmall: The experts of one token do not fit.
        """
        needed = len(shape.moe_layers) * shape.top_k
        fit = max(0, self.for_experts_bytes) // self.expert_bytes
        if fit < needed:
            enough = self.other_weights_bytes + self.reserve_bytes + needed * self.expert_bytes
            raise BudgetTooSmall(
                f"{tell_bytes(self.gpu_bytes)} holds {fit} experts beside"
                f" {tell_bytes(self.other_weights_bytes)} of other weights and"
                f" {tell_bytes(self.reserve_bytes)} in reserve, and one token needs {needed}"
                f" ({shape.top_k} in each of {len(shape.moe_layers)} layers).",
                fix=f"Give at least {enough:,} bytes ({tell_bytes(enough)}).",
            )
        return min(fit, len(shape.moe_layers) * shape.num_experts)
