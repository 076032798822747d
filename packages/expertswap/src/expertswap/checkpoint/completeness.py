"""Whether a checkpoint has all the experts and routers that its configuration tells of."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from expertswap.checkpoint.headers import TensorEntry
from expertswap.errors import CheckpointDamaged
from expertswap.families.base import ExpertTensor, Role, StackedTensor
from expertswap.types import MoeShape

Located = tuple[TensorEntry, ExpertTensor | StackedTensor]


def check_complete(located: Iterable[Located], shape: MoeShape, path: Path) -> None:
    """See that each layer has its router and all projections of all its experts.

    Args:
        located: The tensors that have something to do with experts.
        shape: What the configuration tells.
        path: The checkpoint, to be named in the error.

    Raises:
        CheckpointDamaged: Something is missing, or has experts of another number.
    """
    routers: set[int] = set()
    projections: dict[int, set[str | None]] = {layer: set() for layer in shape.moe_layers}
    experts: dict[str, set[int]] = defaultdict(set)
    for entry, found in located:
        if isinstance(found, ExpertTensor):
            experts[found.template].add(found.expert)
            projections[found.layer].add(found.projection)
            continue
        _check_axis(entry, found.expert_axis, shape.num_experts)
        if found.role is Role.ROUTER:
            routers.add(found.layer)
        elif found.role is Role.EXPERT:
            projections[found.layer].add(found.projection)
    for template, numbers in experts.items():
        _check_numbers(template, numbers, shape.num_experts, path)
    for layer in shape.moe_layers:
        if layer not in routers:
            raise CheckpointDamaged(f"{path} lacks the router of layer {layer}.")
        if not projections[layer] or projections[layer] != projections[shape.moe_layers[0]]:
            raise CheckpointDamaged(f"{path} lacks experts of layer {layer}.")


def _check_axis(entry: TensorEntry, axis: int, num_experts: int) -> None:
    if entry.shape[axis : axis + 1] != (num_experts,):
        raise CheckpointDamaged(
            f"{entry.name} in {entry.shard} has shape {entry.shape}; the configuration tells of"
            f" {num_experts} experts."
        )


def _check_numbers(template: str, numbers: set[int], num_experts: int, path: Path) -> None:
    expected = set(range(num_experts))
    if missing := expected - numbers:
        raise CheckpointDamaged(f"{path} lacks {template.format(expert=min(missing))}.")
    if surplus := numbers - expected:
        raise CheckpointDamaged(
            f"{path} has {template.format(expert=min(surplus))}; the configuration tells of"
            f" {num_experts} experts."
        )
