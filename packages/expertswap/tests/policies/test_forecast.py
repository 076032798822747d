"""The forecast against its formula, and the caches that go by it against their simulation."""

import numpy as np
import pytest
from numpy.typing import NDArray

from expertswap.errors import PlanError
from expertswap.policies.forecast import Forecasts, LayerForecast, foresee_all
from expertswap.policies.layer_cache import ModelCache
from expertswap.policies.policy import FORECAST, LRU, LayerPlacement
from expertswap.simulate.calls import Calls, decoding
from expertswap.simulate.replaying import simulate
from expertswap.testing.synthetic_traces import Workload, synthetic_model, synthetic_trace

NUM_LAYERS, NUM_EXPERTS, HIDDEN, FADES = 3, 12, 5, (0.0, 0.5, 0.9)


@pytest.fixture(scope="module")
def calls() -> Calls:
    model = synthetic_model(num_layers=NUM_LAYERS, num_experts=NUM_EXPERTS, top_k=3)
    return decoding(synthetic_trace(model, Workload(num_prompts=4, prompt_tokens=40)), batch=2)


def random_forecast(*heard: int, seed: int) -> LayerForecast:
    rng = np.random.default_rng(seed)

    def weights(*shape: int) -> NDArray[np.float32]:
        return rng.standard_normal(shape).astype(np.float32)

    return LayerForecast(
        heard_M=np.array(heard),
        heard_MEH=weights(len(heard), NUM_EXPERTS, HIDDEN),
        slow_EH=weights(NUM_EXPERTS, HIDDEN),
        hidden_H=weights(HIDDEN),
        worth_HE=weights(HIDDEN, NUM_EXPERTS),
        prior_E=weights(NUM_EXPERTS),
        fade_J=np.array(FADES, np.float32),
        clock_J=weights(len(FADES)),
    )


@pytest.fixture(scope="module")
def forecasts() -> Forecasts:
    return Forecasts(
        after_L=tuple(random_forecast(*range(NUM_LAYERS), seed=n) for n in range(NUM_LAYERS)),
        before_L=tuple(random_forecast(*range(NUM_LAYERS), seed=9 + n) for n in range(NUM_LAYERS)),
    )


@pytest.mark.parametrize("before", [False, True])
def test_what_is_foreseen_is_what_the_formula_says(
    calls: Calls, forecasts: Forecasts, before: bool
) -> None:
    layer, step = 1, 7
    known = forecasts.after_L[layer]
    asked = [
        [asked.experts_N[asked.start_S1[s] : asked.start_S1[s + 1]] for s in range(step + 1)]
        for asked in calls.layers
    ]
    own = asked[layer][:step] if before else asked[layer]
    heard = [asked[0][step], own[-1], asked[2][step - 1]]
    clocks_JE = np.zeros((len(FADES), NUM_EXPERTS))
    for needed_N in own:
        clocks_JE *= np.array(FADES)[:, None]
        clocks_JE[:, needed_N] += 1 - np.array(FADES)[:, None]
    hidden_H = known.hidden_H + clocks_JE[-1] @ known.slow_EH
    for m, needed_N in enumerate(heard):
        hidden_H = hidden_H + known.heard_MEH[m, needed_N].sum(axis=0)
    expected_E = (
        known.prior_E + known.clock_J @ clocks_JE + np.maximum(hidden_H, 0) @ known.worth_HE
    )
    worth_SE = foresee_all(known, layer, calls.experts_N, calls.start_LS1, before)
    np.testing.assert_allclose(worth_SE[step], expected_E, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("prefetches", [0, 2])
def test_a_model_driven_online_fetches_just_what_was_simulated(
    calls: Calls, forecasts: Forecasts, prefetches: int
) -> None:
    layers = [LayerPlacement(slots, tuple(range(NUM_EXPERTS))) for slots in (4, 6, 5)]
    simulated = simulate(calls, FORECAST, layers, forecasts=forecasts, prefetches=prefetches)
    cache = ModelCache(FORECAST, layers, num_experts=NUM_EXPERTS, forecasts=forecasts)
    expected = [round(sizes_S.mean()) for sizes_S in calls.sizes_LS]
    for step in range(len(calls.tokens_S)):
        for layer, asked in enumerate(calls.layers):
            ahead = cache.prefetch(layer, expected=expected[layer], most=prefetches)
            assert len(ahead.experts_N) == simulated.prefetched_LS[layer, step]
            needed_N = asked.experts_N[asked.start_S1[step] : asked.start_S1[step + 1]]
            fetches = cache.serve(layer, needed_N)
            assert len(fetches.experts_N) == simulated.misses_LS[layer, step]


def test_an_expert_worth_less_than_all_residents_is_streamed() -> None:
    cache = ModelCache(
        FORECAST,
        [LayerPlacement(1, (0,))],
        num_experts=NUM_EXPERTS,
        forecasts=Forecasts((_prefers(0),), (_prefers(0),)),
    )
    assert cache.serve(0, np.array([5], np.int16)).slots_N.tolist() == [-1]
    assert cache.layers[0].expert_S.tolist() == [0]


def _prefers(expert: int) -> LayerForecast:
    zeros = random_forecast(0, seed=0)
    zeros = zeros._replace(worth_HE=zeros.worth_HE * 0, clock_J=zeros.clock_J * 0)
    return zeros._replace(prior_E=np.eye(NUM_EXPERTS, dtype=np.float32)[expert])


def test_what_was_not_learned_cannot_be_foreseen(calls: Calls) -> None:
    layers = [LayerPlacement(4)] * NUM_LAYERS
    with pytest.raises(PlanError, match="Nothing was learned"):
        simulate(calls, FORECAST, layers)
    with pytest.raises(PlanError, match="Nothing was learned"):
        simulate(calls, LRU, layers, prefetches=1)
    with pytest.raises(PlanError, match="needs what was learned"):
        ModelCache(FORECAST, layers, num_experts=NUM_EXPERTS)
