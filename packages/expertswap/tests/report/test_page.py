"""What the page says of a plan, made on a trace that is made up."""

from dataclasses import replace

import numpy as np
import pytest

from expertswap.observation import Observation
from expertswap.plan.budget import Budget
from expertswap.plan.placing import traffic
from expertswap.plan.planning import make_plan
from expertswap.plan.splitting import parted
from expertswap.report.numbers import Outcome, outcomes, purchases
from expertswap.report.page import page
from expertswap.simulate.speed import Machine
from expertswap.testing.synthetic_traces import Workload, synthetic_model, synthetic_trace
from expertswap.trace import RoutingTrace

MODEL = replace(synthetic_model(num_layers=2, num_experts=16, top_k=2), name="</script><b>evil</b>")
BUDGET = Budget(gpu_bytes=19_000, other_weights_bytes=2_000, reserve_bytes=1_000, expert_bytes=1000)
MACHINE = Machine(1e6, 1e7, expert_bytes=1000, other_weights_bytes=2_000)


@pytest.fixture(scope="module")
def trace() -> RoutingTrace:
    return synthetic_trace(MODEL, Workload(num_prompts=15, prompt_tokens=40))


@pytest.fixture(scope="module")
def observation(trace: RoutingTrace) -> Observation:
    count_DLE = traffic(trace).count_DLE
    sums_DLE = count_DLE.astype(np.float64)
    return Observation(
        model=MODEL,
        domains=trace.domains,
        tokens_D=np.bincount(trace.domain_T),
        count_DLE=count_DLE,
        gate_sum_DLE=sums_DLE,
        norm_sum_DLE=sums_DLE,
        gated_norm_sum_DLE=sums_DLE * np.linspace(0.1, 1, 16),
        max_activation_LE=np.ones((2, 16), np.float32),
        coactivation_LEE=np.zeros((2, 16, 16), np.int64),
    )


@pytest.fixture(scope="module")
def found(trace: RoutingTrace, observation: Observation) -> list[Outcome]:
    plan = make_plan(trace, BUDGET)
    return outcomes(parted(trace), plan, MACHINE, forecasts=None, observation=observation)


def test_every_policy_hits_more_with_more_memory(found: list[Outcome]) -> None:
    for name in ("lru", "lfu", "belady", "bound", "static-plan", "mean-reap"):
        hits = [one.hit_rate for one in found if one.name == name]
        assert len(hits) > 5
        assert hits == sorted(hits)


def test_nobody_hits_more_than_the_bound(found: list[Outcome]) -> None:
    bound = {one.slots: one.hit_rate for one in found if one.name == "bound"}
    assert all(one.hit_rate <= bound[one.slots] + 0.005 for one in found)


def test_purchases_add_up_to_the_way_from_the_least_to_the_most(found: list[Outcome]) -> None:
    line = [one for one in found if one.name == "lru"]
    bought = purchases(found, "lru")
    gained = sum(one.hits for one in bought)
    assert gained == pytest.approx(line[-1].hit_rate - line[0].hit_rate)
    assert sum(one.more_bytes for one in bought) == line[-1].gpu_bytes - line[0].gpu_bytes


def test_a_name_cannot_add_anything_to_the_page(
    trace: RoutingTrace, observation: Observation, found: list[Outcome]
) -> None:
    html = page(observation, make_plan(trace, BUDGET), found, MACHINE)
    assert "<b>evil</b>" not in html
    assert html.count("</script>") == 1
    assert "static pinning" in html.lower()
