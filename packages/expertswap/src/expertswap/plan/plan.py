"""The plan: a JSON file that says what is resident, how many slots there are and who leaves."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from expertswap.errors import PlanError
from expertswap.policies.policy import LayerPlacement, Policy, policy_named
from expertswap.types import ModelIdentity, MoeShape
from expertswap.whole_file import write_whole

SCHEMA_VERSION: Final = 1
Count = Annotated[int, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Shape(_Part):
    """Sizes of the planned model; see ``MoeShape``."""

    family: str
    moe_layers: tuple[Count, ...]
    num_experts: Count
    top_k: Count
    hidden_size: Count
    expert_width: Count
    num_groups: Count = 1


class Model(_Part):
    """Which model is planned; see ``ModelIdentity``."""

    name: str
    fingerprint: str
    shape: Shape


class Memory(_Part):
    """Where the device's memory goes; see ``Budget``."""

    gpu_bytes: Count
    other_weights_bytes: Count
    reserve_bytes: Count
    expert_bytes: Annotated[int, Field(gt=0)]


class Layer(_Part):
    """One layer.

    Attributes:
        layer: Index of the decoder layer.
        slots: Experts that it holds at a time.
        core: Experts that every domain uses; they never leave if the policy pins.
        residents: Experts in the slots at the start, those with most traffic first.
        specialists: For each domain, what to load beside the core when it alone is served.
    """

    layer: Count
    slots: Count
    core: tuple[Count, ...]
    residents: tuple[Count, ...]
    specialists: dict[str, tuple[Count, ...]] = {}


class Expected(_Part):
    """What the plan hits on prompts that were not planned on.

    Attributes:
        tokens: Of those prompts.
        hit_rates: Of each policy with the plan's slots; ``uniform-lru`` and ``uniform-lfu`` with as
            many slots, the same in every layer.
        static_helps: Whether pinning alone hits more than LRU.
    """

    tokens: Count
    hit_rates: dict[str, Share]
    static_helps: bool


class Forecasts(_Part):
    """The file, beside the plan, of what was learned.

    Attributes:
        file: Its name.
        sha256: Of its bytes.
    """

    file: str
    sha256: str


class Plan(_Part):
    """A plan.

    Attributes:
        trace: The digest of the trace that it was made on; None if it was made on sums.
    """

    version: Literal[1] = SCHEMA_VERSION
    model: Model
    memory: Memory
    policy: str
    layers: tuple[Layer, ...]
    trace: str | None = None
    expected: Expected | None = None
    forecasts: Forecasts | None = None

    @property
    def identity(self) -> ModelIdentity:
        """Which model is planned."""
        shape = MoeShape(**self.model.shape.model_dump())
        return ModelIdentity(self.model.name, self.model.fingerprint, shape)

    @property
    def placements(self) -> list[LayerPlacement]:
        """Slots and residents of each layer, as policies take them."""
        return [LayerPlacement(layer.slots, layer.residents, layer.core) for layer in self.layers]

    @property
    def rule(self) -> Policy:
        """Who leaves."""
        return policy_named(self.policy)

    @property
    def slots(self) -> int:
        """Slots of all layers."""
        return sum(layer.slots for layer in self.layers)


def save_plan(plan: Plan, path: Path) -> None:
    """Write a plan; ``path`` is either the whole file or untouched."""
    write_whole(path, f"{plan.model_dump_json(indent=1)}\n".encode())


def load_plan(path: Path) -> Plan:
    """Read a plan.

    Raises:
        PlanError: It is missing, of a later version or damaged; names the key.
    """
    values = read_json(path)
    version = values.get("version")
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise PlanError(f"{path} was written by a later expertswap.", fix="Upgrade expertswap.")
    try:
        plan = Plan.model_validate(values, strict=False)
    except ValidationError as error:
        raise PlanError(f"The plan {path} is damaged: {told(error)}") from error
    _check(plan, path)
    return plan


def read_json(path: Path) -> Mapping[str, object]:
    """A JSON object.

    Raises:
        PlanError: The file is missing, or holds none.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PlanError(f"The plan {path} cannot be read: {error}.") from error
    if not isinstance(values, dict):
        raise PlanError(f"The plan {path} is damaged: it holds no object.")
    return values


def told(error: ValidationError) -> str:
    """The first thing that is wrong, and under which key."""
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}."


def _check(plan: Plan, path: Path) -> None:
    """Refuse what no model could run."""
    shape = plan.model.shape
    policy_named(plan.policy)
    if tuple(layer.layer for layer in plan.layers) != shape.moe_layers:
        raise PlanError(f"The plan {path} is damaged: layers: they are not those of its model.")
    for place, layer in enumerate(plan.layers):
        named = {*layer.core, *layer.residents, *(e for s in layer.specialists.values() for e in s)}
        if any(expert >= shape.num_experts for expert in named):
            raise PlanError(
                f"The plan {path} is damaged: layers.{place}: it names an expert that its model"
                " does not have."
            )
