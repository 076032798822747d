"""How all pictures of this package look."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import altair as alt

INK, QUIET, FAINT = "#1f2933", "#67727e", "#e6e9ed"
Picture: TypeAlias = (
    alt.Chart | alt.LayerChart | alt.FacetChart | alt.HConcatChart | alt.VConcatChart
)
_FONT = "Helvetica Neue, Helvetica, Arial, Liberation Sans, sans-serif"


def chart(rows: Iterable[Mapping[str, Any]]) -> alt.Chart:
    """A chart of rows that stand in the specification itself."""
    return alt.Chart(alt.InlineData(values=[dict(row) for row in rows]))


def specification(picture: Picture, *, padding: int = 0) -> dict[str, Any]:
    """The picture as a Vega-Lite specification, in this package's looks."""
    styled = picture.properties(config=_looks(), padding=padding)
    spec: dict[str, Any] = styled.to_dict()
    return spec


def _looks() -> alt.Config:
    return alt.Config(
        font=_FONT,
        background="white",
        view=alt.ViewConfig(stroke=None),
        title=alt.TitleConfig(
            color=INK, fontSize=19, subtitleColor=QUIET, subtitleFontSize=13, subtitlePadding=7
        ),
        axis=alt.AxisConfig(
            domainColor=QUIET,
            gridColor=FAINT,
            labelColor=QUIET,
            labelFontSize=11,
            tickColor=QUIET,
            titleColor=QUIET,
            titleFontSize=12,
            titleFontWeight="normal",
        ),
        legend=alt.LegendConfig(labelColor=INK, labelFontSize=12, titleColor=QUIET),
    )
