"""``overnight init``: writes a study for the repository that it is called in."""

import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from overnight.config import STUDY_FILE, load_study
from overnight.discover import Discovery, Finding, Given, discover
from overnight.discover.program import program_text
from overnight.discover.prose import PROGRAM
from overnight.discover.render import missing, render
from overnight.discover.show import show
from overnight.discover.snapshot import Snapshot, open_snapshot
from overnight.durations import parse_duration_s
from overnight.errors import StudyFileError
from overnight.researchers.registry import refuse_unknown
from overnight.types import Goal

# Agents that choose a model where none is named; each one's program has its name.
_AGENTS = ("codex", "claude", "gemini")
_WITHOUT_MODEL = "tune"


def _goal(text: str) -> Goal:
    try:
        return Goal(text.lower().replace("ise", "ize"))
    except ValueError as error:
        raise typer.BadParameter("write minimize or maximize") from error


def _seconds(text: str) -> float:
    try:
        return parse_duration_s(float(text) if text.replace(".", "", 1).isdigit() else text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def init(
    *,
    metric: Annotated[str | None, typer.Option(help="The number to optimise.")] = None,
    goal: Annotated[
        Goal | None, typer.Option(parser=_goal, metavar="minimize|maximize", help="Which way.")
    ] = None,
    editable: Annotated[
        list[str] | None, typer.Option(help="Path or pattern that may change; repeatable.")
    ] = None,
    protected: Annotated[
        list[str] | None, typer.Option(help="One more that must not; repeatable.")
    ] = None,
    measure: Annotated[str | None, typer.Option(help="The command that prints it.")] = None,
    deadline: Annotated[
        float | None,
        typer.Option(parser=_seconds, metavar="DURATION", help="Longest run: 90s, 10m, 1h 30m."),
    ] = None,
    setup: Annotated[
        str | None, typer.Option(help="Prepares a fresh checkout; '' for nothing.")
    ] = None,
    researcher: Annotated[
        str | None, typer.Option(help="Who proposes: codex, claude, ..., or tune without a model.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="The researcher's model.")] = None,
    name: Annotated[str | None, typer.Option(help="The study's name; also its branch.")] = None,
    force: Annotated[
        bool, typer.Option("--force", help=f"Replace {STUDY_FILE}; the old one is kept beside it.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Never ask.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "--print", help="Print the study file; write nothing.")
    ] = False,
) -> None:
    """Write a study for this repository: overnight.toml and, where there is none, program.md.

    What can be measured here, how, and what may change is read from the last commit's files.
    Nothing of the repository is run, and git is left as it is.

    Examples:

        overnight init

        overnight init --print

        overnight init -y --metric accuracy --goal maximize --editable "src/**"

        overnight init --measure "make bench" --deadline 5m --researcher tune
    """
    settled = Given(
        name=name,
        metric=metric,
        goal=goal,
        editable=tuple(editable or ()),
        protected=tuple(protected or ()),
        measure=measure,
        setup=setup,
        deadline_s=deadline,
    )
    _check_flags(settled)
    root = Path.cwd()
    files = open_snapshot(root, uncommitted=(PROGRAM,))
    if not (force or dry_run):
        _refuse_to_replace(root / STUDY_FILE)
    console = Console(stderr=dry_run)
    found = discover(files, folder=root.name, settled=settled)
    show(console, found)
    found = _complete(files, found, settled, root.name, ask=not yes and is_interactive())
    text = render(found, researcher=_researcher(researcher), program=PROGRAM, model=model)
    _check(text)
    if dry_run:
        typer.echo(text, nl=False)
        return
    _write(console, root, text, program_text(found))


def is_interactive() -> bool:
    """Whether somebody is there to be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def _check_flags(settled: Given) -> None:
    both = sorted(set(settled.editable) & set(settled.protected))
    if both:
        raise StudyFileError(f"{both[0]!r} is both --editable and --protected.")


def _complete(
    files: Snapshot, found: Discovery, settled: Given, folder: str, *, ask: bool
) -> Discovery:
    """Ask for what was not found; every answer is a reason to look again.

    Raises:
        StudyFileError: Nobody is there to answer.
    """
    while lacking := missing(found):
        if not ask:
            raise StudyFileError(
                f"Not found in this repository: what to give {', '.join(lacking)}.",
                fix=f"Call `overnight init` with {' '.join(f'{flag} ...' for flag in lacking)}.",
            )
        settled = _answer(settled, lacking)
        found = discover(files, folder=folder, settled=settled)
    return found


def _answer(settled: Given, lacking: list[str]) -> Given:
    if "--measure" in lacking:
        return replace(settled, measure=typer.prompt("Command to measure, such as `make bench`"))
    if "--metric" in lacking:
        return replace(settled, metric=typer.prompt("Metric that it prints, as `name: value`"))
    if "--goal" in lacking:
        question = f"Should {settled.metric or 'it'} go down or up (minimize, maximize)"
        return replace(settled, goal=typer.prompt(question, value_proc=_goal))
    answer: str = typer.prompt("Files that may change, such as `src/**` (commas between)")
    patterns = tuple(part.strip() for part in answer.split(",") if part.strip())
    return replace(settled, editable=patterns)


def _researcher(kind: str | None) -> Finding[str]:
    if kind is not None:
        refuse_unknown(kind)
        return Finding(kind, "given")
    for agent in _AGENTS:
        if shutil.which(agent):
            return Finding(agent, f"it is on PATH; or {_WITHOUT_MODEL}, which needs no model")
    return Finding(_WITHOUT_MODEL, f"needs no model; no {' or '.join(_AGENTS)} is on PATH")


def _check(text: str) -> None:
    """Read the study file as `overnight run` will.

    Raises:
        StudyFileError: A flag's value cannot stand there.
    """
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, PROGRAM).touch()
        Path(folder, STUDY_FILE).write_text(text, encoding="utf-8")
        load_study(Path(folder))


def _refuse_to_replace(path: Path) -> None:
    if path.exists() or path.is_symlink():
        raise StudyFileError(
            f"{path.name} exists already.",
            fix="Look at the new one with --print, or replace it with --force.",
        )


def _write(console: Console, root: Path, study: str, program: str) -> None:
    target = root / STUDY_FILE
    if target.exists() or target.is_symlink():
        backup = _free_name(target)
        target.rename(backup)
        console.print(f"Replaced {STUDY_FILE}; the old one is {backup.name}.", highlight=False)
    else:
        console.print(f"Wrote {STUDY_FILE}.", highlight=False)
    with target.open("x", encoding="utf-8") as stream:
        stream.write(study)
    notes = root / PROGRAM
    if not notes.exists():
        notes.write_text(program, encoding="utf-8")
        console.print(f"Wrote {PROGRAM}: tell the researcher what you know.", highlight=False)
    console.print(
        "Check both files; they are read from here, so committing them is up to you.\n"
        "Next: overnight doctor, then overnight run",
        highlight=False,
        soft_wrap=True,
    )


def _free_name(path: Path) -> Path:
    """``<name>.bak``, or the first ``<name>.bak.N`` that is free."""
    backup = path.with_name(f"{path.name}.bak")
    number = 1
    while backup.exists() or backup.is_symlink():
        number += 1
        backup = path.with_name(f"{path.name}.bak.{number}")
    return backup
