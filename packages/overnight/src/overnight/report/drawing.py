"""Draws the progress picture with Altair; the only module that imports it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import altair as alt
import vl_convert

from overnight.report.labels import place_labels
from overnight.report.points import Kind, Point, Step, kept, shown_range
from overnight.types import Goal

_WIDTH, _HEIGHT, _TIME_HEIGHT, _LANE_HEIGHT = 900, 400, 90, 20
_FONT = "Helvetica Neue, Helvetica, Arial, Liberation Sans, sans-serif"
_INK, _QUIET, _FAINT = "#1f2933", "#67727e", "#e6e9ed"
# Hues of Okabe and Ito, which the colour-blind can tell apart too.
_COLOURS: Mapping[Kind, str] = {
    Kind.KEPT: "#009e73",
    Kind.DEMOTED: "#cc79a7",
    Kind.DISCARDED: "#9aa5b1",
    Kind.FAILED: "#d55e00",
    Kind.REFUSED: "#8d5fa8",
}
_SHAPES: Mapping[Kind, str] = {
    Kind.KEPT: "diamond",
    Kind.DEMOTED: "triangle-down",
    Kind.DISCARDED: "circle",
    Kind.FAILED: "M-1,-1L1,1M1,-1L-1,1",
    Kind.REFUSED: "square",
}
_ARROW = "M0,-1L0.6,0L0.2,0L0.2,1L-0.2,1L-0.2,0L-0.6,0Z"
_LEAST_LABEL_DISTANCE = 15
_PIXELS_PER_POINT = 2

Panel: TypeAlias = alt.Chart | alt.LayerChart | alt.VConcatChart | alt.FacetChart


def render(spec: dict[str, Any], *, file_format: Literal["png", "svg"]) -> bytes:
    """A picture as a file's content."""
    if file_format == "png":
        return bytes(vl_convert.vegalite_to_png(spec, scale=_PIXELS_PER_POINT))
    return str(vl_convert.vegalite_to_svg(spec)).encode("utf-8")


def progress_spec(
    points: Sequence[Point], *, goal: Goal, title: str, subtitle: Sequence[str]
) -> dict[str, Any]:
    """The picture as a Vega-Lite specification.

    Args:
        points: The trials to show, in the order of their numbers.
    """
    drawing = _Drawing(points, goal)
    heading = alt.TitleParams(title, subtitle=[*subtitle], anchor="start", offset=16)
    panels = drawing.panels() if points else [_blank()]
    whole = alt.vconcat(*panels, title=heading, spacing=12, background="white")
    spec: dict[str, Any] = whole.properties(config=_looks(), padding=24).to_dict()
    # Set in the end, because Altair copies and checks all that it holds at every step.
    return spec | {"datasets": drawing.datasets}


def _looks() -> alt.Config:
    return alt.Config(
        font=_FONT,
        view=alt.ViewConfig(stroke=None),
        title=alt.TitleConfig(
            color=_INK,
            fontSize=20,
            subtitleColor=_QUIET,
            subtitleFontSize=13,
            subtitleLineHeight=19,
            subtitlePadding=7,
        ),
        axis=alt.AxisConfig(
            domainColor=_QUIET,
            gridColor=_FAINT,
            labelColor=_QUIET,
            labelFontSize=11,
            tickColor=_QUIET,
            titleColor=_QUIET,
            titleFontSize=12,
            titleFontWeight="normal",
        ),
        legend=alt.LegendConfig(labelColor=_INK, labelFontSize=12, symbolSize=90, columnPadding=18),
    )


def _blank() -> Panel:
    nothing: alt.Chart = alt.Chart(alt.InlineData(values=[{}])).mark_point(opacity=0)
    return nothing.properties(width=_WIDTH, height=_TIME_HEIGHT)


