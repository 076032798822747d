"""The protocol of a family, and what a tensor of a checkpoint can be to it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from expertswap.types import MoeShape

Config = Mapping[str, Any]


class Role(StrEnum):
    """What a tensor that has something to do with experts is for."""

    EXPERT = "expert"
    ROUTER = "router"
    ROUTER_BIAS = "router_bias"


@dataclass(frozen=True, slots=True)
class ExpertTensor:
    """A tensor of one expert, named for it.

    Args:
        layer: Index of the decoder layer.
        expert: Number of the expert in its layer.
        projection: ``gate``, ``up`` or ``down``.
        template: The tensor's name with ``{expert}`` where the number stands.
        parameter: What of the projection: ``weight``, or of a quantised one ``weight_scale`` and
            the like.
    """

    layer: int
    expert: int
    projection: str
    template: str
    parameter: str = "weight"


@dataclass(frozen=True, slots=True)
class StackedTensor:
    """A tensor that holds something of all experts of a layer along one axis.

    Args:
        layer: Index of the decoder layer.
        role: What it is.
        expert_axis: The axis along which the experts stand.
        projection: Of fused experts, ``gate_up`` or ``down``; else None.
        parameter: What of it: ``weight``, ``bias``, or ``blocks`` and ``scales`` of MXFP4.
    """

    layer: int
    role: Role
    expert_axis: int
    projection: str | None = None
    parameter: str = "weight"


class Family(Protocol):
    """Knows one or several model types: their sizes and the names of their tensors."""

    @property
    def model_types(self) -> tuple[str, ...]:
        """The values of ``model_type`` in ``config.json`` that this family answers for."""
        ...

    def shape(self, config: Config) -> MoeShape:
        """The model's sizes.

        Raises:
            NotMixtureOfExperts: This configuration has no routed experts.
            CheckpointError: The configuration lacks a size.
        """
        ...

    def groups_per_token(self, config: Config) -> int:
        """Of ``num_groups`` groups of experts, how many a token may use."""
        ...

    def locate(self, name: str) -> ExpertTensor | StackedTensor | None:
        """What the tensor ``name`` has to do with experts; None for attention and all the rest.

        Draft layers whose names continue the decoder's are located too; ``Checkpoint.locate``
        leaves them out.
        """
        ...

    def expert_name(self, fused: str, *, expert: int, projection: str) -> str | None:
        """What a fused tensor's part would be called, were experts stored one by one.

        Args:
            fused: Name of the tensor that holds all experts of a layer.
            expert: Number of the expert.
            projection: ``gate``, ``up`` or ``down``.

        Returns:
            The name; None if the family always stores them fused.
        """
        ...

    def layer_of(self, name: str) -> int | None:
        """The decoder layer of a tensor; None for embeddings, final norm and head."""
        ...

    def drafts(self, name: str, config: Config) -> bool:
        """Whether the tensor is of layers with experts that only predict further tokens ahead.

        Such multi-token-prediction layers serve speculative decoding; transformers neither runs
        nor loads them.
        """
        ...

    def with_experts(self, config: Config, num_experts: int) -> dict[str, Any]:
        """The configuration of the same model with fewer experts in each layer, no draft layers."""
        ...


def text_config(config: Config) -> Config:
    """The part of a configuration that describes the language model."""
    nested = config.get("text_config")
    return nested if isinstance(nested, Mapping) else config
