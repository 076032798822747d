"""Draws coverage: every layer and all of them, and the domains beside each other."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import altair as alt
import numpy as np
import vl_convert

from expertswap import coverage as curves
from expertswap.chart_style import INK, QUIET, chart, specification
from expertswap.coverage import Coverage
from expertswap.observation import Observation
from expertswap.whole_file import write_whole

_WIDTH, _HEIGHT = 400, 360
_PIXELS_PER_POINT = 2
_MOST_POINTS = 129
_BUSIEST = 0.25
_LAST_LABEL_AT = 0.73  # further right, it would leave the panel
_MARKS = (0.5, 0.95)
# Hues of Okabe and Ito, which the colour-blind can tell apart too.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#67727e")

_Panel: TypeAlias = alt.LayerChart | alt.FacetChart
_EXPERTS = alt.X("experts:Q", title="experts, the busiest first").axis(format="%", tickCount=5)
_TRAFFIC = alt.Y("traffic:Q", title="traffic that they carry").axis(format="%", tickCount=5)


def write_picture(observation: Observation, path: Path) -> None:
    """Draw the coverage into a PNG, or into an HTML page that needs no network.

    Raises:
        OutputError: The file cannot be written.
    """
    spec = coverage_spec(observation)
    if path.suffix.lower() == ".png":
        content = bytes(vl_convert.vegalite_to_png(spec, scale=_PIXELS_PER_POINT))
    else:
        content = str(vl_convert.vegalite_to_html(spec, bundle=True)).encode()
    write_whole(path, content)


def coverage_spec(observation: Observation) -> dict[str, Any]:
    """The picture as a Vega-Lite specification."""
    whole = curves.coverage(observation.count_LE)
    domains = curves.by_domain(observation)
    panels: list[_Panel] = [_layers(curves.by_layer(observation), whole)]
    if len(domains) > 1:
        panels += [_domains(domains), _shared(observation)]
    title = alt.TitleParams(
        f"{observation.model.name}: {_told(whole)}",
        subtitle=[_subtitle(observation)],
        anchor="start",
        offset=18,
    )
    picture = alt.hconcat(*panels, title=title, spacing=40, background="white").resolve_scale(
        color="independent"
    )
    return specification(picture, padding=24)


def _told(whole: Coverage) -> str:
    few, most = (whole.experts_for(mark) for mark in _MARKS)
    return f"{few:.1%} of the experts carry half of the traffic, {most:.1%} carry 95%"


def _subtitle(observation: Observation) -> str:
    shape, tokens = observation.model.shape, int(observation.tokens_D.sum())
    return (
        f"{tokens:,} tokens, {len(shape.moe_layers)} layers of {shape.num_experts} experts,"
        f" {shape.top_k} for each token"
    )


def _layers(layers: Mapping[int, Coverage], whole: Coverage) -> _Panel:
    rows = [row | {"layer": layer} for layer, one in layers.items() for row in _points(one)]
    thin = chart(rows).mark_line(strokeWidth=1, opacity=0.45)
    colour = alt.Color("layer:Q", title="layer").scale(scheme="viridis")
    each = thin.encode(x=_EXPERTS, y=_TRAFFIC, color=colour, detail="layer:N", tooltip=["layer:Q"])
    all_of_them = chart(_points(whole)).mark_line(strokeWidth=3, color=INK)
    return alt.layer(
        _even(), each, all_of_them.encode(x=_EXPERTS, y=_TRAFFIC), *_marks(whole)
    ).properties(width=_WIDTH, height=_HEIGHT, title=_heading("each layer, and all of them"))


def _domains(domains: Mapping[str, Coverage]) -> _Panel:
    rows = [row | {"domain": name} for name, one in domains.items() for row in _points(one)]
    inside = alt.Legend(title=None, orient="bottom-right", offset=14)
    colour = alt.Color("domain:N", legend=inside, sort=[*domains]).scale(
        domain=[*domains], range=[_COLOURS[at % len(_COLOURS)] for at in range(len(domains))]
    )
    lines = chart(rows).mark_line(strokeWidth=2.5)
    each = lines.encode(x=_EXPERTS, y=_TRAFFIC, color=colour, tooltip=["domain:N"])
    return alt.layer(_even(), each).properties(
        width=_WIDTH, height=_HEIGHT, title=_heading("each domain, all layers")
    )


def _shared(observation: Observation) -> _Panel:
    """Whether the domains use the same experts, which their curves do not show."""
    domains = [*observation.domains]
    shares_DD = curves.shared_traffic(observation, experts=_BUSIEST)
    rows = [
        {"whose": whose, "traffic": domains[column], "share": float(share)}
        for whose, shares_D in zip(domains, shares_DD, strict=True)
        for column, share in enumerate(shares_D)
    ]
    base = chart(rows).encode(
        x=alt.X("traffic:N", title="of the traffic of", sort=domains).axis(labelAngle=0),
        y=alt.Y("whose:N", title="the experts of", sort=domains),
    )
    shade = alt.Color("share:Q", legend=None).scale(scheme="blues", domain=[0, 1])
    ink = alt.condition(alt.datum.share > 0.6, alt.value("white"), alt.value(INK))
    return alt.layer(
        base.mark_rect(cornerRadius=3).encode(color=shade),
        base.mark_text(fontSize=13).encode(text=alt.Text("share:Q", format=".0%"), color=ink),
    ).properties(
        width=_HEIGHT,
        height=_HEIGHT,
        title=_heading(f"what each domain's busiest {_BUSIEST:.0%} of experts carry"),
    )


def _marks(whole: Coverage) -> Iterator[alt.Chart]:
    """What the headline says, on the curve."""
    at = {mark: whole.experts_for(mark) for mark in _MARKS}
    rows = [
        {
            "experts": experts,
            "traffic": traffic,
            "told": f"{experts:.1%} carry {traffic:.0%}",
            "told_at": min(experts, _LAST_LABEL_AT),
        }
        for traffic, experts in at.items()
    ]
    base = chart(rows).encode(x=_EXPERTS, y=_TRAFFIC)
    yield base.mark_point(filled=True, size=70, color=INK, opacity=1)
    told = base.encode(x=alt.X("told_at:Q"), text="told:N")
    place: dict[str, Any] = {"align": "left", "baseline": "top", "dx": 9, "dy": 14, "fontSize": 13}
    yield told.mark_text(**place, stroke="white", strokeWidth=4, strokeJoin="round", opacity=0.9)
    yield told.mark_text(**place, color=INK, fontWeight=600)


def _even() -> alt.Chart:
    """How it would be if all experts were used alike."""
    ends = [{"experts": 0.0, "traffic": 0.0}, {"experts": 1.0, "traffic": 1.0}]
    line: alt.Chart = chart(ends).mark_line(strokeDash=[5, 4], strokeWidth=1, color=QUIET)
    return line.encode(x=_EXPERTS, y=_TRAFFIC)


def _points(one: Coverage) -> list[dict[str, Any]]:
    """Few enough points of a curve to draw, dense where it bends."""
    steps = np.linspace(0.0, 1.0, min(_MOST_POINTS, len(one.experts_N))) ** 1.5
    return [{"experts": float(x), "traffic": one.traffic_of(float(x))} for x in steps]


def _heading(text: str) -> alt.TitleParams:
    return alt.TitleParams(text, anchor="start", fontSize=13, color=QUIET, fontWeight="normal")
