from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from expertswap.errors import BudgetTooSmall, PlanError, TraceError
from expertswap.plan.budget import Budget
from expertswap.plan.forecast_file import load_forecasts, save_forecasts
from expertswap.plan.learning import Teaching, learned
from expertswap.plan.placing import traffic
from expertswap.plan.plan import Plan, load_plan, save_plan
from expertswap.plan.planning import make_plan
from expertswap.plan.splitting import parted
from expertswap.policies.forecast import Forecasts, LayerForecast
from expertswap.policies.policy import BELADY, FORECAST, LRU, STATIC
from expertswap.simulate.calls import decoding
from expertswap.simulate.replaying import simulate
from expertswap.testing.synthetic_traces import Workload, synthetic_model, synthetic_trace
from expertswap.trace import RoutingTrace

NUM_LAYERS, NUM_EXPERTS, TOP_K, EXPERT_BYTES = 3, 16, 2, 1000
MODEL = synthetic_model(num_layers=NUM_LAYERS, num_experts=NUM_EXPERTS, top_k=TOP_K)
BUDGET = Budget(
    gpu_bytes=23_500, other_weights_bytes=2_000, reserve_bytes=500, expert_bytes=EXPERT_BYTES
)


@pytest.fixture(scope="module")
def trace() -> RoutingTrace:
    return synthetic_trace(MODEL, Workload(num_prompts=20, prompt_tokens=60, vocabulary=200))


@pytest.fixture(scope="module")
def plan(trace: RoutingTrace) -> Plan:
    return make_plan(trace, BUDGET)


@pytest.fixture(scope="module")
def forecasts(trace: RoutingTrace) -> Forecasts:
    return learned(
        decoding(parted(trace).learn), teaching=Teaching(batch=64, hidden=32, least_steps=300)
    )


def test_parts_share_no_prompt_and_every_domain_is_in_each(trace: RoutingTrace) -> None:
    parts = parted(trace)
    prompts = [set(part.prompt_T.tolist()) for part in (parts.learn, parts.choose, parts.told)]
    assert set.union(*prompts) == set(trace.prompt_T.tolist())
    assert sum(map(len, prompts)) == len(set.union(*prompts))
    for part in (parts.learn, parts.choose, parts.told):
        assert set(part.domain_T.tolist()) == set(range(len(trace.domains)))


def test_a_plan_spends_the_budget_and_keeps_room_for_every_token(plan: Plan) -> None:
    assert plan.slots == 21
    assert all(layer.slots >= TOP_K for layer in plan.layers)
    assert all(len(layer.residents) == layer.slots for layer in plan.layers)


def test_core_and_specialists_fill_the_slots_of_every_domain(plan: Plan) -> None:
    for layer in plan.layers:
        assert set(layer.core) <= set(layer.residents)
        for domain in ("code", "prose", "tables"):
            specialists = layer.specialists[domain]
            assert not set(specialists) & set(layer.core)
            assert len(layer.core) + len(specialists) == layer.slots


def test_residents_are_those_of_most_traffic_beside_the_core(
    trace: RoutingTrace, plan: Plan
) -> None:
    parts = parted(trace)
    count_LE = traffic(*parts.planned).count_DLE.sum(axis=0)
    for place, layer in enumerate(plan.layers):
        inside = [count_LE[place, e] for e in layer.residents if e not in layer.core]
        outside = [count_LE[place, e] for e in range(NUM_EXPERTS) if e not in layer.residents]
        assert min(inside, default=0) >= max(outside)


def test_expected_hits_are_those_of_the_prompts_that_were_kept_aside(
    trace: RoutingTrace, plan: Plan
) -> None:
    assert plan.expected
    told = parted(trace).told
    assert plan.expected.tokens == told.num_tokens
    for policy in (STATIC, LRU):
        again = simulate(decoding(told), policy, plan.placements).hit_rate
        assert plan.expected.hit_rates[policy.name] == again
    rates = plan.expected.hit_rates
    assert rates["belady"] >= max(rates["lru"], rates["lfu"], rates["lfru"])
    assert plan.expected.static_helps == (rates["static"] > max(rates["lru"], rates["uniform-lru"]))


def test_where_nothing_ever_changes_static_pinning_is_as_good_as_any(trace: RoutingTrace) -> None:
    same = replace(
        trace, experts_TLK=np.broadcast_to(np.array([1, 2], np.int16), trace.experts_TLK.shape)
    )
    made = make_plan(same, BUDGET)
    assert made.expected
    assert made.expected.hit_rates["static"] == 1.0


