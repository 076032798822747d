"""The study's tables, as CSV and as Markdown."""

import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pandas as pd

from expertswap.prune.criterion import Criterion
from tinymoe.study.statistics import Interval, difference, over_models
from tinymoe.study.variants import CRITERIA, FEW_BITS, FULL_BITS, PRUNED

RIVALS = tuple(criterion for criterion in CRITERIA if criterion is not Criterion.REAP)
SIDES = {"in": "in the mix", "out": "left out"}


def write_csv(rows: pd.DataFrame, path: Path) -> None:
    """Every figure."""
    rows.round(5).to_csv(path, index=False)


def write_tables(rows: pd.DataFrame, path: Path, *, about: str) -> None:
    """The tables of a study.

    Args:
        rows: As ``frame`` makes them.
        path: Of the Markdown file.
        about: On what it was measured.
    """
    models = rows["model"].nunique()
    parts = (
        [
            "# What pruning and rounding cost",
            "",
            f"Trained models: {models}; in brackets the 95 % interval over them. {about}.",
            "",
            "*Times* is the perplexity over the full model's, *Top-1* the share of tokens for which"
            " the likeliest is the full model's. Calibrated on all domains but one: *in the mix*"
            " are those, *left out* is the one.",
        ],
        ["## Full models", "", *_full(rows)],
        ["## Made smaller", "", *_smaller(rows)],
        ["## By domain", "", *_by_domain(rows)],
        ["## REAP beside the others", "", *_rivals(rows)],
    )
    path.write_text("\n\n".join("\n".join(part) for part in parts) + "\n", encoding="utf-8")


def _full(rows: pd.DataFrame) -> Iterator[str]:
    """Perplexity of the full models, and what rounding alone does to it."""
    full = rows[rows["criterion"] == "full"]
    yield from _table("Domain", "Perplexity", f"INT{FEW_BITS} alone: times", "Top-1, %")
    for domain, of_domain in full.groupby("domain"):
        whole, rounded = (of_domain[of_domain["bits"] == bits] for bits in (FULL_BITS, FEW_BITS))
        yield _row(
            str(domain),
            _perplexity(over_models(whole, "nats")),
            _times(over_models(rounded, "extra_nats")),
            _percent(over_models(rounded, "agreement")),
        )


def _smaller(rows: pd.DataFrame) -> Iterator[str]:
    """What each way costs, mean over the mixes that leave one domain out and over domains."""
    headers = (f"{what}, {side}" for side in SIDES.values() for what in ("Times", "Top-1, %"))
    yield from _table("Pruned", "By", *headers)
    for pruned, criterion, bits in _ways():
        cells = []
        for side in SIDES:
            here = _select(rows, criterion, pruned=pruned, bits=bits, side=side)
            cells.append(_times(over_models(here, "extra_nats")))
            cells.append(_percent(over_models(here, "agreement")))
        yield _row(f"{pruned:.0%}", _way(criterion, bits), *cells)


def _by_domain(rows: pd.DataFrame) -> Iterator[str]:
    """The factor of perplexity in each domain, when it is in the mix and when it is left out."""
    domains = sorted(rows["domain"].unique())
    yield from _table("Pruned", "By", "Calibrated", *domains)
    for pruned, criterion, bits in _ways():
        for side, told in SIDES.items():
            here = _select(rows, criterion, pruned=pruned, bits=bits, side=side)
            of_domain = (here[here["domain"] == domain] for domain in domains)
            cells = (_times(over_models(one, "extra_nats")) for one in of_domain)
            yield _row(f"{pruned:.0%}", _way(criterion, bits), told, *cells)


def _rivals(rows: pd.DataFrame) -> Iterator[str]:
    """Paired differences, REAP less another, by domain; below zero REAP is better."""
    yield "Nats per token, REAP less the other; below zero REAP is better. Bold: clear of zero."
    yield ""
    yield from _table("Pruned", "Calibrated", "Domain", *RIVALS)
    every = [None, *sorted(rows["domain"].unique())]
    for pruned in PRUNED:
        for side, told in SIDES.items():
            for domain in every:
                pick = _picker(rows, pruned=pruned, side=side, domain=domain)
                cells = (
                    _signed(difference(pick(Criterion.REAP), pick(rival), "extra_nats"))
                    for rival in RIVALS
                )
                yield _row(f"{pruned:.0%}", told, domain or "all", *cells)


def _picker(
    rows: pd.DataFrame, *, pruned: float, side: str, domain: str | None
) -> Callable[[Criterion], pd.DataFrame]:
    def pick(criterion: Criterion) -> pd.DataFrame:
        here = _select(rows, criterion, pruned=pruned, bits=FULL_BITS, side=side)
        return here if domain is None else here[here["domain"] == domain]

    return pick


def _ways() -> Iterable[tuple[float, Criterion, int]]:
    for pruned in PRUNED:
        yield from ((pruned, criterion, FULL_BITS) for criterion in CRITERIA)
    yield max(PRUNED), Criterion.REAP, FEW_BITS


def _select(
    rows: pd.DataFrame, criterion: Criterion, *, pruned: float, bits: int, side: str
) -> pd.DataFrame:
    """The rows of one way, calibrated on all domains but one."""
    return rows[
        (rows["criterion"] == criterion.value)
        & (rows["pruned"] == pruned)
        & (rows["bits"] == bits)
        & (rows["calibrated"] == side)
        & (rows["left_out"] != "none")
    ]


def _way(criterion: Criterion, bits: int) -> str:
    return str(criterion) if bits == FULL_BITS else f"{criterion}, INT{bits}"


def _table(*headers: str) -> Iterator[str]:
    yield _row(*headers)
    yield _row(*("---" for _ in headers))


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _perplexity(nats: Interval) -> str:
    return _between(math.exp(nats.mean), math.exp(nats.low), math.exp(nats.high), ".2f")


def _times(nats: Interval) -> str:
    return _between(math.exp(nats.mean), math.exp(nats.low), math.exp(nats.high), ".3f")


def _percent(share: Interval) -> str:
    return _between(100 * share.mean, 100 * share.low, min(100.0, 100 * share.high), ".1f")


def _between(mean: float, low: float, high: float, form: str) -> str:
    told = "" if math.isnan(mean) else f"{mean:{form}}"
    return told if math.isnan(low) else f"{told} ({low:{form}} to {high:{form}})"


def _signed(nats: Interval) -> str:
    told = f"{nats.mean:+.4f}"
    if math.isnan(nats.half):
        return told
    told = f"{told} ± {nats.half:.4f}"
    return f"**{told}**" if abs(nats.mean) > nats.half else told
