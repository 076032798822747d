"""``expertswap report``: a plan as one page to show."""

from pathlib import Path
from typing import Annotated, Any

import typer

from expertswap.cli.outputs import require_new
from expertswap.cli.size_options import parse_rate

_RATE: dict[str, Any] = {"parser": parse_rate, "metavar": "RATE"}


def report(
    seen: Annotated[Path, typer.Argument(help="What `expertswap observe` wrote.")],
    trace: Annotated[Path, typer.Argument(help="The trace that the plan was made on.")],
    plan: Annotated[Path, typer.Option(help="What `expertswap plan` wrote.")],
    out: Annotated[Path, typer.Option(help="Page to write, as report.html.")],
    link: Annotated[int, typer.Option(help="From host to device.", **_RATE)] = "25GB/s",  # type: ignore[assignment] # typer parses it
    memory: Annotated[int, typer.Option(help="Of the device's memory.", **_RATE)] = "1TB/s",  # type: ignore[assignment] # the same
    compute: Annotated[
        float | None,
        typer.Option(help="Milliseconds of a pass with all resident; else estimated."),
    ] = None,
) -> None:
    """Write one offline HTML page: coverage, plan, policies over budgets, what more memory buys.

    Example:

        expertswap report seen.safetensors trace.parquet --plan plan.json --out report.html
    """
    from expertswap.comparing import setting  # noqa: PLC0415
    from expertswap.matching import require_model, require_observed  # noqa: PLC0415
    from expertswap.observation import load_observation  # noqa: PLC0415 - heavy, as all below
    from expertswap.plan.splitting import parted  # noqa: PLC0415
    from expertswap.report.numbers import outcomes  # noqa: PLC0415
    from expertswap.report.page import page  # noqa: PLC0415
    from expertswap.trace import load_trace  # noqa: PLC0415
    from expertswap.whole_file import write_whole  # noqa: PLC0415

    require_new(out)
    routed, observation = load_trace(trace), load_observation(seen)
    place = setting(
        routed,
        plan=plan,
        slots=None,
        budget=None,
        expert_bytes=None,
        link=link,
        memory=memory,
        compute_s=compute / 1000 if compute else None,
    )
    made = place.required_plan
    require_observed(observation, made.identity)
    require_model(routed, made.identity)
    found = outcomes(
        parted(routed), made, place.machine, forecasts=place.forecasts, observation=observation
    )
    write_whole(out, page(observation, made, found, place.machine).encode())
    typer.echo(str(out))
