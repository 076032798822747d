"""The report's charts, as Vega-Lite specifications."""

from collections.abc import Sequence
from typing import Any

import altair as alt

from expertswap.chart_style import INK, QUIET, chart, specification
from expertswap.plan.plan import Plan
from expertswap.report.numbers import Outcome, Purchase
from expertswap.sizes import largest_unit

# Hues of Okabe and Ito, which the colour-blind can tell apart too.
COLOURS = {
    "Belady, best slots": "#1f2933",
    "Belady": "#67727e",
    "forecast and ahead": "#009e73",
    "forecast": "#0072b2",
    "LRU": "#d55e00",
    "LFU": "#e69f00",
    "static, most traffic": "#cc79a7",
    "static, mean REAP": "#c9b3c1",
}
NAMES = {
    "bound": "Belady, best slots",
    "belady": "Belady",
    "forecast": "forecast",
    "lru": "LRU",
    "lfu": "LFU",
    "static-plan": "static, most traffic",
    "mean-reap": "static, mean REAP",
}
_WIDE, _HIGH = 520, 340


def known_as(contestant: str) -> str | None:
    """The name of a contestant for people; None for one that is not shown."""
    return "forecast and ahead" if contestant.startswith("forecast+") else NAMES.get(contestant)


def hits_chart(found: Sequence[Outcome], plan: Plan) -> dict[str, Any]:
    """Hits over budgets."""
    title = alt.Y("hits:Q", title="experts found resident").axis(format="%")
    return _over_budgets(found, plan, title.scale(zero=False))


def speed_chart(found: Sequence[Outcome], plan: Plan) -> dict[str, Any]:
    """Tokens per second over budgets."""
    return _over_budgets(found, plan, alt.Y("speed:Q", title="tokens per second, simulated"))


def slots_chart(plan: Plan) -> dict[str, Any]:
    """The slots of each layer: core, and those that change."""
    rows = [
        {"layer": layer.layer, "slots": count, "kind": kind, "order": order}
        for layer in plan.layers
        for order, (kind, count) in enumerate(
            (("core", len(layer.core)), ("changing", layer.slots - len(layer.core)))
        )
    ]
    colour = alt.Color("kind:N", title=None, sort=["core", "changing"]).scale(
        domain=["core", "changing"], range=["#0072b2", "#9ecae1"]
    )
    even = plan.slots / len(plan.layers)
    bars = chart(rows).mark_bar(cornerRadius=2)
    encoded = bars.encode(
        x=alt.X("layer:O", title="layer").axis(labelAngle=0),
        y=alt.Y("slots:Q", title="slots"),
        color=colour,
        order="order:Q",
        tooltip=["layer:O", "kind:N", "slots:Q"],
    )
    rule = chart([{"slots": even}]).mark_rule(color=INK, strokeDash=[4, 4]).encode(y="slots:Q")
    return specification(alt.layer(encoded, rule).properties(width=_WIDE, height=_HIGH))


def purchases_chart(bought: Sequence[Purchase]) -> dict[str, Any]:
    """Hits that each more bytes buy."""
    unit, size = largest_unit(max(one.gpu_bytes for one in bought))
    rows = [
        {
            "from": one.gpu_bytes / size,
            "to": (one.gpu_bytes + one.more_bytes) / size,
            "hits": one.hits / (one.more_bytes / size),
            "speed": one.tokens_per_s / (one.more_bytes / size),
        }
        for one in bought
    ]
    bars = chart(rows).mark_bar(color="#0072b2", opacity=0.85, stroke="white")
    encoded = bars.encode(
        x=alt.X("from:Q", title=f"GPU memory, {unit}").scale(zero=False),
        x2="to:Q",
        y=alt.Y("hits:Q", title=f"hits gained per {unit} more").axis(format="%"),
        y2=alt.datum(0),
        tooltip=[
            alt.Tooltip("from:Q", format=".3~f"),
            alt.Tooltip("to:Q", format=".3~f"),
            alt.Tooltip("hits:Q", format=".2%"),
            alt.Tooltip("speed:Q", format=",.1f", title=f"tokens/s per {unit}"),
        ],
    )
    return specification(encoded.properties(width=_WIDE, height=_HIGH))


def _over_budgets(found: Sequence[Outcome], plan: Plan, y: alt.Y) -> dict[str, Any]:
    unit, size = largest_unit(max(one.gpu_bytes for one in found))
    rows = [
        {
            "memory": one.gpu_bytes / size,
            "who": known_as(one.name),
            "hits": one.hit_rate,
            "speed": one.speed.tokens_per_s,
            "slots": one.slots,
        }
        for one in found
        if known_as(one.name)
    ]
    shown = [name for name in COLOURS if any(row["who"] == name for row in rows)]
    below = alt.Legend(title=None, orient="bottom", columns=4, symbolStrokeWidth=3)
    colour = alt.Color("who:N", legend=below, sort=shown).scale(
        domain=shown, range=[COLOURS[name] for name in shown]
    )
    lines = chart(rows).mark_line(strokeWidth=2.2, point=alt.OverlayMarkDef(size=28))
    encoded = lines.encode(
        x=alt.X("memory:Q", title=f"GPU memory, {unit}").scale(zero=False),
        y=y,
        color=colour,
        tooltip=[
            "who:N",
            alt.Tooltip("memory:Q", format=".3~f", title=unit),
            alt.Tooltip("hits:Q", format=".2%"),
            alt.Tooltip("speed:Q", format=",.1f", title="tokens/s"),
            "slots:Q",
        ],
    )
    memory = plan.memory
    fixed = memory.other_weights_bytes + memory.reserve_bytes
    here = [{"memory": (fixed + plan.slots * memory.expert_bytes) / size}]
    rule = chart(here).mark_rule(color=QUIET, strokeDash=[4, 4]).encode(x="memory:Q")
    return specification(alt.layer(rule, encoded).properties(width=_WIDE, height=_HIGH))
