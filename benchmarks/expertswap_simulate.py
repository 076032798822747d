"""How many lookups per second each policy is simulated with; the bar is 5 million.

A synthetic trace (8 layers of 64 experts, top-8) is replayed with a quarter of the experts
resident, five times for each policy. Seconds are of processor time, of which the best counts, so
that jobs beside it do not matter: the figures are for one processor, and layers are replayed beside
each other on as many as there are. Compiling is not counted.
"""

import time

import numpy as np
from numpy.typing import NDArray

from expertswap.policies.forecast import Forecasts, LayerForecast
from expertswap.policies.policy import POLICIES, LayerPlacement
from expertswap.simulate.calls import decoding
from expertswap.simulate.replaying import simulate
from expertswap.testing.synthetic_traces import Workload, synthetic_model, synthetic_trace

BAR = 5e6
LAYERS, EXPERTS, TOP_K, SLOTS, HIDDEN = 8, 64, 8, 16, 128
REPEATS = 5


def random_forecasts() -> Forecasts:
    """Forecasts of the real size; what they say does not change their speed."""
    rng = np.random.default_rng(0)

    def weights(*shape: int) -> NDArray[np.float32]:
        return rng.standard_normal(shape).astype(np.float32)

    known = LayerForecast(
        heard_M=np.arange(LAYERS),
        heard_MEH=weights(LAYERS, EXPERTS, HIDDEN),
        slow_EH=weights(EXPERTS, HIDDEN),
        hidden_H=weights(HIDDEN),
        worth_HE=weights(HIDDEN, EXPERTS),
        prior_E=weights(EXPERTS),
        fade_J=np.array([0.0, 0.5, 0.8, 0.9, 0.98], np.float32),
        clock_J=weights(5),
    )
    return Forecasts((known,) * LAYERS, (known,) * LAYERS)


def main() -> None:
    """Print lookups per second of every policy."""
    model = synthetic_model(num_layers=LAYERS, num_experts=EXPERTS, top_k=TOP_K)
    calls = decoding(synthetic_trace(model, Workload(num_prompts=30, prompt_tokens=400)))
    lookups, forecasts = int(calls.sizes_LS.sum()), random_forecasts()
    layers = [LayerPlacement(SLOTS, tuple(range(SLOTS)), core=tuple(range(SLOTS // 2)))] * LAYERS
    print(f"{lookups:,} lookups, {SLOTS} of {EXPERTS} experts resident; bar {BAR / 1e6:.0f} M/s")
    for policy in POLICIES.values():
        best_s = float("inf")
        for _ in range(REPEATS):
            began_s = time.process_time()
            replay = simulate(calls, policy, layers, forecasts=forecasts)
            best_s = min(best_s, time.process_time() - began_s)
        rate = lookups / best_s
        print(
            f"{policy.name:17} {rate / 1e6:6.1f} M lookups/s  {rate / BAR:5.1f}x the bar"
            f"  hits {replay.hit_rate:.1%}"
        )


if __name__ == "__main__":
    main()
