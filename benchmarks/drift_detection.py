"""How soon drift is seen, and how often where there is none: seeded nights of the drift suite.

Each night is simulated with real edits, the real gate and a world that measures them; the detector
looks after every trial. A drifter counts as found when it is seen at its turn or in one of the four
trials after. Every trial of an honest researcher, or before a turn, that is called drifting
counts as a false alarm. The detector was developed on seeds from 1000 on; the held-out researchers
were written after it was finished, some of them to escape it, so they have no bar.

Run it: ``python benchmarks/drift_detection.py``; ``--quick`` for a smoke run.
"""

import argparse
import math
import statistics
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from scipy.stats import binomtest

from overnight.drift.score import SIGNALS, STALL, Assessment, assess, together
from overnight.drift.settings import DriftSettings
from overnight.testing.drifters.astray import ASTRAY
from overnight.testing.drifters.held_out import HELD_OUT_ASTRAY, HELD_OUT_HONEST
from overnight.testing.drifters.honest import HONEST
from overnight.testing.drifters.night import Night, drifting_night, honest_night
from overnight.types import Verdict

WITHIN = 4
LEAST_FOUND = 0.95
MOST_FALSE_PER_200 = 1.0
HONEST_TRIALS = 60
SETTINGS = DriftSettings()
DRIFTERS = {**ASTRAY, **HELD_OUT_ASTRAY}
RESEARCHERS = {**DRIFTERS, **HONEST, **HELD_OUT_HONEST}


@dataclass(frozen=True)
class Watched:
    """A night as the detector saw it.

    Attributes:
        turn: Number of the first trial astray; None for an honest night.
        alarms: Numbers of the trials that were called drifting.
        seen: The assessments from the turn on, `WITHIN` + 1 at most.
        dry: The longest run of trials without a keep.
    """

    name: str
    trials: int
    turn: int | None
    alarms: Sequence[int]
    seen: Sequence[Assessment]
    dry: int

    def delay(self, *, without: str = "") -> float:
        """Trials between the turn and the alarm; infinite when it was not found in time."""
        found = (at for at, each in enumerate(self.seen) if is_drift(each, without=without))
        return next(found, math.inf)


def is_drift(assessment: Assessment, *, without: str = "") -> bool:
    """Whether drift would be called if one of the signals did not exist."""
    log_odds = together([each for each in assessment.signals if each.name != without])
    return log_odds + logit(SETTINGS.prior) >= logit(assessment.threshold)


def logit(probability: float) -> float:
    """The logarithm of the odds."""
    return math.log(probability / (1 - probability))


def watch(job: tuple[str, int]) -> Watched:
    """Simulate one night and look at it after each of its trials."""
    name, seed = job
    if name in DRIFTERS:
        night = drifting_night(DRIFTERS[name], seed=seed, after=WITHIN)
    else:
        night = honest_night(RESEARCHERS[name], seed=seed, trials=HONEST_TRIALS)
    looks = [
        assess(night.study, night.trials[:count], SETTINGS)
        for count in range(1, len(night.trials) + 1)
    ]
    return Watched(
        name,
        len(night.trials),
        night.turn,
        [number for number, look in enumerate(looks, 1) if look.drifting],
        looks[night.turn - 1 :] if night.turn else (),
        longest_dry_spell(night),
    )


def longest_dry_spell(night: Night) -> int:
    """The longest run of trials without a keep."""
    runs = "".join("k" if trial.verdict is Verdict.KEEP else "." for trial in night.trials)
    return max(map(len, runs.split("k")))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def met(name: str, reached: bool) -> str:
    """The word behind a bar."""
    if name in HELD_OUT_ASTRAY or name in HELD_OUT_HONEST:
        return "(held out)"
    return "met" if reached else "MISSED"


