"""Which command to measure: from the documents, else the Makefile, else a likely script."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from overnight.discover.findings import Certainty, Finding, Source
from overnight.discover.prose import Line
from overnight.discover.python_source import parse, printed_names
from overnight.discover.shell import MAKEFILE, Started, make_target, make_targets, recognise

MEASURING = re.compile(r"train|bench|eval|measure|score|experiment|perf|(?<![a-z])(?:run|main)")
_PREPARING = re.compile(
    r"prepare|setup|install|download|plot|analy|visual|preprocess|convert|export|sample|generate"
    r"|demo|lint|format|deploy|serve|token|conftest"
)
_SPAN = re.compile(r"`([^`]+)`")
_SPEAKS_OF_RUNS = re.compile(r"launch|experiment|measur|benchmark|train|evaluat", re.IGNORECASE)

_PYTHON_BY_LOCK = {
    "uv.lock": "uv run",
    "poetry.lock": "poetry run python",
    "pdm.lock": "pdm run python",
    "pixi.lock": "pixi run python",
}
_MAX_SCRIPTS = 200


@dataclass(frozen=True, slots=True)
class Command:
    """A command that the repository is run by.

    Attributes:
        starts: The files behind it.
        source: Where it is named; None for the user's own.
        certainty: How sure it is that this is what should be measured.
    """

    text: str
    starts: Started
    source: Source | None
    why: str
    certainty: Certainty = Certainty.STATED
    score: int = 0

    @property
    def script(self) -> str | None:
        """The file of the repository that does the work, where that shows."""
        return self.starts.script


def find_measure(files: Mapping[str, str], lines: list[Line], editable: list[str]) -> list[Command]:
    """Commands that may be the one to measure, the best first."""
    stated = _ranked(files, list(_from_documents(files, lines)), editable)
    if stated:
        return stated
    targets = _ranked(files, list(_from_build_files(files)), editable)
    return targets or _from_names(files)


def given_measure(files: Mapping[str, str], text: str) -> Command:
    """The user's own command, with the script that it starts where that shows."""
    starts = next((started for _, started in recognise(text, files)), Started(None, text))
    return Command(text, starts, None, "given")


def _ranked(
    files: Mapping[str, str], commands: list[Command], editable: list[str]
) -> list[Command]:
    best: dict[str, Command] = {}
    for command in commands:
        score = command.score + _score(files, command, editable)
        known = best.get(command.text)
        if known is None:
            best[command.text] = replace(command, score=score)
        else:
            best[command.text] = replace(known, score=max(known.score, score) + 1)
    useful = [command for command in best.values() if command.score > 0]
    return sorted(useful, key=lambda command: -command.score)


def _score(files: Mapping[str, str], command: Command, editable: list[str]) -> int:
    purpose = command.starts.purpose.lower()
    score = 3 * bool(MEASURING.search(purpose)) - 6 * bool(_PREPARING.search(purpose))
    if command.script is not None:
        score += 3 * (command.script in editable) + 2 * _reports(files, command.script)
    return score


def _reports(files: Mapping[str, str], script: str) -> bool:
    tree = parse(files[script]) if script.endswith(".py") else None
    return tree is not None and bool(printed_names(tree))


def _from_documents(files: Mapping[str, str], lines: list[Line]) -> Iterator[Command]:
    for line in lines:
        texts = _SPAN.findall(line.text) if line.fence is None else [line.text]
        score = 2 * line.instructs + bool(_SPEAKS_OF_RUNS.search(line.text))
        for text in texts:
            for command, starts in recognise(text, files):
                yield Command(command, starts, line.source, "named in the documents", score=score)


def _from_build_files(files: Mapping[str, str]) -> Iterator[Command]:
    likely = Certainty.LIKELY
    why = "called so"
    for target, number, _ in make_targets(files):
        starts = make_target(target, files) if MEASURING.search(target) else None
        if starts is not None:
            yield Command(f"make {target}", starts, Source(MAKEFILE, number), why, likely)
    for name in _npm_scripts(files.get("package.json", "{}")):
        starts = Started(None, name)
        yield Command(f"npm run {name}", starts, Source("package.json"), why, likely)
    benches = next((path for path in sorted(files) if re.fullmatch(r"benches/.*\.rs", path)), None)
    if benches is not None and "Cargo.toml" in files:
        starts = Started(None, "bench")
        yield Command("cargo bench", starts, Source(benches), "a cargo benchmark", likely)


def _npm_scripts(package: str) -> list[str]:
    try:
        scripts = json.loads(package).get("scripts", {})
    except (ValueError, AttributeError, RecursionError):
        return []
    names = scripts if isinstance(scripts, dict) else {}
    return [name for name in names if re.fullmatch(r"[\w:.-]+", name)]


def _from_names(files: Mapping[str, str]) -> list[Command]:
    scripts = [path for path in files if path.endswith(".py") and not _is_test(path)]
    scripts = sorted(scripts, key=lambda path: (path.count("/"), path))[:_MAX_SCRIPTS]
    prefix = next((run for lock, run in _PYTHON_BY_LOCK.items() if lock in files), "python")
    commands = [
        Command(
            f"{prefix} {shlex.quote(path)}",
            Started(path, PurePosixPath(path).stem),
            Source(path),
            "its name" if MEASURING.search(path.lower()) else "it prints a value by name",
            Certainty.GUESS,
            score=-path.count("/"),
        )
        for path in scripts
    ]
    ranked = _ranked(files, commands, [])
    if not ranked and len(commands) == 1:
        ranked = [replace(commands[0], why="the only script")]
    return ranked


def _is_test(path: str) -> bool:
    name = PurePosixPath(path).name
    return name.startswith(("test_", "_", "setup.py")) or "tests/" in path


def as_finding(commands: list[Command]) -> Finding[str] | None:
    """The best command, the next three as alternatives."""
    if not commands:
        return None
    best = commands[0]
    others = tuple(other.text for other in commands[1:4] if 2 * other.score >= best.score)
    return Finding(best.text, best.why, best.certainty, best.source, others)
