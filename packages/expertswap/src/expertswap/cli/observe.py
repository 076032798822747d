"""``expertswap observe``: which experts a model uses for some prompts."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from expertswap.cli.outputs import require_new
from expertswap.errors import PromptsError

if TYPE_CHECKING:
    from expertswap.checkpoint.reading import Checkpoint
    from expertswap.observe.run import ObserveSettings
    from expertswap.observe.run import Progress as OnProgress
    from expertswap.prompts.tokens import Tokenized

_MOST_TOKENS = 4096
_said = Console(stderr=True, soft_wrap=True, highlight=False)


def observe(
    model: Annotated[Path, typer.Argument(help="Directory with config.json and safetensors.")],
    out: Annotated[Path, typer.Option(help="File to write, as `seen.safetensors`.")],
    data: Annotated[
        list[Path] | None,
        typer.Option(
            help="JSON Lines with `text` or `messages`, and perhaps `domain`; repeatable."
        ),
    ] = None,
    sessions: Annotated[
        list[Path] | None,
        typer.Option(
            help="Session logs of coding agents (Codex, Claude Code, overnight, aider), or"
            " directories of them; repeatable."
        ),
    ] = None,
    trace: Annotated[
        Path | None, typer.Option(help="Parquet file for every routing decision.")
    ] = None,
    generate: Annotated[
        int, typer.Option(min=0, help="Tokens to decode greedily after each prompt.")
    ] = 0,
    domain: Annotated[
        str | None,
        typer.Option(help="Of prompts that name none.  [default: the name of their file]"),
    ] = None,
    max_tokens: Annotated[
        int | None,
        typer.Option(min=1, help=f"Longer prompts are cut.  [default: {_MOST_TOKENS}]"),
    ] = None,
    batch_tokens: Annotated[
        int, typer.Option(min=1, help="Most tokens of one forward pass.")
    ] = 4096,
    device: Annotated[str, typer.Option(help="`auto`, `cpu`, `cuda` or `cuda:1`.")] = "auto",
    dtype: Annotated[
        str | None,
        typer.Option(help="`bfloat16`, `float16` or `float32`.  [default: as stored]"),
    ] = None,
    layerwise: Annotated[
        bool | None,
        typer.Option(
            "--layerwise/--whole",
            help="Hold one decoder block at a time, or all.  [default: all if they fit]",
        ),
    ] = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="Join messages as text; no chat template.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with what was interrupted.")
    ] = False,
) -> None:
    """Run prompts through a model, and record what each of its experts does.

    Examples:

        expertswap observe ./model --data prompts.jsonl --out seen.safetensors

        expertswap observe ./model --sessions ~/.codex/sessions --out seen.safetensors --generate 64
    """
    from expertswap.checkpoint.reading import Checkpoint  # noqa: PLC0415 - torch takes seconds

    require_new(out)
    if trace and not resume:
        require_new(trace)
    checkpoint = Checkpoint.open(model)
    prompts = _read(
        checkpoint,
        data=data or [],
        sessions=sessions or [],
        domain=domain,
        max_tokens=_longest(checkpoint, max_tokens, generate=generate),
        plain=plain,
    )
    settings = _settings(
        checkpoint,
        device=device,
        dtype=dtype,
        layerwise=layerwise,
        batch_tokens=batch_tokens,
        generate=generate,
        trace=trace is not None,
    )
    _observe(checkpoint, prompts, settings, out=out, trace=trace, resume=resume)


def _read(
    checkpoint: "Checkpoint",
    *,
    data: list[Path],
    sessions: list[Path],
    domain: str | None,
    max_tokens: int,
    plain: bool,
) -> "Tokenized":
    from expertswap.prompts.jsonl import read_prompts  # noqa: PLC0415 - only here
    from expertswap.prompts.sessions import read_sessions  # noqa: PLC0415 - only here
    from expertswap.prompts.tokens import load_tokenizer, tokenize  # noqa: PLC0415 - only here

    if not data and not sessions:
        raise PromptsError("There are no prompts.", fix="Give some with --data or --sessions.")
    logs = read_sessions(sessions, domain=domain or "sessions")
    if sessions:
        _said.print(
            f"{len(logs.prompts):,} sessions in {logs.num_files:,} logs; of"
            f" {logs.num_records:,} records {logs.num_unknown:,} were not understood."
        )
    from_files = (prompt for path in data for prompt in read_prompts(path, domain=domain))
    found = tokenize(
        (*from_files, *logs.prompts),
        load_tokenizer(checkpoint.path),
        max_tokens=max_tokens,
        plain=plain,
    )
    cut = (
        f"; longer ones were cut at {max_tokens:,} ({found.num_cut:,} of them, by"
        f" {found.cut_tokens:,} tokens in all)"
    )
    _said.print(
        f"{len(found.prompts):,} prompts of {sum(map(len, found.prompts)):,} tokens"
        f"{cut if found.num_cut else ''}."
    )
    return found


def _longest(checkpoint: "Checkpoint", asked: int | None, *, generate: int) -> int:
    """The longest prompt that is allowed, and that the model can read."""
    from expertswap.families.base import text_config  # noqa: PLC0415 - only here

    limit = text_config(checkpoint.config).get("max_position_embeddings")
    most = limit - generate if isinstance(limit, int) else None
    if most is None:
        return asked or _MOST_TOKENS
    if most < 1 or (asked or 0) > most:
        raise PromptsError(
            f"The model reads at most {limit:,} tokens, generated ones included.",
            fix=f"Give at most --max-tokens {most}." if most > 0 else "Generate fewer tokens.",
        )
    return asked or min(most, _MOST_TOKENS)


def _settings(
    checkpoint: "Checkpoint",
    *,
    device: str,
    dtype: str | None,
    layerwise: bool | None,
    batch_tokens: int,
    generate: int,
    trace: bool,
) -> "ObserveSettings":
    from expertswap.cli.torch_options import device_named, dtype_named  # noqa: PLC0415 - seconds
    from expertswap.observe.loading import stored_dtype  # noqa: PLC0415 - seconds
    from expertswap.observe.memory import fits  # noqa: PLC0415 - seconds
    from expertswap.observe.run import ObserveSettings  # noqa: PLC0415 - seconds

    where = device_named(device)
    kind = stored_dtype(checkpoint) if dtype is None else dtype_named(dtype)
    if layerwise is None:
        layerwise = not fits(checkpoint, dtype=kind, device=where)
        if layerwise:
            _said.print("The model does not fit into memory: it is observed layer by layer.")
    return ObserveSettings(
        dtype=kind,
        device=where,
        layerwise=layerwise,
        batch_tokens=batch_tokens,
        generate=generate,
        trace=trace,
    )


def _observe(
    checkpoint: "Checkpoint",
    prompts: "Tokenized",
    settings: "ObserveSettings",
    *,
    out: Path,
    trace: Path | None,
    resume: bool,
) -> None:
    from expertswap.observation import save_observation  # noqa: PLC0415 - only here
    from expertswap.observe.resuming import RunDirectory  # noqa: PLC0415 - seconds
    from expertswap.observe.run import observe as run  # noqa: PLC0415 - seconds

    directory = RunDirectory(out.with_name(f"{out.name}.observing"))
    try:
        with _progress() as progress:
            observation = run(
                checkpoint,
                prompts.prompts,
                settings,
                directory=directory,
                resume=resume,
                trace_to=trace,
                progress=progress,
            )
    except KeyboardInterrupt:
        _said.print(f"Interrupted. What is done is in {directory.path}; go on with --resume.")
        raise typer.Exit(130) from None
    save_observation(observation, out)
    directory.remove()
    typer.echo(out)


@contextmanager
def _progress() -> "Iterator[OnProgress]":
    """A bar of tokens, with the time left."""
    with Progress(
        TextColumn("observing"),
        BarColumn(),
        TaskProgressColumn(),
        MofNCompleteColumn(),
        TextColumn("tokens,"),
        TimeRemainingColumn(),
        TextColumn("left"),
        console=_said,
    ) as bar:
        task = bar.add_task("observing", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
