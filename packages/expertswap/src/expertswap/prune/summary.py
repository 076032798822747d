"""What a choice of experts loses, in words and shares."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from expertswap.checkpoint import Checkpoint
from expertswap.observation import Observation
from expertswap.prune.choosing import Choice
from expertswap.sizes import tell_bytes


def traffic_kept(observation: Observation, kept_LK: NDArray[np.int64]) -> NDArray[np.float64]:
    """Share of the routed tokens that the experts which stay had.

    Args:
        observation: What was seen.
        kept_LK: int64 (L, K), the experts that stay.

    Returns:
        float64 (L,); NaN for a layer in which nothing was seen.
    """
    count_LE = observation.count_LE
    kept_L = np.take_along_axis(count_LE, kept_LK, axis=1).sum(axis=1)
    total_L = count_LE.sum(axis=1)
    share_L = np.full(len(total_L), np.nan)
    np.divide(kept_L, total_L, out=share_L, where=total_L > 0)
    return share_L


def sentences(
    checkpoint: Checkpoint, choice: Choice, observation: Observation | None
) -> Iterator[str]:
    """What is done and what is lost, a line each."""
    shape = checkpoint.shape
    yield (
        f"{checkpoint.path.name}: {len(shape.moe_layers)} layers of {shape.num_experts} experts,"
        f" {shape.top_k} for each token"
    )
    by = choice.criterion.value if choice.seed is None else f"chance, seed {choice.seed}"
    yield f"keeps {choice.num_kept} of {shape.num_experts} experts in each layer, by {by}"
    if observation is not None:
        yield from _losses(observation, choice)
    if choice.protected_LE.any():
        yield f"super-experts that stay: {_named(checkpoint, choice.protected_LE)}"
    drafts = [
        entry.nbytes
        for name, entry in checkpoint.tensors.items()
        if checkpoint.family.drafts(name, checkpoint.config)
    ]
    if drafts:
        yield (
            f"leaves out the draft layers ({len(drafts)} tensors, {tell_bytes(sum(drafts))}):"
            " nothing tells which of their experts matter"
        )


def _losses(observation: Observation, choice: Choice) -> Iterator[str]:
    share_L = traffic_kept(observation, choice.kept_LK)
    layers = observation.model.shape.moe_layers
    if np.isnan(share_L).all():
        yield "nothing was routed in the observation"
        return
    worst = int(np.nanargmin(share_L))
    yield (
        f"what stays had {np.nanmean(share_L):.1%} of the traffic of"
        f" {int(observation.tokens_D.sum()):,} tokens; least in layer {layers[worst]},"
        f" {share_L[worst]:.1%}"
    )
    unseen_LE = observation.count_LE == 0
    if unseen_LE.any():
        stay = int(np.take_along_axis(unseen_LE, choice.kept_LK, axis=1).sum())
        yield (
            f"{int(unseen_LE.sum()):,} of {unseen_LE.size:,} experts were never seen and rank"
            f" lowest; {stay:,} of them stay"
        )


def _named(checkpoint: Checkpoint, chosen_LE: NDArray[np.bool_]) -> str:
    return ", ".join(
        f"{checkpoint.shape.moe_layers[row]}/{expert}" for row, expert in np.argwhere(chosen_LE)
    )
