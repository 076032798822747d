"""How much of the way to Belady's optimum a plan goes, at equal bytes; the bar is half.

    python benchmarks/expertswap_plan.py CALIBRATION HELD_OUT SEEN [PLAN]

Everything is learned and chosen on the calibration trace, and told on the held-out one; SEEN are
the sums of the calibration. With a plan of the calibration trace its forecasts are used, else they
are learned again.

The gap begins at the better of LRU and LFU with the same slots in every layer. Its end is told
twice: ``belady`` keeps whatever it fetches, as LRU and LFU do, with the same slots in every layer;
``bound`` may also throw away what it fetched and has the best slots for these very prompts, so that
no policy that loads on demand can hit more. Loading ahead is told by itself (``+1`` is one expert
per layer and token that arrives in time): it moves more bytes, and is no matter of who leaves.
"""

import math
import sys
from pathlib import Path

import numpy as np

from expertswap.observation import load_observation
from expertswap.plan.budget_curve import BudgetPoint, Contest
from expertswap.plan.forecast_file import load_forecasts
from expertswap.plan.learning import learned
from expertswap.plan.plan import load_plan
from expertswap.plan.splitting import Parts, parted
from expertswap.policies.forecast import Forecasts
from expertswap.simulate.calls import decoding
from expertswap.trace import RoutingTrace, load_trace

BAR = 0.5
SHARES = (0.1, 0.125, 0.2, 0.3, 0.4, 0.5, 0.6)
PLANNED = ("forecast", "forecast+1", "forecast+2")
NAMES = ("mean-reap", "static", "static-plan", "lru", "lfu", "lfru", *PLANNED, "belady", "bound")


def main() -> None:
    """Print hits and closed gaps over budgets."""
    calibration, held_out, seen, *plan = map(Path, sys.argv[1:])
    parts = parts_of(load_trace(calibration), load_trace(held_out), planned=bool(plan))
    print(
        f"learned from {parts.learn.num_tokens:,} tokens, chosen on {parts.choose.num_tokens:,},"
        f" told of {parts.told.num_tokens:,}"
    )
    forecasts = forecasts_of(plan[0]) if plan else learned(decoding(parts.learn))
    print("experts  " + "".join(f"{name:>12}" for name in NAMES))
    contest = Contest(parts, forecasts, load_observation(seen), prefetches=(1, 2))
    for point in contest.at(SHARES):
        tell(point)


def parts_of(calibration: RoutingTrace, held_out: RoutingTrace, *, planned: bool) -> Parts:
    """The parts, with the held-out trace told of.

    Without a plan all prompts of the calibration that do not decide teach.
    """
    parts = parted(calibration)
    learn = calibration.of(~np.isin(calibration.prompt_T, parts.choose.prompt_T))
    return Parts(learn=parts.learn if planned else learn, choose=parts.choose, told=held_out)


def forecasts_of(plan: Path) -> Forecasts:
    """What was learned with a plan."""
    made = load_plan(plan)
    if made.forecasts is None:
        sys.exit(f"{plan} has no forecasts; plan without --no-learn")
    return load_forecasts(made.forecasts, beside=plan, shape=made.identity.shape)


def tell(point: BudgetPoint) -> None:
    """One budget: hits, and the gap that was closed."""
    print(f"{point.share:7.1%}  " + "".join(f"{point.hits(name):12.2%}" for name in NAMES))
    for name in PLANNED:
        to_belady = told(point.closed(name, bound="belady"))
        to_bound = told(point.closed(name, bound="bound"))
        print(f"         {name:>10} closes {to_belady} to belady, {to_bound} to the bound")


def told(closed: float) -> str:
    """A closed gap beside the bar."""
    if math.isnan(closed):
        return "none, for there is no gap,"
    return f"{closed:4.0%} of the gap ({closed / BAR:.1f}x the bar)"


if __name__ == "__main__":
    main()
