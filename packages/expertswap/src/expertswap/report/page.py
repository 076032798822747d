"""The report as one HTML page that needs no network."""

import html
import json
from collections.abc import Mapping, Sequence
from typing import Any

import vl_convert

from expertswap.coverage_picture import coverage_spec
from expertswap.observation import Observation
from expertswap.plan.plan import Plan
from expertswap.report.charts import (
    hits_chart,
    known_as,
    purchases_chart,
    slots_chart,
    speed_chart,
)
from expertswap.report.numbers import Outcome, purchases
from expertswap.simulate.speed import Machine
from expertswap.sizes import largest_unit, tell_bytes

# What the bundle of Vega, Vega-Lite and Vega Embed is to do before the charts are drawn.
_GLOBALS = "window.vegaEmbed = vegaEmbed;"
_STYLE = """
:root { color-scheme: light; }
body { margin: 0 auto; padding: 40px 28px 80px; max-width: 1480px; color: #1f2933;
  font: 15px/1.55 "Helvetica Neue", Helvetica, Arial, "Liberation Sans", sans-serif; }
h1 { margin: 0 0 4px; font-size: 27px; letter-spacing: -0.01em; }
h2 { margin: 52px 0 4px; font-size: 19px; }
p { margin: 6px 0 14px; max-width: 76ch; }
.quiet { color: #67727e; }
.cards { display: flex; flex-wrap: wrap; gap: 14px; margin: 26px 0 6px; }
.card { flex: 1 1 180px; padding: 14px 18px; border: 1px solid #e6e9ed; border-radius: 8px; }
.card b { display: block; font-size: 25px; font-weight: 600; letter-spacing: -0.01em; }
.note { padding: 10px 16px; border-left: 4px solid #e69f00; background: #fdf6e7; }
.charts { display: flex; flex-wrap: wrap; align-items: flex-start; gap: 36px; }
.chart { overflow-x: auto; }
table { border-collapse: collapse; margin: 12px 0; font-variant-numeric: tabular-nums; }
th, td { padding: 5px 16px 5px 0; text-align: right; border-bottom: 1px solid #e6e9ed; }
th { font-weight: normal; color: #67727e; }
th:first-child, td:first-child { text-align: left; }
tr.chosen td { font-weight: 600; }
"""


def page(observation: Observation, plan: Plan, found: Sequence[Outcome], machine: Machine) -> str:
    """The whole page."""
    charts = {
        "coverage": coverage_spec(observation),
        "hits": hits_chart(found, plan),
        "speed": speed_chart(found, plan),
        "slots": slots_chart(plan),
        "buys": purchases_chart(purchases(found, planned_name(found, plan))),
    }
    body = "\n".join(
        (
            _head(plan, found),
            _section("What the experts carry", _where("coverage")),
            _section(
                "The plan",
                f'<div class="charts">{_memory(plan)}{_where("slots")}</div>',
                quiet=_slots_note(plan),
            ),
            _section(
                "Against other policies",
                _table(found, plan),
                f'<div class="charts">{_where("hits")}{_where("speed")}</div>',
                quiet=_policies_note(machine),
            ),
            _section("What more memory buys", _where("buys"), quiet=_buys_note(found, plan)),
        )
    )
    title = html.escape(f"Expert plan of {plan.model.name}")
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head>\n<body>\n{body}\n{_scripts(charts)}\n</body></html>\n"
    )


def planned_name(found: Sequence[Outcome], plan: Plan) -> str:
    """The contestant that stands for the plan's policy."""
    names = {one.name for one in found}
    wanted = {"static": "static-plan"}.get(plan.policy, plan.policy)
    return wanted if wanted in names else "lru"


def _head(plan: Plan, found: Sequence[Outcome]) -> str:
    here = _here(found, plan)
    mine, bound = here[planned_name(found, plan)], here["bound"]
    experts = len(plan.layers) * plan.model.shape.num_experts
    cards = (
        (f"{mine.hit_rate:.1%}", f"of needed experts resident, by {plan.policy}"),
        (f"{bound.hit_rate:.1%}", "for one who knows the future"),
        (f"{plan.slots:,} of {experts:,}", "experts have a slot"),
        (tell_bytes(mine.gpu_bytes), "of GPU memory in use"),
        (f"{mine.speed.tokens_per_s:,.1f}", "tokens per second, simulated"),
    )
    boxes = "".join(f'<div class="card"><b>{big}</b>{small}</div>' for big, small in cards)
    tokens = f"{plan.expected.tokens:,} tokens" if plan.expected else "prompts"
    note = "" if plan.expected is None or plan.expected.static_helps else _STATIC_NOTE
    return (
        f"<h1>{html.escape(plan.model.name)}: what stays resident</h1>"
        f'<p class="quiet">Told of {tokens} that planning never saw, decoded one prompt at a time,'
        f" the domains taking turns.</p>"
        f'<div class="cards">{boxes}</div>{note}'
    )


