"""Single changes beside the baseline, all with the same seeds: what can be said of the claims."""

import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean

from gpu_night.measured import BASELINE, CLAIMS, Measured

from overnight.compare.sentences import estimate_text
from overnight.stats import Estimate, estimate, pooled_noise

FIRST_SEED = 101  # others than those of the baseline's noise and of the night
CONTESTS = (  # of two changes, which is better; chosen before anything was measured
    ("half the batch", "depth 10"),
    ("half the batch", "depth 7"),
    ("warm-down 0.3", "half the batch"),
    ("warm-down 0.3", "depth 7"),
    ("warm-down 0.3", "no warm-down"),
)


def measure_claims(measured: Measured, *, blocks: int, out: Path) -> None:
    """Blocks of runs with one seed, every change and the baseline once in each, in random order.

    Raises:
        OutOfTime: Not all of it fits into this call. What was measured is in `out`.
    """
    for seed in range(FIRST_SEED, FIRST_SEED + blocks):
        variants = [BASELINE, *CLAIMS]
        random.Random(seed).shuffle(variants)
        for variant in variants:
            measured.measure(variant, seed=seed)
            write(measured, out)


def write(measured: Measured, out: Path) -> None:
    """The report on the claims as far as they are measured, and all runs."""
    shutil.copy(measured.file, out)
    (out / "claims.md").write_text("\n".join(claim_lines(measured)) + "\n")


def claim_lines(measured: Measured) -> Iterator[str]:
    """Gains of each change, and of one change over another."""
    yield "# Single changes beside the baseline"
    yield ""
    yield "Gain in bits per byte, positive is better: the mean of the differences between runs with"
    yield "the same seed, with Student's interval of 95 %. Each interval stands by itself."
    yield ""
    yield "| Change | Gain | What it says | Pairs | Failed | val_bpb | Steps | Mtokens | MFU % |"
    yield "|---|---|---|---|---|---|---|---|---|"
    yield f"| {BASELINE} | | | | {run_cells(measured, BASELINE)} |"
    for variant in CLAIMS:
        gains = differences(measured, BASELINE, variant)
        yield f"| {variant} | {gain_cells(gains)} | {run_cells(measured, variant)} |"
    yield ""
    yield "| One change over another | Gain | What it says | Pairs |"
    yield "|---|---|---|---|"
    for one, other in CONTESTS:
        yield f"| {one} over {other} | {gain_cells(differences(measured, other, one))} |"


def differences(measured: Measured, one: str, other: str) -> list[float]:
    """What `other` measured less than `one`, for each seed that both were measured with."""
    before, after = measured.values(one), measured.values(other)
    return [before[seed] - after[seed] for seed in before.keys() & after.keys()]


def gain_cells(gains: list[float]) -> str:
    """The mean with its interval, what it says, and of how many pairs."""
    if not gains:
        return "? | ? | 0"
    gain = estimate(fmean(gains), pooled_noise([gains]), variances=1 / len(gains))
    return f"{estimate_text(gain)} | {sentence(gain)} | {len(gains)}"


def sentence(gain: Estimate) -> str:
    """What an interval says."""
    if not gain.is_told_from_zero:
        return "cannot be told"
    return "better" if gain.value > 0 else "worse"


def run_cells(measured: Measured, variant: str) -> str:
    """Figures of the runs themselves."""
    figures = (("val_bpb", 4), ("num_steps", 0), ("total_tokens_M", 1), ("mfu_percent", 1))
    means = (measured.mean_text(variant, name, digits=digits) for name, digits in figures)
    return " | ".join((str(measured.failures(variant)), *means))
