"""``expertswap prune``: remove the experts that matter least."""

from pathlib import Path
from typing import Annotated

import typer

from expertswap.prune.criterion import Criterion


def prune(
    model: Annotated[Path, typer.Argument(help="Directory with config.json and safetensors.")],
    out: Annotated[Path, typer.Argument(help="Directory to make.")],
    observation: Annotated[
        Path | None,
        typer.Option(help="What `expertswap observe` saw; a random choice needs none."),
    ] = None,
    keep: Annotated[float, typer.Option(help="Share of the experts to keep.")] = 0.5,
    by: Annotated[Criterion, typer.Option(help="What ranks them.")] = Criterion.REAP,
    keep_super_experts: Annotated[
        bool,
        typer.Option(
            "--keep-super-experts", help="Keep the few with huge outputs, whatever their rank."
        ),
    ] = False,
    seed: Annotated[int, typer.Option(help="Of a random choice.")] = 0,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and end.")
    ] = False,
) -> None:
    """Remove the experts that matter least, as many in each layer.

    Bytes go from file to file, so memory does not grow with the model, and quantised weights stay
    as they are. The output loads as the original does; `expertswap.json` in it says which experts
    of the original each layer kept. Layers that only draft further tokens are left out.

    Example:

        expertswap prune ./model ./model-half --observation seen.safetensors --keep 0.5
    """
    from expertswap.cli.progress import CopyProgress  # noqa: PLC0415 - so that --help stays quick
    from expertswap.prune.run import Pruning  # noqa: PLC0415 - the same

    pruning = Pruning.prepare(
        model,
        observation,
        criterion=by,
        keep=keep,
        seed=seed,
        keep_super_experts=keep_super_experts,
    )
    for sentence in pruning.sentences():
        typer.echo(sentence)
    if dry_run:
        return
    with CopyProgress(out.name, total_bytes=pruning.nbytes) as progress:
        pruning.write(out, progress=progress.advance)
    typer.echo(f"{out} written in {progress.elapsed_s:.1f} s, {progress.rate / 1e9:.2f} GB/s")
