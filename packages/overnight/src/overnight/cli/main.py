"""``overnight``: assembles the commands and turns failures into one sentence and an exit code."""

import gc
import sys
from collections.abc import Iterable
from importlib import import_module
from keyword import iskeyword
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from overnight import __version__
from overnight.brief import one_line
from overnight.errors import OvernightError

_MOST_LINE_CHARACTERS = 2000

_READING = ("status", "log", "show", "diff", "export", "plot")
_STEERING = ("steer", "pause", "resume", "stop", "forget")
COMMANDS = (
    *("init", "doctor", "run", *_READING, "audit", "compare"),
    *(*_STEERING, "demo", "selftest", "import"),
)


def command_line(names: Iterable[str]) -> typer.Typer:
    """The command line with some of the `COMMANDS`; what only others need is not imported."""
    app = typer.Typer(
        name="overnight",
        help="Autonomous research you can leave running overnight: the agent proposes; the harness"
        " measures, judges, commits and records.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    for name in names:
        function = f"{name}_" if iskeyword(name) else name
        app.command(name)(getattr(import_module(f"overnight.cli.{function}"), function))
    return app


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"overnight {__version__}")
        raise typer.Exit


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
    asked = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        gc.disable()  # nothing that imports make is garbage
        app = command_line([asked] if asked in COMMANDS else COMMANDS)
        gc.enable()
        app()
    except OvernightError as error:
        console = Console(stderr=True, soft_wrap=True)
        console.print(Text("error: ", style="bold red").append(_told(error), "not bold default"))
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
