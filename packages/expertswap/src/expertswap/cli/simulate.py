"""``expertswap simulate``: what a policy would hit, move and wait for."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from expertswap.cli.size_options import parse_bytes, parse_rate

if TYPE_CHECKING:
    from expertswap.comparing import Setting
    from expertswap.trace import RoutingTrace

_COLUMNS = ("policy", "batch", "hits", "bytes/token", "stall ms", "99 % ms", "tokens/s")
_RATE: dict[str, Any] = {"parser": parse_rate, "metavar": "RATE"}


def simulate(
    trace: Annotated[Path, typer.Argument(help="What `expertswap observe --trace` wrote.")],
    plan: Annotated[Path | None, typer.Option(help="What `expertswap plan` wrote.")] = None,
    slots: Annotated[
        int | None, typer.Option(min=1, help="Without a plan: experts that each layer holds.")
    ] = None,
    budget: Annotated[
        int | None,
        typer.Option(parser=parse_bytes, metavar="SIZE", help="Or bytes for all of them."),
    ] = None,
    expert_bytes: Annotated[
        int | None,
        typer.Option(parser=parse_bytes, metavar="SIZE", help="Without a plan: of one expert."),
    ] = None,
    policy: Annotated[
        str | None, typer.Option(help="One or more, as lru,lfu,belady; else the plan's and these.")
    ] = None,
    link: Annotated[int, typer.Option(help="From host to device.", **_RATE)] = "25GB/s",  # type: ignore[assignment] # typer parses it
    memory: Annotated[int, typer.Option(help="Of the device's memory.", **_RATE)] = "1TB/s",  # type: ignore[assignment] # the same
    compute: Annotated[
        float | None,
        typer.Option(help="Milliseconds of a pass with all resident; else estimated."),
    ] = None,
    batch: Annotated[str, typer.Option(help="Prompts decoded together, as 1,4,16.")] = "1",
    prefetch: Annotated[
        bool, typer.Option("--prefetch", help="Load ahead what the plan foresees.")
    ] = False,
    by_domain: Annotated[
        bool, typer.Option("--by-domain", help="Each domain by itself as well.")
    ] = False,
) -> None:
    """Replay a trace against policies, and tell hits, bytes, stalls and tokens per second.

    Of the trace that the plan was made on, only the prompts that planning never saw count.

    Examples:

        expertswap simulate trace.parquet --plan plan.json --policy forecast,lru,belady --batch 1,4

        expertswap simulate trace.parquet --slots 16 --expert-bytes 2.4MB --link 50GB/s
    """
    from expertswap.comparing import setting  # noqa: PLC0415 - numba takes a second
    from expertswap.trace import load_trace  # noqa: PLC0415 - numpy

    seen = load_trace(trace)
    place = setting(
        seen,
        plan=plan,
        slots=slots,
        budget=budget,
        expert_bytes=expert_bytes,
        link=link,
        memory=memory,
        compute_s=compute / 1000 if compute else None,
    )
    seen = place.unseen(seen)
    batches = [_whole(text) for text in batch.split(",")]
    names = policy.split(",") if policy else place.default_policies
    console = Console(soft_wrap=True)
    for name, part in _parts(seen, by_domain=by_domain):
        console.print(_table(name, part, place, names, batches=batches, prefetch=prefetch))
    for line in place.overflow(seen, batches):
        console.print(line)


def _parts(seen: "RoutingTrace", *, by_domain: bool) -> "Iterator[tuple[str, RoutingTrace]]":
    yield "all domains, taking turns", seen
    if by_domain:
        for domain in seen.domains:
            part = seen.of_domain(domain)
            if part.num_tokens:
                yield f"{domain} alone", part


def _table(
    title: str,
    seen: "RoutingTrace",
    place: "Setting",
    names: list[str],
    *,
    batches: list[int],
    prefetch: bool,
) -> Table:
    table = Table(
        *_COLUMNS, title=f"{title}: {seen.num_tokens:,} tokens", title_justify="left", box=None
    )
    for column in table.columns[1:]:
        column.justify, column.no_wrap = "right", True
    for batch in batches:
        for name in names:
            hits, told = place.outcome(seen, name.strip(), batch=batch, prefetch=prefetch)
            table.add_row(
                name.strip(),
                str(batch),
                f"{hits:.2%}",
                f"{told.bytes_per_token:,.0f}",
                f"{told.stall_s * 1e3:.3f}",
                f"{told.slowest_stall_s * 1e3:.3f}",
                f"{told.tokens_per_s:,.1f}",
            )
    return table


def _whole(text: str) -> int:
    if not text.strip().isdigit() or int(text) < 1:
        raise typer.BadParameter(f"{text!r} is no number of prompts.", param_hint="--batch")
    return int(text)
