"""``overnight``: assembles the commands and turns failures into one sentence and an exit code."""

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from overnight import __version__
from overnight.cli.demo import demo
from overnight.cli.init import init
from overnight.cli.run import run
from overnight.errors import OvernightError

app = typer.Typer(
    name="overnight",
    help="Autonomous research you can leave running overnight: the agent proposes; the harness"
    " measures, judges, commits and records.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (init, run, demo):
    app.command()(command)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"overnight {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="And exit.")
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line."""
    try:
        app()
    except OvernightError as error:
        console = Console(stderr=True, soft_wrap=True)
        console.print(
            Text("error: ", style="bold red").append(str(error), style="not bold default")
        )
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
