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

MEASURING = re.compile(r"train|bench|eval|measure|score|experiment|perf|(?<![a-z])(?:run|main)")
_PREPARING = re.compile(
    r"prepare|setup|install|download|plot|analy|visual|preprocess|convert|export|sample|generate"
    r"|demo|lint|format|deploy|serve|token|conftest"
)
_PLACEHOLDER = re.compile(r"<[\w -]+>|\.\.\.|…|path/to|\{|\$\(|`")
_PROMPT = re.compile(r"^\s*(?:[$%]|>>?)\s+")
_AFTER_COMMAND = re.compile(r"\s+#\s.*|\s*\d?>.*|\s*\|.*|\s*<.*|\s*&\s*$")
_DEVICE = re.compile(r"\bCUDA_VISIBLE_DEVICES=\S*\s+")
_SPAN = re.compile(r"`([^`]+)`")
_SPEAKS_OF_RUNS = re.compile(r"launch|experiment|measur|benchmark|train|evaluat", re.IGNORECASE)
_TARGET = re.compile(r"^([A-Za-z][\w.-]*)\s*:(?![=:])", re.MULTILINE)

_WRAPPERS = ("uv", "poetry", "pdm", "pixi", "hatch", "rye", "pipenv")
_INTERPRETERS = re.compile(r"python[\d.]*|torchrun|bash|sh|deepspeed|julia|node|Rscript")
_TOOLS = {
    "pytest": ("",),
    "cargo": ("bench", "run", "test"),
    "go": ("test", "run"),
    "npm": ("run", "test"),
    "zig": ("build",),
    "dotnet": ("run",),
}
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
        script: The file of the repository that it starts, or None where that is unknown.
        purpose: The words that say what it is for: the script's name, the target.
        certainty: How sure it is that this is what should be measured.
    """

    text: str
    script: str | None
    purpose: str
    source: Source | None
    why: str
    certainty: Certainty = Certainty.STATED
    score: int = 0


def find_measure(files: Mapping[str, str], lines: list[Line], editable: list[str]) -> list[Command]:
    """Commands that may be the one to measure, the best first."""
    stated = _ranked(files, list(_from_documents(files, lines)), editable)
    if stated:
        return stated
    targets = _ranked(files, list(_from_build_files(files)), editable)
    return targets or _from_names(files)


def given_measure(files: Mapping[str, str], text: str) -> Command:
    """The user's own command, with the script that it starts where that shows."""
    known = next(recognise(text, files, None), None)
    script, purpose = (known.script, known.purpose) if known is not None else (None, text)
    return Command(text, script, purpose, None, "given")


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
    purpose = command.purpose.lower()
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
            for command in recognise(text, files, line.source):
                yield replace(command, score=score, why="named in the documents")


def recognise(text: str, files: Mapping[str, str], source: Source | None) -> Iterator[Command]:
    """The commands in a line of shell that start something of this repository."""
    if _PLACEHOLDER.search(text) or len(text) > 500:
        return
    for part in re.split(r"&&|;", _PROMPT.sub("", text)):
        clean = _DEVICE.sub("", _AFTER_COMMAND.sub("", part)).strip()
        try:
            words = shlex.split(clean)
        except ValueError:
            continue
        started = _started(words, files)
        if started is not None:
            script, purpose = started
            yield Command(clean, script, purpose, source, "")


def _started(words: list[str], files: Mapping[str, str]) -> tuple[str | None, str] | None:
    inner = _without_wrappers(words)
    if not inner:
        return None
    program, rest = inner[0], inner[1:]
    own = program.removeprefix("./")
    if own in files and (program.startswith("./") or inner != words):
        return own, PurePosixPath(own).stem
    if _INTERPRETERS.fullmatch(program):
        return _interpreted(rest, files)
    if program == "make":
        target = next((word for word in rest if re.fullmatch(r"\w[\w.-]*", word)), "")
        return _make_target(target, files)
    verb = next((word for word in rest if not word.startswith("-")), "")
    if program in _TOOLS and ("" in _TOOLS[program] or verb in _TOOLS[program]):
        return None, " ".join(inner)
    return None


def _without_wrappers(words: list[str]) -> list[str]:
    while words:
        if re.fullmatch(r"[A-Za-z_]\w*=.*", words[0]) or words[0] in ("time", "nohup"):
            words = words[1:]
        elif words[0] in _WRAPPERS and words[1:2] == ["run"]:
            words = words[2:]
            while words and words[0].startswith("--"):
                words = words[1:]
        elif words[:2] == ["accelerate", "launch"]:
            words = ["python", *words[2:]]
        else:
            break
    return words


def _interpreted(rest: list[str], files: Mapping[str, str]) -> tuple[str | None, str] | None:
    if "-m" in rest[:-1]:
        module = rest[rest.index("-m") + 1]
        if module == "pytest":
            return None, " ".join(rest)
        stem = module.replace(".", "/")
        candidates = [
            f"{root}{stem}{end}" for root in ("", "src/") for end in (".py", "/__main__.py")
        ]
        script = next((path for path in candidates if path in files), None)
    else:
        script = next((path for word in rest if (path := word.removeprefix("./")) in files), None)
    return None if script is None else (script, PurePosixPath(script).stem)


def _make_target(target: str, files: Mapping[str, str]) -> tuple[str | None, str] | None:
    recipe = _recipes(files.get("Makefile", "")).get(target)
    if recipe is None:
        return None
    without_makefile = dict.fromkeys(files, "")  # a recipe may call make again, without end
    for line in recipe[1]:
        for command in recognise(line.lstrip("@-"), without_makefile, None):
            return command.script, target
    return None, target


def _recipes(makefile: str) -> dict[str, tuple[int, list[str]]]:
    recipes: dict[str, tuple[int, list[str]]] = {}
    current: list[str] = []
    for number, line in enumerate(makefile.splitlines(), start=1):
        header = _TARGET.match(line)
        if header is not None:
            current = []
            recipes.setdefault(header[1], (number, current))
        elif line.startswith("\t"):
            current.append(line.strip())
    return recipes


def _from_build_files(files: Mapping[str, str]) -> Iterator[Command]:
    likely = Certainty.LIKELY
    for target, (number, _) in _recipes(files.get("Makefile", "")).items():
        script, _ = _make_target(target, files) or (None, "")
        source = Source("Makefile", number)
        yield Command(f"make {target}", script, target, source, "a target of that name", likely)
    if "package.json" in files:
        for name in _npm_scripts(files["package.json"]):
            source = Source("package.json")
            yield Command(f"npm run {name}", None, name, source, "a script of that name", likely)
    benches = next((path for path in sorted(files) if re.fullmatch(r"benches/.*\.rs", path)), None)
    if benches is not None and "Cargo.toml" in files:
        yield Command("cargo bench", None, "bench", Source(benches), "a cargo benchmark", likely)


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
            path,
            PurePosixPath(path).stem,
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
    others = tuple(command.text for command in commands[1:4])
    return Finding(best.text, best.why, best.certainty, best.source, others)
