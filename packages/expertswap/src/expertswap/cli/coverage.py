"""``expertswap coverage``: how few experts carry how much of the traffic."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from expertswap.cli.outputs import require_new

if TYPE_CHECKING:
    from expertswap.coverage import Coverage
    from expertswap.observation import Observation

_TRAFFIC = (0.5, 0.8, 0.9, 0.95, 0.99)


def coverage(
    observation: Annotated[Path, typer.Argument(help="What `expertswap observe` wrote.")],
    by_domain: Annotated[
        bool, typer.Option("--by-domain", help="Domains instead of layers.")
    ] = False,
    png: Annotated[Path | None, typer.Option(help="Picture to write.")] = None,
    html: Annotated[
        Path | None, typer.Option(help="The picture as a page for offline use.")
    ] = None,
) -> None:
    """Tell which share of the experts carries which share of the traffic.

    Examples:

        expertswap coverage seen.safetensors --by-domain

        expertswap coverage seen.safetensors --png coverage.png --html coverage.html
    """
    from expertswap.observation import load_observation  # noqa: PLC0415 - safetensors loads numpy

    for path in filter(None, (png, html)):
        require_new(path)
    found = load_observation(observation)
    Console().print(_table(found, by_domain=by_domain))
    if png or html:
        from expertswap.coverage_picture import write_picture  # noqa: PLC0415 - altair takes a second

        for path in filter(None, (png, html)):
            write_picture(found, path)


def _table(observation: "Observation", *, by_domain: bool) -> Table:
    table = Table("", *(f"{share:.0%}" for share in _TRAFFIC), "unused")
    table.title = "share of the experts that carries a share of the traffic"
    for column in table.columns[1:]:
        column.justify = "right"
    for name, one in _rows(observation, by_domain=by_domain):
        shares = (one.experts_for(share) for share in _TRAFFIC)
        table.add_row(name, *(f"{share:.1%}" for share in shares), f"{one.unused:.1%}")
    return table


def _rows(observation: "Observation", *, by_domain: bool) -> "Iterator[tuple[str, Coverage]]":
    from expertswap import coverage as curves  # noqa: PLC0415 - numpy

    if by_domain:
        yield from curves.by_domain(observation).items()
    else:
        for layer, one in curves.by_layer(observation).items():
            yield f"layer {layer}", one
    yield "all", curves.coverage(observation.count_LE)
