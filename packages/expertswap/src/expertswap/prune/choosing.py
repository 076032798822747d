"""From a checkpoint, an observation and a share to the experts that stay."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from expertswap.checkpoint import Checkpoint
from expertswap.errors import ObservationError
from expertswap.matching import require_observed
from expertswap.observation import Observation
from expertswap.prune.criteria import (
    kept_count,
    kept_experts,
    random_saliency,
    saliency,
    super_experts,
)
from expertswap.prune.criterion import Criterion
from expertswap.prune.tensors import Kept
from expertswap.types import MoeShape


@dataclass(frozen=True, eq=False, slots=True)
class Choice:
    """Which experts stay, and why.

    Args:
        criterion: By what they were ranked.
        keep: Share that was asked for.
        seed: Of a random choice, else None.
        kept_LK: int64 (L, K), the numbers of the experts that stay in each layer, ascending.
        protected_LE: bool (L, E), the super-experts that stay whatever they are worth.
    """

    criterion: Criterion
    keep: float
    seed: int | None
    kept_LK: NDArray[np.int64]
    protected_LE: NDArray[np.bool_]

    @property
    def num_kept(self) -> int:
        """Experts of each layer that stay."""
        return len(self.kept_LK[0])

    def by_layer(self, checkpoint: Checkpoint) -> Kept:
        """The experts that stay, by decoder layer."""
        return {
            layer: tuple(experts)
            for layer, experts in zip(
                checkpoint.shape.moe_layers, self.kept_LK.tolist(), strict=True
            )
        }


def choose(
    checkpoint: Checkpoint,
    observation: Observation | None,
    *,
    criterion: Criterion,
    keep: float,
    seed: int = 0,
    keep_super_experts: bool = False,
) -> Choice:
    """Choose the experts that stay, as many in each layer.

    Args:
        checkpoint: The model.
        observation: What was seen of it; a random choice needs none.
        criterion: By what to rank.
        keep: Share to keep.
        seed: Of a random choice.
        keep_super_experts: Whether those stay whatever they are worth.

    Raises:
        PruningRefused: What is asked would leave a model that cannot run.
        ObservationError: The observation is missing, damaged or of another model.
    """
    shape, groups = checkpoint.shape, checkpoint.family.groups_per_token(checkpoint.config)
    if observation is not None:
        _check(observation, checkpoint)
    num_kept = kept_count(shape, keep=keep, groups_per_token=groups)
    worth_LE = _worth(shape, observation, criterion=criterion, seed=seed)
    protected_LE = np.zeros(worth_LE.shape, np.bool_)
    if keep_super_experts:
        protected_LE = super_experts(_required(observation).max_activation_LE)
    kept_LK = kept_experts(
        worth_LE, num_kept=num_kept, num_groups=shape.num_groups, protected_LE=protected_LE
    )
    drawn = seed if criterion is Criterion.RANDOM else None
    return Choice(criterion, keep, drawn, kept_LK, protected_LE)


def _worth(
    shape: MoeShape, observation: Observation | None, *, criterion: Criterion, seed: int
) -> NDArray[np.float64]:
    if criterion is Criterion.RANDOM:
        return random_saliency(shape, seed=seed)
    return saliency(_required(observation), criterion)


def _required(observation: Observation | None) -> Observation:
    if observation is None:
        raise ObservationError(
            "Only a random choice needs no observation.", fix="Make one with `expertswap observe`."
        )
    return observation


def _check(observation: Observation, checkpoint: Checkpoint) -> None:
    require_observed(observation, checkpoint.identity)
    sizes = (len(checkpoint.shape.moe_layers), checkpoint.shape.num_experts)
    for name in ("count_DLE", "gated_norm_sum_DLE", "norm_sum_DLE", "max_activation_LE"):
        if getattr(observation, name).shape[-2:] != sizes:
            raise ObservationError(f"The observation is damaged: {name} has the wrong shape.")
