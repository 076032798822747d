"""``overnight demo``: a real night in small, without a GPU, a model or a key."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from overnight.cli.run import run_and_show
from overnight.config import load_study
from overnight.demo import make_demo_repository
from overnight.errors import SandboxFailed
from overnight.sandbox.walls import refuse_where_impossible
from overnight.types import SandboxKind


def demo(
    into: Annotated[
        Path, typer.Option(help="Where to make the demo's repository; must be new or empty.")
    ] = Path("overnight-demo"),
    trials: Annotated[int | None, typer.Option(min=1, help="How many trials to run.")] = None,
    plain: Annotated[bool, typer.Option("--plain", help="Lines, also on a terminal.")] = False,
) -> None:
    """Train a small language model again and again on the CPU, and keep what helps.

    Makes a repository from the study charlm (numpy only, a few seconds a run), lets the
    researcher `tune` propose, and ends with the table of results and a picture of progress.

    Examples:

        overnight demo

        overnight demo --into /tmp/demo --trials 30
    """
    console = Console()
    if not (into / "overnight.toml").exists():
        make_demo_repository(into, sandbox=_sandbox(console))
        console.print(Text(f"Made the demo's repository in {into}."), soft_wrap=True)
    study = load_study(into).override(trials=trials)
    end = run_and_show(study, plain=plain)
    if not end.finished:
        sys.exit(130)


def _sandbox(console: Console) -> SandboxKind:
    """The sandbox where it works; the demo's own code needs none, so it runs without one too."""
    try:
        refuse_where_impossible()
    except SandboxFailed as error:
        console.print(Text(f"Without a sandbox: {error}", style="yellow"), soft_wrap=True)
        return SandboxKind.NONE
    return SandboxKind.BUBBLEWRAP
