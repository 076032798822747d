"""``expertswap merge``: observations of shards as one."""

from functools import reduce
from pathlib import Path
from typing import Annotated

import typer

from expertswap.cli.outputs import require_new


def merge(
    observations: Annotated[list[Path], typer.Argument(help="Two or more, of the same model.")],
    out: Annotated[Path, typer.Option(help="File to write.")],
) -> None:
    """Add up observations that were made of different prompts, perhaps on different machines.

    Example:

        expertswap merge monday.safetensors tuesday.safetensors --out week.safetensors
    """
    from expertswap.observation import (  # noqa: PLC0415 - safetensors loads numpy
        load_observation,
        merged,
        save_observation,
    )

    require_new(out)
    save_observation(reduce(merged, map(load_observation, observations)), out)
    typer.echo(out)
