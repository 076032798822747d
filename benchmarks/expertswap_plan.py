"""How much of the way to Belady's optimum a plan goes, at equal bytes; the bar is half.

    python benchmarks/expertswap_plan.py CALIBRATION.parquet HELD_OUT.parquet SEEN.safetensors

Everything is learned and chosen on the calibration trace, and told on the held-out one. The start
of the gap is the better of LRU and LFU with the same slots in every layer. Its end is told twice:
``belady`` keeps whatever it fetches, as LRU and LFU do, with the same slots in every layer;
``bound`` may also throw away what it fetched and has the best slots for these very prompts, so that
no policy that loads on demand can hit more. Loading ahead is told by itself (``+1`` is one expert
per layer and token that arrives in time): it moves more bytes, and is no matter of who leaves.
"""

import sys
import time
from pathlib import Path

import numpy as np

from expertswap.observation import load_observation
from expertswap.plan.budget_curve import BudgetPoint, over_budgets
from expertswap.plan.learning import Teaching, learned
from expertswap.plan.splitting import Parts, parted
from expertswap.simulate.calls import decoding
from expertswap.trace import RoutingTrace, load_trace

BAR = 0.5
SHARES = (0.1, 0.125, 0.2, 0.3, 0.4, 0.5, 0.6)
PLANNED = ("forecast", "forecast+1", "forecast+2")
NAMES = ("mean-reap", "static", "static-plan", "lru", "lfu", "lfru", *PLANNED, "belady", "bound")


def main() -> None:
    """Print hits and closed gaps over budgets."""
    calibration, held_out, seen = map(Path, sys.argv[1:4])
    parts = parts_of(load_trace(calibration), load_trace(held_out))
    print(
        f"learned from {parts.learn.num_tokens:,} tokens, chosen on {parts.choose.num_tokens:,},"
        f" told of {parts.told.num_tokens:,}"
    )
    began_s = time.perf_counter()
    forecasts = learned(decoding(parts.learn), teaching=Teaching())
    print(f"forecasts learned in {time.perf_counter() - began_s:.0f} s")
    print("experts  " + "".join(f"{name:>12}" for name in NAMES))
    points = over_budgets(
        parts,
        SHARES,
        forecasts=forecasts,
        observation=load_observation(seen),
        prefetches=(1, 2),
    )
    for point in points:
        tell(point)


def parts_of(calibration: RoutingTrace, held_out: RoutingTrace) -> Parts:
    """One prompt of five of the calibration decides, the others teach; the rest is told of."""
    choose = parted(calibration).choose
    learn = calibration.of(~np.isin(calibration.prompt_T, choose.prompt_T))
    return Parts(learn=learn, choose=choose, told=held_out)


def tell(point: BudgetPoint) -> None:
    """One budget: hits, and the gap that was closed."""
    print(f"{point.share:7.1%}  " + "".join(f"{point.hits(name):12.2%}" for name in NAMES))
    for name in PLANNED:
        to_belady = point.closed(name, bound="belady")
        to_bound = point.closed(name, bound="bound")
        print(
            f"         {name:>10} closes {to_belady:5.0%} of the gap to belady"
            f" ({to_belady / BAR:.1f}x the bar), {to_bound:4.0%} of that to the bound"
        )


if __name__ == "__main__":
    main()