_STATIC_NOTE = (
    '<p class="note">Static pinning does not help here: with the same slots, LRU finds more of the'
    " needed experts resident than the best pinned set.</p>"
)


def _section(title: str, *parts: str, quiet: str = "") -> str:
    note = f'<p class="quiet">{quiet}</p>' if quiet else ""
    return f"<h2>{title}</h2>{note}{''.join(parts)}"


def _where(name: str) -> str:
    return f'<div class="chart" id="{name}"></div>'


def _memory(plan: Plan) -> str:
    memory = plan.memory
    used = plan.slots * memory.expert_bytes
    left = memory.gpu_bytes - memory.other_weights_bytes - memory.reserve_bytes - used
    rows = (
        ("GPU memory", memory.gpu_bytes),
        ("weights that are not experts", memory.other_weights_bytes),
        ("KV cache and activations", memory.reserve_bytes),
        (f"{plan.slots:,} experts of {memory.expert_bytes:,} bytes", used),
        ("left over", left),
    )
    cells = "".join(
        f"<tr><td>{name}</td><td>{count:,}</td><td>{tell_bytes(count)}</td></tr>"
        for name, count in rows
    )
    return f"<table><tr><th></th><th>bytes</th><th></th></tr>{cells}</table>"


def _slots_note(plan: Plan) -> str:
    return (
        f"Who leaves: {html.escape(plan.policy)}, {html.escape(plan.rule.summary)}. Each layer has"
        " as many slots as its hits ask for; the dashed line is an even share. The core are experts"
        " that every domain uses."
    )


def _policies_note(machine: Machine) -> str:
    compute = (
        f"{machine.compute_s * 1e3:g} ms for each pass"
        if machine.compute_s is not None
        else f"weights read once a pass at {machine.memory_bytes_per_s / 1e9:,.0f} GB/s"
    )
    return (
        f"Misses come over a link of {machine.link_bytes_per_s / 1e9:g} GB/s; computing takes"
        f" {compute}. “Ahead” loads as many foreseen experts before each call as arrive while the"
        " layer before computes. “Belady, best slots” knows the future, need not"
        " keep what it fetches and has the best slots for these very prompts: no policy that loads"
        " on demand hits more."
    )


def _buys_note(found: Sequence[Outcome], plan: Plan) -> str:
    unit, size = largest_unit(plan.memory.gpu_bytes)
    here = next(
        (p for p in purchases(found, planned_name(found, plan)) if p.gpu_bytes >= _used(plan)), None
    )
    if here is None:
        return "All that can be bought is bought."
    each = here.more_bytes / size
    return (
        f"From here, one {unit} more buys {here.hits / each:.2%} more hits and"
        f" {here.tokens_per_s / each:,.1f} more tokens per second."
    )


def _used(plan: Plan) -> int:
    memory = plan.memory
    return memory.other_weights_bytes + memory.reserve_bytes + plan.slots * memory.expert_bytes


def _here(found: Sequence[Outcome], plan: Plan) -> dict[str, Outcome]:
    """The outcomes with just the plan's slots."""
    return {one.name: one for one in found if one.slots == plan.slots}


def _table(found: Sequence[Outcome], plan: Plan) -> str:
    mine = planned_name(found, plan)
    shown = {
        name: one for name, one in _here(found, plan).items() if known_as(name) or name == mine
    }
    cells = "".join(
        f"<tr{' class=chosen' if name == mine else ''}><td>{known_as(name) or name}</td>"
        f"<td>{one.hit_rate:.2%}</td><td>{one.speed.bytes_per_token:,.0f}</td>"
        f"<td>{one.speed.stall_s * 1e3:.3f}</td><td>{one.speed.slowest_stall_s * 1e3:.3f}</td>"
        f"<td>{one.speed.tokens_per_s:,.1f}</td></tr>"
        for name, one in sorted(shown.items(), key=lambda item: -item[1].hit_rate)
    )
    heads = ("with this memory", "hits", "bytes a token", "stall, ms", "1 in 100", "tokens/s")
    return f"<table><tr>{''.join(f'<th>{head}</th>' for head in heads)}</tr>{cells}</table>"


def _scripts(charts: Mapping[str, dict[str, Any]]) -> str:
    calls = "".join(
        f'vegaEmbed("#{name}", {_safe(spec)}, {{actions: false}});' for name, spec in charts.items()
    )
    return f"<script type=module>{vl_convert.javascript_bundle(_GLOBALS)}\n{calls}</script>"


def _safe(spec: dict[str, Any]) -> str:
    """JSON that no name in it can end the script with."""
    return json.dumps(spec).replace("<", "\\u003c")
