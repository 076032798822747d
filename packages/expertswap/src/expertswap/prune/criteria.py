"""Which experts to keep: pure functions from what was observed to the numbers of experts."""

from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from expertswap.errors import ObservationError, PruningRefused
from expertswap.observation import Observation
from expertswap.prune.criterion import Criterion
from expertswap.types import MoeShape

_SUPER_QUANTILE = 0.995
_SUPER_SHARE_OF_MAX = 0.1
_SUPER_LAYERS = 0.75


def saliency(observation: Observation, criterion: Criterion) -> NDArray[np.float64]:
    """The worth of each expert.

    Args:
        observation: What was seen.
        criterion: Any but ``random``.

    Returns:
        float64 (L, E); minus infinity where an expert was never seen.

    Raises:
        ObservationError: It holds values that are not finite.
    """
    count_LE = observation.count_LE
    match criterion:
        case Criterion.REAP:
            gated_LE = observation.gated_norm_sum_DLE.sum(axis=0)
            worth_LE = gated_LE / np.maximum(count_LE, 1)
        case Criterion.EAN:
            worth_LE = observation.norm_sum_DLE.sum(axis=0)
        case Criterion.WEIGHTED_EAN:
            worth_LE = observation.gated_norm_sum_DLE.sum(axis=0)
        case Criterion.FREQUENCY:
            worth_LE = count_LE.astype(np.float64)
        case Criterion.RANDOM:
            raise ValueError("random looks at no observation; use random_saliency")
    if not np.isfinite(worth_LE).all():
        raise ObservationError(
            "The observation holds values that are not finite.", fix="Observe again in bfloat16."
        )
    return np.where(count_LE > 0, worth_LE, -np.inf)


def random_saliency(shape: MoeShape, *, seed: int) -> NDArray[np.float64]:
    """A worth that means nothing, as a control: float64 (L, E)."""
    rng = np.random.default_rng(seed)
    return rng.random((len(shape.moe_layers), shape.num_experts))


def super_experts(max_activation_LE: NDArray[np.floating[Any]]) -> NDArray[np.bool_]:
    """The few experts whose outputs are huge and without which a model breaks.

    Their largest activation is above the 99.5th percentile of all experts' and above a tenth of
    the largest, in the first three quarters of the layers with experts (arXiv:2507.23279, as
    REAP's code applies it).

    Args:
        max_activation_LE: (L, E), largest absolute element of an expert's outputs.

    Returns:
        bool (L, E).
    """
    threshold = max(
        np.quantile(max_activation_LE, _SUPER_QUANTILE),
        max_activation_LE.max() * _SUPER_SHARE_OF_MAX,
    )
    super_LE: NDArray[np.bool_] = max_activation_LE > threshold
    super_LE[int(len(super_LE) * _SUPER_LAYERS) :] = False
    return super_LE


def kept_count(shape: MoeShape, *, keep: float, groups_per_token: int = 1) -> int:
    """How many experts of a layer stay.

    Args:
        shape: The model's sizes.
        keep: Share to keep, above 0 and below 1; rounded up, to whole experts of each group.
        groups_per_token: Groups of experts that a token may use.

    Raises:
        PruningRefused: Nothing would be removed, or a token would not find its experts.
    """
    per_group = shape.num_experts // shape.num_groups
    kept_per_group = ceil(per_group * keep - 1e-9)
    least_per_group = _least_per_group(shape, groups_per_token)
    if kept_per_group >= per_group:
        raise PruningRefused(f"Keeping {keep:g} of {shape.num_experts} experts removes none.")
    if kept_per_group < least_per_group:
        least = least_per_group * shape.num_groups / shape.num_experts
        raise PruningRefused(
            f"Keeping {keep:g} leaves {max(kept_per_group, 0) * shape.num_groups} of"
            f" {shape.num_experts} experts, too few for the {shape.top_k} that a token uses.",
            fix=f"Keep at least {ceil(least * 1000) / 1000:g}.",
        )
    return kept_per_group * shape.num_groups


def _least_per_group(shape: MoeShape, groups_per_token: int) -> int:
    """A token finds its experts in the groups it may use; groups are ranked by their best two."""
    if shape.num_groups == 1:
        return shape.top_k
    return max(2, ceil(shape.top_k / groups_per_token))


def kept_experts(
    saliency_LE: NDArray[np.float64],
    *,
    num_kept: int,
    num_groups: int = 1,
    protected_LE: NDArray[np.bool_] | None = None,
) -> NDArray[np.int64]:
    """The experts of each layer that are worth most, as many of each group.

    Args:
        saliency_LE: (L, E), worth; of equals the one with the lower number stays.
        num_kept: How many stay in each layer, a multiple of ``num_groups``.
        num_groups: Groups of neighbouring experts.
        protected_LE: bool (L, E), experts that stay whatever they are worth; None for none.

    Returns:
        int64 (L, num_kept), ascending numbers.

    Raises:
        PruningRefused: More are protected in a group than stay.
    """
    L, E = saliency_LE.shape
    protected_LE = np.zeros((L, E), np.bool_) if protected_LE is None else protected_LE
    per_group, kept_per_group = E // num_groups, num_kept // num_groups
    if protected_LE.reshape(L, num_groups, per_group).sum(axis=2).max() > kept_per_group:
        raise PruningRefused("A layer has more super-experts than experts that would stay.")
    worth_LGE = np.where(protected_LE, np.inf, saliency_LE).reshape(L, num_groups, per_group)
    best_LGE = np.argsort(-worth_LGE, axis=2, kind="stable")[:, :, :kept_per_group]
    first_of_group_G = np.arange(num_groups)[:, None] * per_group
    return np.sort((best_LGE + first_of_group_G).reshape(L, num_kept), axis=1)
