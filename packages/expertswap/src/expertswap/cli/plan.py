"""``expertswap plan``: which experts stay in the GPU's memory, and who leaves."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple, TypeAlias

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from expertswap.cli.outputs import require_new
from expertswap.cli.size_options import parse_bytes
from expertswap.sizes import tell_bytes

if TYPE_CHECKING:
    from expertswap.checkpoint.reading import Checkpoint
    from expertswap.plan.budget import Budget
    from expertswap.plan.plan import Expected, Plan
    from expertswap.policies.forecast import Forecasts
    from expertswap.policies.policy import Policy
    from expertswap.trace import RoutingTrace


def plan(
    recorded: Annotated[
        Path,
        typer.Argument(help="The trace that `expertswap observe --trace` wrote, or its sums."),
    ],
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

    Of a trace, three of five prompts are learned from, one of five decides, and one of five, which
    planning never sees, tells what to expect. Sums (safetensors) tell which experts have most
    traffic, and no more.

    Example:

        expertswap plan trace.parquet --model ./model --gpu-memory 12GiB --out plan.json
    """
    from expertswap.plan.forecast_file import save_forecasts  # noqa: PLC0415 - heavy, as all below
    from expertswap.plan.plan import save_plan  # noqa: PLC0415
    from expertswap.policies.policy import policy_named  # noqa: PLC0415

    forecast_file = out.with_suffix(".forecasts.safetensors")
    for path in (out, forecast_file):
        require_new(path)
    rule = policy_named(policy) if policy else None
    sizes = _Sizes(model, gpu_memory, reserve, expert_bytes)
    if recorded.suffix == ".safetensors":
        made, forecasts, budget = _by_sums(recorded, sizes)
    else:
        made, forecasts, budget = _by_trace(recorded, sizes, rule, learn=learn)
    if forecasts:
        named = save_forecasts(forecasts, forecast_file)
        made = made.model_copy(update={"forecasts": named})
    save_plan(made, out)
    _tell(made, budget, out)


class _Sizes(NamedTuple):
    """What a user says of memory."""

    model: Path
    gpu_bytes: int
    reserve_bytes: int
    expert_bytes: int | None

    def budget(self, checkpoint: "Checkpoint") -> "Budget":
        from expertswap.plan.budget import Budget  # noqa: PLC0415 - quick help

        all_bytes = sum(tensor.nbytes for tensor in checkpoint.tensors.values())
        experts = len(checkpoint.shape.moe_layers) * checkpoint.shape.num_experts
        return Budget(
            gpu_bytes=self.gpu_bytes,
            other_weights_bytes=all_bytes - experts * checkpoint.expert_bytes,
            reserve_bytes=self.reserve_bytes,
            expert_bytes=self.expert_bytes or checkpoint.expert_bytes,
        )


_Made: TypeAlias = "tuple[Plan, Forecasts | None, Budget]"


def _by_sums(recorded: Path, sizes: _Sizes) -> _Made:
    from expertswap.checkpoint.reading import Checkpoint  # noqa: PLC0415 - heavy, as all below
    from expertswap.matching import require_observed  # noqa: PLC0415
    from expertswap.observation import load_observation  # noqa: PLC0415
    from expertswap.plan.planning import plan_by_traffic  # noqa: PLC0415

    checkpoint, seen = Checkpoint.open(sizes.model), load_observation(recorded)
    require_observed(seen, checkpoint.identity)
    budget = sizes.budget(checkpoint)
    return plan_by_traffic(seen, budget), None, budget


def _by_trace(recorded: Path, sizes: _Sizes, rule: "Policy | None", *, learn: bool) -> _Made:
    from expertswap.checkpoint.reading import Checkpoint  # noqa: PLC0415 - heavy, as all below
    from expertswap.matching import require_model  # noqa: PLC0415
    from expertswap.plan.planning import make_plan  # noqa: PLC0415
    from expertswap.trace import load_trace  # noqa: PLC0415

    checkpoint, seen = Checkpoint.open(sizes.model), load_trace(recorded)
    require_model(seen, checkpoint.identity)
    budget = sizes.budget(checkpoint)
    budget.slots(seen.model.shape)  # before minutes of learning
    forecasts = _forecasts(seen) if learn else None
    return make_plan(seen, budget, policy=rule, forecasts=forecasts), forecasts, budget


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
