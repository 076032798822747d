"""Samples of two sides, taken in turns, and the ratio between them."""

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Side:
    """What one side was measured to be.

    Attributes:
        rounds: Samples of each round; rounds of the two sides alternate.
    """

    name: str
    rounds: Sequence[Sequence[float]]

    def quartiles(self) -> tuple[float, float, float]:
        """Lower quartile, median and upper quartile over all rounds."""
        samples = [sample for taken in self.rounds for sample in taken]
        if len(samples) == 1:
            return samples[0], samples[0], samples[0]
        low, middle, high = statistics.quantiles(samples, n=4, method="inclusive")
        return low, middle, high


@dataclass(frozen=True)
class Comparison:
    """One thing measured on two sides.

    Attributes:
        bar: The ratio that must not be exceeded, or None for a figure without one.
    """

    name: str
    unit: str
    side: Side
    reference: Side
    bar: float | None = None

    def ratios(self) -> list[float]:
        """Median over median in each round, which slow drifts of the machine leave alone."""
        pairs = zip(self.side.rounds, self.reference.rounds, strict=True)
        return sorted(statistics.median(a) / statistics.median(b) for a, b in pairs)

    def ratio(self) -> float:
        """The median of the rounds' ratios."""
        return statistics.median(self.ratios())

    def as_record(self) -> dict[str, object]:
        """For the JSON file, samples included."""
        return {
            **asdict(self),
            "ratio": self.ratio(),
            "ratios": self.ratios(),
            "quartiles": {s.name: s.quartiles() for s in (self.side, self.reference)},
        }


def table(comparisons: Iterable[Comparison]) -> str:
    """Markdown, one comparison a row: median [quartiles] of both sides, ratio [range], bar."""
    rows = ["| what | this | against | ratio | bar |", "|---|---|---|---|---|"]
    for found in comparisons:
        ratios = found.ratios()
        cells = (
            found.name,
            _cell(found.side, found.unit),
            _cell(found.reference, found.unit),
            f"**{found.ratio():.3g}** [{ratios[0]:.3g}, {ratios[-1]:.3g}]",
            _bar(found),
        )
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def _cell(side: Side, unit: str) -> str:
    low, middle, high = side.quartiles()
    return f"{side.name} {middle:.4g} [{low:.4g}, {high:.4g}] {unit}"


def _bar(found: Comparison) -> str:
    if found.bar is None:
        return ""
    return f"≤ {found.bar:g} {'met' if found.ratio() <= found.bar else 'MISSED'}"
