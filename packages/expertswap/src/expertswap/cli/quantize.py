"""``expertswap quantize``: the experts in 4 or 8 bits."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from expertswap.quantize.choices import Calibration, Method, ScaleChoice

if TYPE_CHECKING:
    from expertswap.quantize.writing import Quantization, Quantizer


def quantize(
    model: Annotated[Path, typer.Argument(help="Directory with config.json and safetensors.")],
    out: Annotated[Path, typer.Argument(help="Directory to make.")],
    bits: Annotated[int, typer.Option(help="Bits of one weight: 4 or 8.")] = 4,
    group: Annotated[
        int, typer.Option(min=0, help="Weights that share a scale; 0 for a whole row.")
    ] = 128,
    scale: Annotated[
        ScaleChoice, typer.Option(help="How `rtn` finds a scale; `mse` errs less and takes longer.")
    ] = ScaleChoice.ABSMAX,
    method: Annotated[
        Method, typer.Option(help="`gptq` and `awq` need prompts and `expertswap[calibrated]`.")
    ] = Method.RTN,
    data: Annotated[
        Path | None, typer.Option(help="Prompts to calibrate with, as JSON Lines.")
    ] = None,
    max_tokens: Annotated[
        int, typer.Option(min=1, help="Longest prompt to calibrate with; longer ones are cut.")
    ] = 2048,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and end.")
    ] = False,
) -> None:
    """Store the experts in 4 or 8 bits, in the pack-quantized format of compressed-tensors.

    Attention, routers, shared experts and embeddings stay as they are. Rounding to nearest takes
    one tensor at a time and no GPU, whatever the size of the model; calibrating loads all of it.
    transformers loads the output as it loads the original; names and settings are those that vLLM
    reads.

    Example:

        expertswap quantize ./model-half ./model-half-int4 --bits 4 --group 128
    """
    from expertswap.checkpoint import Checkpoint  # noqa: PLC0415 - so that --help stays quick
    from expertswap.cli.progress import CopyProgress  # noqa: PLC0415 - the same
    from expertswap.quantize.scheme import WeightScheme  # noqa: PLC0415 - the same
    from expertswap.quantize.writing import Quantization  # noqa: PLC0415 - the same
    from expertswap.sizes import tell_bytes  # noqa: PLC0415 - the same

    _check_options(method, scale=scale, data=data)
    quantization = Quantization.of(Checkpoint.open(model), WeightScheme(bits, group or None))
    for sentence in quantization.sentences():
        typer.echo(sentence)
    if dry_run:
        return
    quantization.check_output(out)
    quantizer = (
        quantization.round_to_nearest(scale)
        if method is Method.RTN or data is None
        else _calibrated(quantization, data, method=method, max_tokens=max_tokens)
    )
    with CopyProgress(out.name, total_bytes=quantization.nbytes) as progress:
        quantization.write(out, quantizer, progress=progress.advance)
    typer.echo(f"{out} written in {progress.elapsed_s:.1f} s, {tell_bytes(progress.rate)}/s")


def _check_options(method: Method, *, scale: ScaleChoice, data: Path | None) -> None:
    if method is Method.RTN and data is not None:
        raise typer.BadParameter("Rounding to nearest takes no prompts: add --method gptq.")
    if method is not Method.RTN and data is None:
        raise typer.BadParameter(f"{method.upper()} needs prompts: add --data prompts.jsonl.")
    if method is not Method.RTN and scale is not ScaleChoice.ABSMAX:
        raise typer.BadParameter(f"{method.upper()} finds scales itself: leave --scale out.")


def _calibrated(
    quantization: "Quantization", data: Path, *, method: Calibration, max_tokens: int
) -> "Quantizer":
    from expertswap.prompts.jsonl import read_prompts  # noqa: PLC0415 - rarely
    from expertswap.prompts.tokens import load_tokenizer, tokenize  # noqa: PLC0415 - rarely
    from expertswap.quantize.calibrated import calibrate  # noqa: PLC0415 - rarely

    tokenizer = load_tokenizer(quantization.checkpoint.path)
    tokenized = tokenize(read_prompts(data), tokenizer, max_tokens=max_tokens)
    token_ids = [prompt.token_ids for prompt in tokenized.prompts]
    typer.echo(f"calibrating with {len(token_ids)} prompts of {sum(map(len, token_ids))} tokens")
    return calibrate(quantization, token_ids, method=method)
