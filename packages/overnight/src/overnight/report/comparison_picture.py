"""The picture of a comparison: each arm's running best, and what was measured at the end."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from overnight.brief import one_line
from overnight.compare.analysis import Comparison
from overnight.compare.curves import Axis, Curve
from overnight.report.files import write_atomically
from overnight.types import Goal

_TITLES = {
    Axis.TRIALS: "proposals",
    Axis.DEVICE_HOURS: "device hours",
    Axis.WALL_HOURS: "hours",
    Axis.USD: "US dollars",
}
_LEAST_STEPS = {Axis.TRIALS: 1.0}
_WIDTH, _HEIGHT, _ROW_HEIGHT = 420, 260, 36
# Hues of Okabe and Ito, which the colour-blind can tell apart too.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#67727e")


def write_comparison(comparison: Comparison, path: Path) -> None:
    """Draw a comparison into a PNG file.

    Raises:
        OvernightError: The file cannot be written.
    """
    # Altair is slow to import, and only pictures need it.
    from overnight.report import drawing  # noqa: PLC0415 (see above)

    write_atomically(path, drawing.render(_picture(comparison), file_format="png"))


def _picture(comparison: Comparison) -> dict[str, Any]:
    import altair as alt  # noqa: PLC0415 (slow to import)

    metric = one_line(comparison.metric, most_characters=60)
    better = "lower" if comparison.goal is Goal.MINIMIZE else "higher"
    value = alt.Y("value:Q", title=metric).scale(zero=False)
    arms = [arm.name for arm in comparison.arms]
    colour = alt.Color("arm:N", title=None, sort=arms).scale(
        domain=arms, range=[_COLOURS[place % len(_COLOURS)] for place in range(len(arms))]
    )
    panels = [
        alt.Chart(alt.InlineData(values=list(_steps(comparison, axis))))
        .mark_line(interpolate="step-after", point={"size": 26}, strokeWidth=2)
        .encode(
            x=alt.X("spent:Q", title=_TITLES[axis]).axis(tickMinStep=_LEAST_STEPS.get(axis, 0.0)),
            y=value,
            color=colour,
            detail="night:N",
        )
        .properties(width=_WIDTH, height=_HEIGHT)
        for axis in (Axis.TRIALS, Axis.DEVICE_HOURS, Axis.WALL_HOURS, Axis.USD)
        if any(True for _ in _steps(comparison, axis))
    ]
    finals = list(_finals(comparison))
    if finals:
        base = alt.Chart(alt.InlineData(values=finals)).encode(
            y=alt.Y("arm:N", title=None, sort=arms), color=colour
        )
        low_high = base.mark_rule(strokeWidth=2).encode(
            x=alt.X("low:Q", title=f"{metric}, measured again").scale(zero=False), x2="high:Q"
        )
        middle = base.mark_point(filled=True, size=80).encode(x="value:Q")
        panels.append(
            alt.layer(low_high, middle).properties(width=_WIDTH, height=_ROW_HEIGHT * len(arms))
        )
    title = alt.TitleParams(
        f"{metric}: {' against '.join(arms)}",
        subtitle=[f"running best by what it took; {better} is better"],
        anchor="start",
    )
    rows = alt.concat(*panels, columns=2, title=title, background="white")
    found: dict[str, Any] = rows.properties(padding=20).to_dict()
    return found


def _steps(comparison: Comparison, axis: Axis) -> Iterator[dict[str, Any]]:
    for curve in comparison.curves:
        if curve.axis is axis and _is_worth_a_picture(curve):
            for spent, best in curve.points:
                night = f"{curve.arm}/{curve.repeat}"
                yield {"arm": curve.arm, "night": night, "spent": spent, "value": best}


def _is_worth_a_picture(curve: Curve) -> bool:
    return len(curve.points) > 1 and curve.points[-1][0] > 0


def _finals(comparison: Comparison) -> Iterator[dict[str, Any]]:
    for arm in comparison.arms:
        if arm.final is not None:
            seen = arm.final
            known = abs(seen.high - seen.low) != float("inf")
            low, high = (seen.low, seen.high) if known else (seen.value, seen.value)
            yield {"arm": arm.name, "value": seen.value, "low": low, "high": high}