class _Drawing:
    """The panels of the picture, which share their scales."""

    def __init__(self, points: Sequence[Point], goal: Goal) -> None:
        self.datasets: dict[str, list[dict[str, object]]] = {}
        self._points = points
        self._steps = kept(points)
        self._kinds = [kind for kind in Kind if any(point.kind is kind for point in points)]
        self._below = goal is Goal.MINIMIZE
        self._range = shown_range(points, goal)
        self._last = max([1, *(point.number for point in points)])
        self._margin = max(0.5, 0.012 * self._last)
        longest = max([0.0, *(point.minutes for point in points)])
        self._unit, self._minutes_per_unit = ("hours", 60) if longest >= 120 else ("minutes", 1)
        self._longest = longest / self._minutes_per_unit or 1.0

    def panels(self) -> Sequence[Panel]:
        """From top to bottom."""
        return [self._trials(), *self._over_time()]

    def _trials(self) -> Panel:
        """Every trial by its number; those without a value in lanes below the others."""
        without = [point for point in self._points if point.value is None]
        kinds = [kind for kind in Kind if any(point.kind is kind for point in without)]
        if not kinds:
            return self._measured(self._by_number())
        lane = alt.Y("kind:N", title=None, sort=[*kinds]).axis(domain=False, ticks=False)
        lanes = self._marks(without, x=self._by_number()).encode(y=lane)
        lanes = lanes.properties(width=_WIDTH, height=_LANE_HEIGHT * len(kinds))
        return alt.vconcat(self._measured(self._by_number(labels=False)), lanes, spacing=2)

    def _measured(self, x: alt.X) -> Panel:
        measured = [point for point in self._points if point.value is not None]
        shown = [point for point in measured if not self._is_beyond(point)]
        return alt.layer(
            *self._baseline(),
            *self._best(x),
            self._marks([point for point in shown if point.kind is not Kind.KEPT], x=x),
            self._marks(self._steps, x=x),
            *self._arrows([point for point in measured if self._is_beyond(point)], x),
            *self._labels(x),
            *self._ends(),
        ).properties(width=_WIDTH, height=_HEIGHT)

    def _over_time(self) -> Iterable[Panel]:
        """The running best against the time at work."""
        if len(self._points) > 1:
            marks = self._marks(self._steps, x=self._by_time(), size=30)
            marks = marks.encode(y=self._by_value(ticks=4))
            layers = [marks, *self._baseline(), *self._best(self._by_time())]
            yield alt.layer(*layers).properties(width=_WIDTH, height=_TIME_HEIGHT)

    def _by_number(self, *, labels: bool = True) -> alt.X:
        scale = alt.Scale(domain=[-self._margin, self._last + self._margin], nice=False)
        axis = alt.Axis(
            title="trial" if labels else None,
            labels=labels,
            ticks=labels,
            grid=False,
            format="d",
            tickCount=12,
            values=[*range(self._last + 1)] if self._last <= 12 else alt.Undefined,
        )
        return alt.X("number:Q", axis=axis, scale=scale)

    def _by_time(self) -> alt.X:
        scale = alt.Scale(domain=[0, 1.012 * self._longest], nice=False)
        axis = alt.Axis(title=f"{self._unit} at work", grid=False, tickCount=12, labelFlush=False)
        return alt.X("time:Q", scale=scale, axis=axis)

    def _by_value(self, *, ticks: int = 7) -> alt.Y:
        scale = alt.Scale(domain=[self._range.low, self._range.high], nice=False, zero=False)
        return alt.Y("value:Q", scale=scale, axis=alt.Axis(title=None, tickCount=ticks))

    def _marks(self, points: Sequence[Point], *, x: alt.X, size: int | None = None) -> alt.Chart:
        legend = alt.Legend(title=None, orient="top", symbolOpacity=1)
        colours = alt.Scale(domain=self._kinds, range=[_COLOURS[kind] for kind in self._kinds])
        shapes = alt.Scale(domain=self._kinds, range=[_SHAPES[kind] for kind in self._kinds])
        is_crowded = self._last > 300
        usual = alt.condition(
            alt.datum.kind == Kind.KEPT.value,
            alt.value(50 if is_crowded else 110),
            alt.value(14 if is_crowded else 40),
        )
        marks: alt.Chart = (
            self._chart(points)
            .mark_point(strokeWidth=1.5, opacity=0.55 if is_crowded else 0.9)
            .encode(
                x=x,
                y=self._by_value(),
                fill=alt.Fill("kind:N", scale=colours, legend=legend),
                stroke=alt.Stroke("kind:N", scale=colours, legend=legend),
                shape=alt.Shape("kind:N", scale=shapes, legend=legend),
                size=usual if size is None else alt.value(size),
            )
        )
        return marks

    def _best(self, x: alt.X) -> Iterable[alt.Chart]:
        """The running best, drawn on to the last trial."""
        if self._steps:
            data = [self._datum(step) for step in self._steps]
            last = {"number": self._last, "time": self._longest}
            line = self._chart_of([*data, data[-1] | last])
            colour = _COLOURS[Kind.KEPT]
            yield line.mark_line(interpolate="step-after", strokeWidth=2, color=colour).encode(
                x=x, y=self._by_value()
            )

    def _baseline(self) -> Iterable[alt.Chart]:
        rule = self._chart(self._steps[:1])
        yield rule.mark_rule(strokeDash=[5, 4], color=_QUIET).encode(y=self._by_value())

    def _arrows(self, points: Sequence[Point], x: alt.X) -> Iterable[alt.Chart]:
        """Trials beyond the shown values, as arrows at the edge that point to them."""
        above = [point for point in points if (point.value or 0.0) > self._range.high]
        below = [point for point in points if (point.value or 0.0) < self._range.low]
        for side, angle, inwards in ((above, 0, 9), (below, 180, -9)):
            if side:
                told = f"{len(side)} off the scale"
                edge = self._range.clip(side[0].value or 0.0)
                yield self._end(edge, told, _QUIET, dy=inwards)
            for kind in self._kinds:
                chart = self._chart([point for point in side if point.kind is kind])
                yield chart.mark_point(
                    shape=_ARROW,
                    angle=angle,
                    yOffset=inwards,
                    size=110,
                    filled=True,
                    color=_COLOURS[kind],
                ).encode(x=x, y=self._by_value())

    def _labels(self, x: alt.X) -> Iterable[alt.Chart]:
        """Short names of the biggest gains."""
        labels = place_labels(self._steps, at_px=self._at_px, width_px=_WIDTH, below=self._below)
        for leftwards in (True, False):
            steps = [label.step for label in labels if label.leftwards is leftwards]
            text = self._chart(steps).encode(x=x, y=self._by_value(), text="title:N")
            yield text.mark_text(
                align="right" if leftwards else "left",
                baseline="top" if self._below else "bottom",
                dx=-2 if leftwards else 2,
                dy=8 if self._below else -8,
                fontSize=11,
                color=_INK,
            )

    def _ends(self) -> Iterable[alt.Chart]:
        """The values of the baseline and of the best, right of the picture."""
        if not self._steps:
            return
        first, best = self._steps[0], self._steps[-1]
        apart = abs(self._at_px(first)[1] - self._at_px(best)[1])
        aside = 0.0
        if best is not first:
            yield self._end(best.value, f"best {best.value:.6g}", _COLOURS[Kind.KEPT], dy=0)
            shift = max(0.0, _LEAST_LABEL_DISTANCE - apart)
            aside = -shift if self._below else shift
        yield self._end(first.value, f"baseline {first.value:.6g}", _QUIET, dy=aside)

    def _end(self, value: float, told: str, colour: str, *, dy: float) -> alt.Chart:
        chart = self._chart_of([{"value": value, "told": told}])
        text = chart.mark_text(align="left", dx=8, dy=dy, fontSize=12, color=colour)
        end: alt.Chart = text.encode(x=alt.value(_WIDTH), y=self._by_value(), text="told:N")
        return end

    def _chart(self, points: Sequence[Point]) -> alt.Chart:
        return self._chart_of([self._datum(point) for point in points])

    def _chart_of(self, data: list[dict[str, object]]) -> alt.Chart:
        name = f"data-{len(self.datasets)}"
        self.datasets[name] = data
        return alt.Chart(alt.NamedData(name=name))

    def _datum(self, point: Point) -> dict[str, object]:
        return {
            "number": point.number,
            "time": point.minutes / self._minutes_per_unit,
            "kind": str(point.kind),
            "value": None if point.value is None else self._range.clip(point.value),
            "title": point.title,
        }

    def _is_beyond(self, point: Point) -> bool:
        return point.value is not None and self._range.clip(point.value) != point.value

    def _at_px(self, step: Step) -> tuple[float, float]:
        shown = self._range.high - self._range.low
        x = (step.number + self._margin) / (self._last + 2 * self._margin)
        return _WIDTH * x, _HEIGHT * (self._range.high - step.value) / shown
