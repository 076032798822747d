"""``overnight``: assembles the commands and turns failures into one sentence and an exit code."""

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from overnight import __version__
from overnight.brief import one_line
from overnight.cli.audit import audit
from overnight.cli.compare import compare
from overnight.cli.demo import demo
from overnight.cli.diff import diff
from overnight.cli.doctor import doctor
from overnight.cli.export import export
from overnight.cli.forget import forget
from overnight.cli.import_ import import_
from overnight.cli.init import init
from overnight.cli.log import log
from overnight.cli.pause import pause
from overnight.cli.plot import plot
from overnight.cli.resume import resume
from overnight.cli.run import run
from overnight.cli.selftest import selftest
from overnight.cli.show import show
from overnight.cli.status import status
from overnight.cli.steer import steer
from overnight.cli.stop import stop
from overnight.errors import OvernightError

_MOST_LINE_CHARACTERS = 2000

app = typer.Typer(
    name="overnight",
    help="Autonomous research you can leave running overnight: the agent proposes; the harness"
    " measures, judges, commits and records.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
_READING = (status, log, show, diff, export, plot)
_STEERING = (steer, pause, resume, stop, forget)
for command in (init, doctor, run, *_READING, audit, compare, *_STEERING, demo, selftest):
    app.command()(command)
app.command("import")(import_)


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


def _told(error: OvernightError) -> str:
    """What failed, safe on a terminal: it may quote what a program wrote."""
    lines = str(error).split("\n")
    return "\n".join(one_line(line, most_characters=_MOST_LINE_CHARACTERS) for line in lines)


def main() -> None:
    """Run the command line."""
    try:
        app()
    except OvernightError as error:
        console = Console(stderr=True, soft_wrap=True)
        console.print(Text("error: ", style="bold red").append(_told(error), "not bold default"))
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
