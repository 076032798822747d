"""Reading a line of shell: which command it is, and which file of the repository it starts."""

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

MAKEFILE = "Makefile"
_MAX_LINE = 500
_PLACEHOLDER = re.compile(r"<[\w -]+>|\.\.\.|…|path/to|\{|\$\(|`")
_PROMPT = re.compile(r"^\s*(?:[$%]|>>?)\s+")
_AFTER_COMMAND = re.compile(r"\s+#\s.*|\s*\d?>.*|\s*\|.*|\s*<.*|\s*&\s*$")
_DEVICE = re.compile(r"\bCUDA_VISIBLE_DEVICES=\S*\s+")
_TARGET = re.compile(r"^([A-Za-z][\w.-]*)\s*:(?![=:])")

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


@dataclass(frozen=True, slots=True)
class Started:
    """What a command starts.

    Attributes:
        script: The file of the repository that does the work; None where that does not show.
        purpose: The words that say what it is for: the script's name, the target.
        launcher: The Makefile or shell script in between, if there is one.
    """

    script: str | None
    purpose: str
    launcher: str | None = None


def recognise(line: str, files: Mapping[str, str]) -> Iterator[tuple[str, Started]]:
    """The commands in a line that start something of this repository, cleaned of redirections."""
    if _PLACEHOLDER.search(line) or len(line) > _MAX_LINE:
        return
    for part in re.split(r"&&|;", _PROMPT.sub("", line)):
        text = _DEVICE.sub("", _AFTER_COMMAND.sub("", part)).strip()
        try:
            words = shlex.split(text)
        except ValueError:
            continue
        started = _start(words, files)
        if started is not None:
            yield text, started


def make_target(target: str, files: Mapping[str, str]) -> Started | None:
    """What a target of the Makefile starts, or None where there is no such target."""
    for name, _, lines in make_targets(files):
        if name == target:
            return Started(_script_in(lines, files), target, MAKEFILE)
    return None


def make_targets(files: Mapping[str, str]) -> list[tuple[str, int, list[str]]]:
    """The Makefile's targets, each with its line and its recipe."""
    targets: list[tuple[str, int, list[str]]] = []
    for number, line in enumerate(files.get(MAKEFILE, "").splitlines(), start=1):
        header = _TARGET.match(line)
        if header is not None:
            targets.append((header[1], number, []))
        elif line.startswith("\t") and targets:
            targets[-1][2].append(line.strip().lstrip("@-"))
    return targets


def _start(words: list[str], files: Mapping[str, str]) -> Started | None:
    inner = _without_wrappers(words)
    if not inner:
        return None
    program, rest = inner[0], inner[1:]
    own = program.removeprefix("./")
    if own in files and (program.startswith("./") or inner != words):
        return _start_file(own, files)
    if _INTERPRETERS.fullmatch(program):
        return _start_interpreted(rest, files)
    if program == "make":
        target = next((word for word in rest if re.fullmatch(r"\w[\w.-]*", word)), "")
        return make_target(target, files)
    verb = next((word for word in rest if not word.startswith("-")), "")
    if program in _TOOLS and ("" in _TOOLS[program] or verb in _TOOLS[program]):
        return Started(None, " ".join(inner))
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


def _start_interpreted(rest: list[str], files: Mapping[str, str]) -> Started | None:
    if "-m" in rest[:-1]:
        module = rest[rest.index("-m") + 1]
        if module == "pytest":
            return Started(None, " ".join(rest))
        stem = module.replace(".", "/")
        paths = [f"{root}{stem}{end}" for root in ("", "src/") for end in (".py", "/__main__.py")]
    else:
        paths = [word.removeprefix("./") for word in rest]
    script = next((path for path in paths if path in files), None)
    return None if script is None else _start_file(script, files)


def _start_file(path: str, files: Mapping[str, str]) -> Started:
    purpose = PurePosixPath(path).stem
    script = _script_in(files[path].splitlines(), files) if path.endswith(".sh") else None
    return Started(script, purpose, path) if script is not None else Started(path, purpose)


def _script_in(lines: Iterable[str], files: Mapping[str, str]) -> str | None:
    without_texts = dict.fromkeys(files, "")  # scripts and recipes may call themselves, endlessly
    for line in lines:
        for _, started in recognise(line, without_texts):
            return started.script
    return None
