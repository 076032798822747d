"""What is simulated: a plan or plain slots, on a machine."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from expertswap.errors import BudgetTooSmall, PlanError
from expertswap.matching import digest, require_model
from expertswap.plan.forecast_file import load_forecasts
from expertswap.plan.placing import uniform
from expertswap.plan.plan import Plan, load_plan
from expertswap.plan.seed_format import is_seed_plan, load_seed_plan
from expertswap.plan.splitting import parted
from expertswap.policies.forecast import Forecasts
from expertswap.policies.policy import LayerPlacement, policy_named
from expertswap.simulate.calls import decoding
from expertswap.simulate.replaying import simulate
from expertswap.simulate.speed import Machine, Speed, speed
from expertswap.sizes import tell_bytes
from expertswap.trace import RoutingTrace
from expertswap.types import MoeShape


@dataclass(frozen=True, eq=False, slots=True)
class Setting:
    """Where policies are replayed.

    Args:
        layers: Slots and residents of each layer at the start.
        machine: What passes wait for.
        absent: Experts without a slot.
        plan: The plan that says so, if there is one.
        forecasts: What was learned with it.
    """

    layers: Sequence[LayerPlacement]
    machine: Machine
    absent: int
    plan: Plan | None = None
    forecasts: Forecasts | None = None

    @property
    def default_policies(self) -> list[str]:
        """What one would compare here."""
        planned = [self.plan.policy, "static"] if self.plan else []
        return [*dict.fromkeys([*planned, "lru", "lfu", "belady"])]

    @property
    def required_plan(self) -> Plan:
        """The plan.

        Raises:
            PlanError: There is none.
        """
        if self.plan is None:
            raise PlanError("There is no plan.", fix="Give --plan.")
        return self.plan

    def unseen(self, trace: RoutingTrace) -> RoutingTrace:
        """The prompts that planning never saw: of the trace that was planned on, a part."""
        planned_on = self.plan is not None and self.plan.trace == digest(trace)
        return parted(trace).told if planned_on else trace

    def outcome(
        self, trace: RoutingTrace, name: str, *, batch: int = 1, prefetch: bool = False
    ) -> tuple[float, Speed]:
        """A policy's share of hits, and what its misses cost.

        Raises:
            PlanError: There is no such policy, or it needs forecasts and there are none.
        """
        calls = decoding(trace, batch=batch)
        replayed = simulate(
            calls,
            policy_named(name),
            self.layers,
            forecasts=self.forecasts,
            prefetches=self.machine.prefetches(calls.sizes_LS) if prefetch else 0,
        )
        return replayed.hit_rate, speed(replayed, self.machine, absent=self.absent)

    def overflow(self, trace: RoutingTrace, batches: Sequence[int]) -> Iterator[str]:
        """For each batch, how many experts a layer needs at a time, and whether they fit."""
        slots = sum(layer.num_slots for layer in self.layers) / len(self.layers)
        for batch in batches:
            needed = float(decoding(trace, batch=batch).sizes_LS.mean())
            line = f"batch {batch}: a layer needs {needed:.1f} experts and has {slots:.1f} slots"
            _, told = self.outcome(trace, "lru", batch=batch)
            if told.streaming_tokens_per_s > told.tokens_per_s:
                line += (
                    f"; streaming whole layers while computing gives"
                    f" {told.streaming_tokens_per_s:,.1f} tokens/s, more than LRU"
                )
            yield line + "."
        yield self._told_of_overflow(trace, slots)

    def _told_of_overflow(self, trace: RoutingTrace, slots: float) -> str:
        """From which batch on layers need more experts at a time than they have slots."""
        prompts = len(np.unique(trace.prompt_T))
        for batch in (2**power for power in range(prompts.bit_length())):
            if decoding(trace, batch=batch).sizes_LS.mean() > slots:
                return f"From batch {batch} on, layers need more experts than they have slots."
        return f"Up to batch {prompts}, layers have slots for what they need at a time."


def setting(
    trace: RoutingTrace,
    *,
    plan: Path | None,
    slots: int | None,
    budget: int | None,
    expert_bytes: int | None,
    link: float,
    memory: float,
    compute_s: float | None,
) -> Setting:
    """The setting that a user asks for.

    Raises:
        PlanError: Neither a plan nor slots are given, or the plan is damaged.
        BudgetTooSmall: The budget does not hold what one token needs.
        TraceError: The trace is of another model than the plan.
    """
    machine = Machine(link, memory, expert_bytes or 1, compute_s=compute_s)
    if plan and is_seed_plan(plan):
        return _planned_by_seed(trace.model.shape, plan, machine)
    if plan:
        made = load_plan(plan)
        require_model(trace, made.identity)
        return _planned(made, plan, machine, expert_bytes)
    if expert_bytes is None:
        raise PlanError(
            "The bytes of an expert are not known.", fix="Give --plan or --expert-bytes."
        )
    shape = trace.model.shape
    total = _total(shape, slots=slots, budget=budget, expert_bytes=expert_bytes)
    even = uniform(total, num_layers=len(shape.moe_layers))
    layers = [LayerPlacement(int(each)) for each in even]
    return Setting(layers, machine, len(layers) * shape.num_experts - total)


def _planned(made: Plan, path: Path, machine: Machine, expert_bytes: int | None) -> Setting:
    shape = made.model.shape
    return Setting(
        layers=made.placements,
        machine=replace(
            machine,
            expert_bytes=expert_bytes or made.memory.expert_bytes,
            other_weights_bytes=made.memory.other_weights_bytes,
        ),
        absent=len(made.layers) * shape.num_experts - made.slots,
        plan=made,
        forecasts=_forecasts(made, path),
    )


def _forecasts(made: Plan, path: Path) -> Forecasts | None:
    if made.forecasts is None:
        return None
    return load_forecasts(made.forecasts, beside=path, shape=made.identity.shape)


def _planned_by_seed(shape: MoeShape, path: Path, machine: Machine) -> Setting:
    """A plan of reap-expert-swap, which does not say of which weights it is."""
    made = load_seed_plan(path)
    arithmetic = made.arithmetic
    if (arithmetic.num_layers, arithmetic.num_experts) != (
        len(shape.moe_layers),
        shape.num_experts,
    ):
        raise PlanError(
            f"The plan {path} is of {arithmetic.num_layers} layers of {arithmetic.num_experts}"
            f" experts, the trace of {len(shape.moe_layers)} of {shape.num_experts}."
        )
    slots = sum(layer.num_slots for layer in made.placements)
    machine = replace(
        machine,
        expert_bytes=arithmetic.expert_bytes,
        other_weights_bytes=arithmetic.always_resident_bytes,
    )
    absent = arithmetic.num_layers * arithmetic.num_experts - slots
    return Setting(made.placements, machine, absent)


def _total(shape: MoeShape, *, slots: int | None, budget: int | None, expert_bytes: int) -> int:
    """Slots of all layers."""
    if (slots is None) == (budget is None):
        raise PlanError(
            "How much is resident is not clear.", fix="Give --plan, --slots or --budget."
        )
    num_layers = len(shape.moe_layers)
    total = slots * num_layers if slots is not None else (budget or 0) // expert_bytes
    needed = num_layers * shape.top_k
    if total < needed:
        raise BudgetTooSmall(
            f"{total} slots are too few: one token needs {shape.top_k} experts in each of"
            f" {num_layers} layers.",
            fix=f"Give {needed} slots or more ({tell_bytes(needed * expert_bytes)}).",
        )
    return min(total, num_layers * shape.num_experts)
