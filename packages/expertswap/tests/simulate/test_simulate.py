from dataclasses import replace

import numpy as np
import pytest

from expertswap.errors import TraceError
from expertswap.policies.policy import BELADY, LRU, STATIC, LayerPlacement
from expertswap.simulate.calls import as_recorded, decoding
from expertswap.simulate.replaying import Replay, simulate
from expertswap.simulate.speed import Machine, speed
from expertswap.testing.synthetic_traces import Workload, synthetic_model, synthetic_trace
from expertswap.trace import RoutingTrace

MODEL = synthetic_model(num_layers=2, num_experts=16, top_k=2)


@pytest.fixture(scope="module")
def trace() -> RoutingTrace:
    return synthetic_trace(MODEL, Workload(num_prompts=6, prompt_tokens=30))


def test_one_prompt_at_a_time_calls_for_top_k_of_every_token(trace: RoutingTrace) -> None:
    calls = decoding(trace)
    assert (calls.sizes_LS == 2).all()
    assert calls.tokens_S.tolist() == [1] * trace.num_tokens
    first = calls.layers[1].experts_N[:2].tolist()
    assert first == sorted(trace.experts_TLK[0, 1].tolist())


def test_domains_take_turns(trace: RoutingTrace) -> None:
    by_domain = trace.of(np.argsort(trace.domain_T, kind="stable"))
    alone = decoding(by_domain)
    turns = decoding(trace)
    assert alone.layers[0].experts_N.tolist() == turns.layers[0].experts_N.tolist()


def test_prompts_decoded_together_call_for_the_union_of_their_experts(trace: RoutingTrace) -> None:
    calls = decoding(trace, batch=3)
    assert calls.tokens_S.tolist() == [3] * 60
    asked = calls.layers[0]
    first = asked.experts_N[: asked.start_S1[1]].tolist()
    prompts = [trace.experts_TLK[trace.prompt_T == prompt][0, 0] for prompt in range(3)]
    assert first == sorted({int(expert) for some in prompts for expert in some})


def test_a_prompt_that_ends_makes_room_for_the_next(trace: RoutingTrace) -> None:
    short = trace.of((trace.prompt_T != 0) | (trace.position_T < 10))
    assert decoding(short, batch=2).tokens_S.sum() == short.num_tokens
    assert len(decoding(short, batch=2).tokens_S) == 90


def test_a_recorded_prefill_is_one_call(trace: RoutingTrace) -> None:
    calls = as_recorded(trace)
    assert calls.tokens_S.tolist() == [30] * 6
    assert calls.sizes_LS.max() <= 16


def test_what_is_counted_begins_after_the_warm_up(trace: RoutingTrace) -> None:
    layers = [LayerPlacement(4)] * 2
    whole = simulate(decoding(trace), LRU, layers)
    warm = simulate(decoding(trace), LRU, layers, first_counted=100)
    np.testing.assert_array_equal(warm.misses_LS, whole.misses_LS[:, 100:])


def test_all_experts_resident_never_miss(trace: RoutingTrace) -> None:
    layers = [LayerPlacement(16, tuple(range(16)))] * 2
    for policy in (LRU, STATIC, BELADY):
        assert simulate(decoding(trace, batch=4), policy, layers).hit_rate == 1.0


def test_an_empty_trace_is_one_sentence(trace: RoutingTrace) -> None:
    with pytest.raises(TraceError, match="no tokens"):
        decoding(trace.of(trace.prompt_T < 0))


def test_the_same_workload_has_the_same_trace() -> None:
    first, again = (synthetic_trace(MODEL, Workload(num_prompts=3)) for _ in range(2))
    np.testing.assert_array_equal(first.experts_TLK, again.experts_TLK)
    assert first.gates_TLK.sum(axis=-1) == pytest.approx(1.0)


def test_domains_of_a_synthetic_trace_prefer_other_experts(trace: RoutingTrace) -> None:
    used = [
        np.bincount(trace.of_domain(domain).experts_TLK[:, 1].ravel(), minlength=16)
        for domain in trace.domains
    ]
    assert len({int(np.argmax(count_E)) for count_E in used}) > 1


MACHINE = Machine(
    link_bytes_per_s=1e9, memory_bytes_per_s=1e10, expert_bytes=10**6, other_weights_bytes=10**7
)


def small_replay() -> Replay:
    return Replay(
        policy=LRU,
        needed_LS=np.array([[2, 2], [2, 2]]),
        misses_LS=np.array([[1, 0], [2, 0]]),
        prefetched_LS=np.array([[0, 1], [0, 0]]),
        tokens_S=np.array([1, 1]),
    )


def test_misses_stall_and_prefetches_only_move() -> None:
    told = speed(small_replay(), MACHINE, absent=5)
    assert told.bytes_per_token == 4 * 10**6 / 2
    assert told.stall_s == pytest.approx(0.003 / 2)
    compute_s = (10**7 + 4 * 10**6) / 1e10
    assert told.tokens_per_s == pytest.approx(2 / (2 * compute_s + 0.003))
    assert told.streaming_tokens_per_s == pytest.approx(1 / 0.005)


def test_a_measured_time_replaces_the_estimate() -> None:
    measured = replace(MACHINE, compute_s=0.01)
    assert speed(small_replay(), measured, absent=0).streaming_tokens_per_s == pytest.approx(100)
    assert measured.prefetches(np.full((2, 3), 2)) == 5


def test_prefetches_are_what_arrives_while_one_layer_computes() -> None:
    assert MACHINE.prefetches(np.full((2, 3), 2)) == 0
    slower = replace(MACHINE, memory_bytes_per_s=1e9)
    assert slower.prefetches(np.full((2, 3), 2)) == 7
