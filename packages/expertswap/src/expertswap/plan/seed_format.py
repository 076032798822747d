"""The plan format of reap-expert-swap (``mode: "dynamic_core_specialist"``), read and written.

Its plans keep a core of each layer resident and load slices of specialists beside it. Both get a
share of the bytes that are left of a share of the whole model; what they hold is rounded down to
whole experts in every layer.

Source of the format: github.com/0xSero/reap-expert-swap, ``example/strict30-v2-plan.json``.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from expertswap.errors import PlanError
from expertswap.plan.plan import Plan, read_json, told
from expertswap.policies.policy import LayerPlacement
from expertswap.whole_file import write_whole

MODE = "dynamic_core_specialist"
_GIB = 1024**3


@dataclass(frozen=True, slots=True)
class SeedBudget:
    """The arithmetic of such a plan.

    Args:
        num_layers: Layers with experts.
        num_experts: Of each.
        expert_bytes: Of one.
        always_resident_bytes: Of all other weights.
        ratio: Share of the whole model that may be resident.
        core_fraction: Share of the swappable bytes for the core.
        pool_multiplier: Candidates for each specialist that is loaded.
    """

    num_layers: int
    num_experts: int
    expert_bytes: int
    always_resident_bytes: int
    ratio: float
    core_fraction: float = 0.75
    pool_multiplier: float = 1.25

    @property
    def full_bytes(self) -> int:
        """The whole model."""
        return self.always_resident_bytes + self.num_layers * self.num_experts * self.expert_bytes

    @property
    def swappable_bytes(self) -> int:
        """What is left for experts."""
        return int(self.full_bytes * self.ratio) - self.always_resident_bytes

    @property
    def capacity(self) -> int:
        """Experts that may be resident, over all layers."""
        return self.swappable_bytes // self.expert_bytes

    @property
    def core_bytes(self) -> int:
        """Bytes of the cores of all layers."""
        return int(self.swappable_bytes * self.core_fraction)

    @property
    def core_per_layer(self) -> int:
        """Experts in a layer's core."""
        return self.core_bytes // self.expert_bytes // self.num_layers

    @property
    def specialists_per_layer(self) -> int:
        """Experts loaded beside a layer's core."""
        left = self.swappable_bytes - self.core_bytes
        return left // self.expert_bytes // self.num_layers

    @property
    def candidates_per_layer(self) -> int:
        """Experts of which the specialists are chosen."""
        return int(self.specialists_per_layer * self.pool_multiplier)


class _Lenient(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class SeedSlice(_Lenient):
    """Specialists that are loaded together."""

    sliceId: str
    experts: tuple[int, ...]
    byteCost: int


class SeedLayer(_Lenient):
    """One layer."""

    numExperts: int
    coreExperts: tuple[int, ...]
    sliceCatalog: tuple[SeedSlice, ...]
    specialistActiveExpertTarget: int


class SeedPlan(_Lenient):
    """A plan of that format; what expertswap does not use is left out."""

    mode: str
    model: str
    budget: dict[str, Any]
    perLayer: dict[str, SeedLayer]

    @property
    def placements(self) -> list[LayerPlacement]:
        """Each layer's core, which never leaves, and the first slices in the slots beside it."""
        return [_placement(layer) for layer in self.perLayer.values()]

    @property
    def arithmetic(self) -> SeedBudget:
        """Its budget, to be computed again."""
        first = next(iter(self.perLayer.values()))
        return SeedBudget(
            num_layers=len(self.perLayer),
            num_experts=first.numExperts,
            expert_bytes=self.budget["per_expert_bytes"],
            always_resident_bytes=self.budget["always_resident_bytes"],
            ratio=self.budget["max_resident_ratio"],
            core_fraction=self.budget["core_budget_fraction"],
            pool_multiplier=self.budget["candidate_pool_multiplier"],
        )


def _placement(layer: SeedLayer) -> LayerPlacement:
    specialists = [expert for one in layer.sliceCatalog for expert in one.experts]
    slots = len(layer.coreExperts) + layer.specialistActiveExpertTarget
    residents = (*layer.coreExperts, *specialists)[:slots]
    return LayerPlacement(slots, residents, core=layer.coreExperts)


def load_seed_plan(path: Path) -> SeedPlan:
    """Read such a plan.

    Raises:
        PlanError: It is missing, damaged (names the key) or of another mode.
    """
    try:
        plan = SeedPlan.model_validate(read_json(path))
        plan.arithmetic  # noqa: B018 - its keys are checked here
    except ValidationError as error:
        raise PlanError(f"The plan {path} is damaged: {told(error)}") from error
    except KeyError as error:
        raise PlanError(f"The plan {path} is damaged: budget: {error} is missing.") from error
    if plan.mode != MODE or not plan.perLayer:
        raise PlanError(f"The plan {path} is of mode {plan.mode!r}.", fix=f"Give one of {MODE!r}.")
    return plan


def is_seed_plan(path: Path) -> bool:
    """Whether a plan is of that format.

    Raises:
        PlanError: It cannot be read.
    """
    return read_json(path).get("mode") == MODE


def save_seed_plan(plan: Plan, path: Path, *, slice_experts: int = 8) -> None:
    """Write a plan in that format: each layer's core, and slices of all other experts.

    Specialists come before the rest, so that the first slices are those to load.
    """
    values = {
        "mode": MODE,
        "model": plan.model.name,
        "signalKey": "traffic",
        "budget": _budget(plan),
        "perLayer": {
            f"layer_{layer.layer}": _layer(plan, place, slice_experts)
            for place, layer in enumerate(plan.layers)
        },
    }
    write_whole(path, f"{json.dumps(values, indent=1)}\n".encode())


def _budget(plan: Plan) -> dict[str, float | int]:
    memory, shape = plan.memory, plan.model.shape
    num_layers = len(shape.moe_layers)
    full = memory.other_weights_bytes + num_layers * shape.num_experts * memory.expert_bytes
    resident = memory.other_weights_bytes + plan.slots * memory.expert_bytes
    core = sum(len(layer.core) for layer in plan.layers) / plan.slots
    return {
        "max_resident_ratio": resident / full,
        "max_resident_gib": resident / _GIB,
        "full_bf16_gib": full / _GIB,
        "always_resident_bytes": memory.other_weights_bytes,
        "swappable_expert_budget_bytes": plan.slots * memory.expert_bytes,
        "core_budget_fraction": core,
        "specialist_budget_fraction": 1 - core,
        "candidate_pool_multiplier": 1.0,
        "per_expert_bytes": memory.expert_bytes,
        "total_active_expert_capacity": plan.slots,
    }


def _layer(plan: Plan, place: int, slice_experts: int) -> dict[str, Any]:
    layer, shape = plan.layers[place], plan.model.shape
    wanted = [e for some in layer.specialists.values() for e in some]
    rest = dict.fromkeys([*layer.residents, *wanted, *range(shape.num_experts)])
    others = [expert for expert in rest if expert not in layer.core]
    slices = [others[at : at + slice_experts] for at in range(0, len(others), slice_experts)]
    return {
        "numExperts": shape.num_experts,
        "coreExperts": layer.core,
        "coreByteCost": len(layer.core) * plan.memory.expert_bytes,
        "specialistActiveExpertTarget": layer.slots - len(layer.core),
        "sliceCatalog": [
            {
                "sliceId": f"layer_{layer.layer}_slice_{number:02d}",
                "experts": experts,
                "byteCost": len(experts) * plan.memory.expert_bytes,
            }
            for number, experts in enumerate(slices)
        ],
    }
