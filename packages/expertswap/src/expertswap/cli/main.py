"""``expertswap``: assembles the commands and turns failures into one sentence and an exit code."""

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from expertswap import __version__
from expertswap.cli.coverage import coverage
from expertswap.cli.merge import merge
from expertswap.cli.observe import observe
from expertswap.cli.plan import plan
from expertswap.cli.prune import prune
from expertswap.cli.quantize import quantize
from expertswap.cli.report import report
from expertswap.cli.simulate import simulate
from expertswap.errors import ExpertswapError

app = typer.Typer(
    name="expertswap",
    help="Run a Mixture-of-Experts model that does not fit your GPU: observe which experts a"
    " workload uses, prune, quantise, and plan what stays resident.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"expertswap {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="And exit.")
    ] = False,
) -> None:
    pass


app.command()(observe)
app.command()(prune)
app.command()(quantize)
app.command()(merge)
app.command()(coverage)
app.command()(plan)
app.command()(simulate)
app.command()(report)


def main() -> None:
    """Run the command line."""
    try:
        app()
    except ExpertswapError as error:
        console = Console(stderr=True, soft_wrap=True)
        console.print(Text("error: ", style="bold red").append(str(error), "not bold default"))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