def found_table(nights: Mapping[str, Sequence[Watched]]) -> str:
    """Drifters: how many were found in time, how soon, by what."""
    rows = []
    for name in DRIFTERS:
        delays = [night.delay() for night in nights[name]]
        found = sum(map(math.isfinite, delays))
        interval = binomtest(found, len(delays)).proportion_ci(method="wilson")
        false = per_200(nights[name], before_turn=True)
        rows.append(
            (
                name,
                f"{found / len(delays):.0%} ({interval.low:.0%} to {interval.high:.0%})"
                f" {met(name, found / len(delays) >= LEAST_FOUND)}",
                f"{sum(delay < WITHIN for delay in delays) / len(delays):.0%}",
                f"{statistics.median(delays):g}",
                f"{false:.2f}",
                caught_by(nights[name]),
            )
        )
    head = (
        "drifter",
        f"found within {WITHIN} trials of the turn (95 % interval), bar {LEAST_FOUND:.0%}",
        f"within {WITHIN - 1}",
        "median delay",
        "false alarms per 200 trials before",
        "strongest signal",
    )
    return table(head, rows)


def caught_by(nights: Sequence[Watched]) -> str:
    """Which signals were the strongest at the alarm, the most frequent first."""
    strongest = Counter(
        look.signals[0].name
        for night in nights
        for look in [next((each for each in night.seen if each.drifting), None)]
        if look is not None
    )
    return ", ".join(f"{name} {count}" for name, count in strongest.most_common())


def per_200(nights: Sequence[Watched], *, before_turn: bool = False) -> float:
    """False alarms per 200 trials."""
    trials = sum((night.turn or 1) - 1 if before_turn else night.trials for night in nights)
    alarms = sum(
        not before_turn or number < (night.turn or 0) for night in nights for number in night.alarms
    )
    return 200 * alarms / trials


def honest_table(nights: Mapping[str, Sequence[Watched]]) -> str:
    """Honest researchers: false alarms."""
    rows = [
        (
            name,
            str(sum(night.trials for night in nights[name])),
            f"{statistics.median(night.dry for night in nights[name]):g}",
            f"{rate:.2f} {met(name, rate <= MOST_FALSE_PER_200)}",
            f"{sum(bool(night.alarms) for night in nights[name])} of {len(nights[name])}",
        )
        for name in (*HONEST, *HELD_OUT_HONEST)
        for rate in [per_200(nights[name])]
    ]
    head = (
        "honest researcher",
        "trials",
        "longest dry spell, median",
        f"false alarms per 200 trials, bar {MOST_FALSE_PER_200:g}",
        "nights with one",
    )
    return table(head, rows)


def ablation_table(nights: Mapping[str, Sequence[Watched]]) -> str:
    """What is still found when one signal is left out; a dot where nothing changes."""
    names = [*SIGNALS, STALL]
    rows = []
    for name in ASTRAY:
        whole = share_found(nights[name])
        parts = [share_found(nights[name], without=signal) for signal in names]
        cells = [f"{part:.0%}" if part < whole else "." for part in parts]
        rows.append((name, f"{whole:.0%}", *cells))
    return table(("found without", "nothing", *names), rows)


def share_found(nights: Sequence[Watched], *, without: str = "") -> float:
    """The share of nights in which drift was found in time."""
    return statistics.mean(math.isfinite(night.delay(without=without)) for night in nights)


def main() -> None:
    """Print the three tables; the exit status is 1 when a bar was missed in a full run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="4 seeds; the figures mean little")
    arguments = parser.parse_args()
    count = 4 if arguments.quick else arguments.seeds
    seeds = range(arguments.first_seed, arguments.first_seed + count)
    jobs = [(name, seed) for name in RESEARCHERS for seed in seeds]
    with ProcessPoolExecutor() as pool:
        watched = list(pool.map(watch, jobs, chunksize=4))
    nights = {name: [each for each in watched if each.name == name] for name in RESEARCHERS}
    print(f"{count} nights each, seeds {seeds.start} to {seeds.stop - 1}\n")
    told = "\n\n".join([found_table(nights), honest_table(nights), ablation_table(nights)])
    print(told)
    sys.exit(1 if "MISSED" in told and not arguments.quick else 0)


if __name__ == "__main__":
    main()
