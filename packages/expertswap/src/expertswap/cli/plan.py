"""``expertswap plan``: which experts stay in the GPU's memory, and who leaves."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from expertswap.cli.outputs import require_new
from expertswap.sizes import parse_bytes, tell_bytes

if TYPE_CHECKING:
    from expertswap.plan.budget import Budget
    from expertswap.plan.plan import Expected, Plan
    from expertswap.policies.forecast import Forecasts
    from expertswap.trace import RoutingTrace


def plan(
    trace: Annotated[Path, typer.Argument(help="What `expertswap observe --trace` wrote.")],
    model: Annotated[Path, typer.Option(help="The observed model's directory.")],
    gpu_memory: Annotated[int, typer.Option(parser=parse_bytes, metavar="SIZE", help="As 12GiB.")],
    out: Annotated[Path, typer.Option(help="Plan to write, as plan.json.")],
    reserve: Annotated[
        int,
        typer.Option(parser=parse_bytes, metavar="SIZE", help="For KV cache and activations."),
    ] = "1GiB",  # type: ignore[assignment] # typer parses it
    expert_bytes: Annotated[
        int | None,
        typer.Option(
            parser=parse_bytes, metavar="SIZE", help="Of an expert, if not as it is stored."
        ),
    ] = None,
    policy: Annotated[
        str | None, typer.Option(help="Who leaves, instead of whichever hits most.")
    ] = None,
    learn: Annotated[bool, typer.Option(help="Learn to foresee uses (minutes).")] = True,
) -> None:
    """Plan which experts are resident, how many slots each layer gets, and who leaves.

    Three of five prompts are learned from, one of five decides, and one of five, which planning
    never sees, tells what to expect.

    Example:

        expertswap plan trace.parquet --model ./model --gpu-memory 12GiB --out plan.json
    """
    from expertswap.checkpoint.reading import Checkpoint  # noqa: PLC0415 - heavy, as all below
    from expertswap.plan.budget import Budget  # noqa: PLC0415
    from expertswap.plan.forecast_file import save_forecasts  # noqa: PLC0415
    from expertswap.plan.matching import require_model  # noqa: PLC0415
    from expertswap.plan.plan import save_plan  # noqa: PLC0415
    from expertswap.plan.planning import make_plan  # noqa: PLC0415
    from expertswap.policies.policy import policy_named  # noqa: PLC0415
    from expertswap.trace import load_trace  # noqa: PLC0415

    forecast_file = out.with_suffix(".forecasts.safetensors")
    require_new(out)
    rule = policy_named(policy) if policy else None
    checkpoint, seen = Checkpoint.open(model), load_trace(trace)
    require_model(seen, checkpoint.identity)
    all_bytes = sum(tensor.nbytes for tensor in checkpoint.tensors.values())
    experts = len(checkpoint.shape.moe_layers) * checkpoint.shape.num_experts
    budget = Budget(
        gpu_bytes=gpu_memory,
        other_weights_bytes=all_bytes - experts * checkpoint.expert_bytes,
        reserve_bytes=reserve,
        expert_bytes=expert_bytes or checkpoint.expert_bytes,
    )
    budget.slots(seen.model.shape)
    forecasts = _forecasts(seen) if learn else None
    made = make_plan(seen, budget, policy=rule, forecasts=forecasts)
    if forecasts:
        require_new(forecast_file)
        named = save_forecasts(forecasts, forecast_file)
        made = made.model_copy(update={"forecasts": named})
    save_plan(made, out)
    _tell(made, budget, out)


def _forecasts(seen: "RoutingTrace") -> "Forecasts":
    from expertswap.plan.learning import learned  # noqa: PLC0415 - torch takes seconds
    from expertswap.plan.splitting import parted  # noqa: PLC0415
    from expertswap.simulate.calls import decoding  # noqa: PLC0415

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("learning when experts are needed again")

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        return learned(decoding(parted(seen).learn), progress=show)


def _tell(made: "Plan", budget: "Budget", out: Path) -> None:
    console, shape = Console(soft_wrap=True), made.model.shape
    experts = len(shape.moe_layers) * shape.num_experts
    slots = [layer.slots for layer in made.layers]
    console.print(_memory(made, budget))
    console.print(
        f"slots: {made.slots:,} of {experts:,} experts, {min(slots)} to {max(slots)} a layer;"
        f" in the core {sum(len(layer.core) for layer in made.layers):,}"
    )
    console.print(f"policy: {made.policy} ({made.rule.summary})")
    if made.expected:
        console.print(_hits(made.expected))
        if not made.expected.static_helps:
            console.print("static pinning does not help here: LRU hits more with the same slots.")
    console.print(str(out))


def _memory(made: "Plan", budget: "Budget") -> Table:
    table = Table("memory", "bytes", "", box=None)
    table.columns[1].justify = "right"
    used = made.slots * budget.expert_bytes
    for name, count in (
        ("GPU memory", budget.gpu_bytes),
        ("weights that are not experts", budget.other_weights_bytes),
        ("KV cache and activations", budget.reserve_bytes),
        (f"{made.slots:,} experts of {budget.expert_bytes:,} bytes", used),
        ("left over", budget.for_experts_bytes - used),
    ):
        table.add_row(name, f"{count:,}", tell_bytes(count))
    return table


def _hits(expected: "Expected") -> Table:
    table = Table("policy", "hits", box=None)
    table.title = f"hits on {expected.tokens:,} tokens that were not planned on"
    table.columns[1].justify = "right"
    for name, rate in sorted(expected.hit_rates.items(), key=lambda item: -item[1]):
        table.add_row(name, f"{rate:.2%}")
    return table