def test_learned_forecasts_hit_more_than_lru_on_prompts_that_were_not_learned_from(
    trace: RoutingTrace, forecasts: Forecasts, plan: Plan
) -> None:
    told = decoding(parted(trace).told)
    lru = simulate(told, LRU, plan.placements).hit_rate
    foreseen = simulate(told, FORECAST, plan.placements, forecasts=forecasts).hit_rate
    assert foreseen > lru


def test_forecasts_come_back_as_they_were_saved(tmp_path: Path, forecasts: Forecasts) -> None:
    named = save_forecasts(forecasts, tmp_path / "plan.forecasts.safetensors")
    again = load_forecasts(named, beside=tmp_path / "plan.json", shape=MODEL.shape)
    for side in ("after_L", "before_L"):
        for known, loaded in zip(getattr(forecasts, side), getattr(again, side), strict=True):
            for field in LayerForecast._fields:
                np.testing.assert_array_equal(getattr(known, field), getattr(loaded, field))


def test_other_forecasts_than_the_plans_are_refused(tmp_path: Path, forecasts: Forecasts) -> None:
    named = save_forecasts(forecasts, tmp_path / "plan.forecasts.safetensors")
    path = tmp_path / named.file
    path.write_bytes(path.read_bytes()[:-8] + bytes(8))
    with pytest.raises(PlanError, match="not what the plan"):
        load_forecasts(named, beside=tmp_path / "plan.json", shape=MODEL.shape)
    path.unlink()
    with pytest.raises(PlanError, match="cannot be read"):
        load_forecasts(named, beside=tmp_path / "plan.json", shape=MODEL.shape)


def test_forecasts_of_another_model_are_refused(tmp_path: Path, forecasts: Forecasts) -> None:
    named = save_forecasts(forecasts, tmp_path / "plan.forecasts.safetensors")
    beside = tmp_path / "plan.json"
    with pytest.raises(PlanError, match="other sizes"):
        load_forecasts(named, beside=beside, shape=replace(MODEL.shape, num_experts=15))
    with pytest.raises(PlanError, match=r"'after\.3\.heard_M' is missing"):
        load_forecasts(named, beside=beside, shape=replace(MODEL.shape, moe_layers=(0, 1, 2, 3)))


def test_a_trace_of_experts_that_do_not_exist_is_refused(trace: RoutingTrace) -> None:
    damaged = replace(trace, experts_TLK=trace.experts_TLK + 10)
    with pytest.raises(TraceError, match="damaged"):
        make_plan(damaged, BUDGET)
    with pytest.raises(TraceError, match="damaged"):
        decoding(replace(trace, domain_T=trace.domain_T - 1))


def test_a_plan_comes_back_as_it_was_saved(tmp_path: Path, plan: Plan) -> None:
    save_plan(plan, tmp_path / "plan.json")
    again = load_plan(tmp_path / "plan.json")
    assert again == plan
    assert again.identity == MODEL


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (('"slots": 7', '"slots": "many"'), r"layers\.\d\.slots"),
        (('"policy"', '"polity"'), "policy"),
        (('"version": 1', '"version": 9'), "later expertswap"),
        (('"policy": "', '"policy": "un'), "There is no policy"),
        (("{", ""), "cannot be read"),
    ],
)
def test_a_damaged_plan_names_what_is_wrong(
    tmp_path: Path, plan: Plan, damage: tuple[str, str], sentence: str
) -> None:
    path = tmp_path / "plan.json"
    layers = (plan.layers[0].model_copy(update={"slots": 7}), *plan.layers[1:])
    save_plan(plan.model_copy(update={"layers": layers}), path)
    path.write_text(path.read_text().replace(*damage, 1))
    with pytest.raises(PlanError, match=sentence):
        load_plan(path)


def test_a_plan_of_experts_that_do_not_exist_is_refused(tmp_path: Path, plan: Plan) -> None:
    wrong = plan.layers[1].model_copy(update={"core": (NUM_EXPERTS,)})
    layers = (plan.layers[0], wrong, *plan.layers[2:])
    save_plan(plan.model_copy(update={"layers": layers}), tmp_path / "plan.json")
    with pytest.raises(PlanError, match=r"layers\.1: it names an expert"):
        load_plan(tmp_path / "plan.json")


def test_what_cannot_be_planned_is_one_sentence(trace: RoutingTrace) -> None:
    with pytest.raises(PlanError, match="knows the future"):
        make_plan(trace, BUDGET, policy=BELADY)
    with pytest.raises(BudgetTooSmall, match="one token needs"):
        make_plan(trace, replace(BUDGET, gpu_bytes=4_000))
    with pytest.raises(TraceError, match="too few prompts"):
        make_plan(trace.of(trace.prompt_T < 2), BUDGET)
    with pytest.raises(TraceError, match="no tokens"):
        make_plan(trace.of(trace.prompt_T < 0), BUDGET)
