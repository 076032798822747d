"""How long one measured run may take."""

import math
import re
from collections.abc import Mapping

from overnight.discover.findings import Certainty, Finding, Source
from overnight.discover.prose import Line
from overnight.discover.python_source import Duration, durations, local_imports, parse

DEFAULT_DEADLINE_S = 600.0
_STARTUP_S = 60.0
_BUDGET = re.compile(
    r"(?:TIME|WALL_?CLOCK|TRAIN(?:ING)?)_(?:BUDGET|LIMIT)|(?:MAX|TRAIN(?:ING)?)_(?:TIME|SECONDS|MINUTES)"
    r"|MAX_(?:TRAIN(?:ING)?|WALL|RUN)_?\w*(?:TIME|SECONDS|MINUTES)|^BUDGET_(?:S|SEC|SECONDS|MINUTES)$"
    r"|^RUN_?TIME|^DURATION",
    re.IGNORECASE,
)
_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0}
_AMOUNT = r"(\d+(?:\.\d+)?)[\s-]*(s(?:ec(?:ond)?s?)?|m(?:in(?:ute)?s?)?|h(?:ours?)?)\b"
_LIMIT = re.compile(
    rf"\b(?:exceeds?|longer than|more than|kill\w* after)\s+{_AMOUNT}", re.IGNORECASE
)
_SPOKEN_BUDGET = re.compile(rf"time budget of {_AMOUNT}|{_AMOUNT}[\s*]+time budget", re.IGNORECASE)


def find_deadline(
    files: Mapping[str, str], script: str | None, lines: list[Line]
) -> Finding[float]:
    """Twice the script's own time budget, else what the documents say, else ten minutes."""
    return (
        _from_source(files, script)
        or _from_documents(lines)
        or Finding(DEFAULT_DEADLINE_S, "a default: no time budget found", Certainty.GUESS)
    )


def _from_source(files: Mapping[str, str], script: str | None) -> Finding[float] | None:
    tree = parse(files[script]) if script is not None and script.endswith(".py") else None
    if script is None or tree is None:
        return None
    for path in (script, *local_imports(script, tree, files)):
        module = parse(files[path])
        budgets = [d for d in durations(module) if _is_budget(d)] if module is not None else []
        if budgets:
            found = budgets[0]
            length, rule = _deadline_of(found.seconds)
            why = f"{rule} {found.name} = {found.seconds:g} s"
            return Finding(length, why, Certainty.LIKELY, Source(path, found.line))
    return None


def _is_budget(duration: Duration) -> bool:
    return _BUDGET.search(duration.name) is not None and 1 <= duration.seconds <= 7 * 86400


def _deadline_of(budget_s: float) -> tuple[float, str]:
    if budget_s >= _STARTUP_S:
        return float(math.ceil(2 * budget_s)), "twice"
    return 30.0 * math.ceil((budget_s + _STARTUP_S) / 30), "a minute for the start, on top of"


def _from_documents(lines: list[Line]) -> Finding[float] | None:
    for pattern, factor, why in (
        (_SPOKEN_BUDGET, 2.0, "twice the time budget"),
        (_LIMIT, 1.0, "the documents' limit"),
    ):
        for line in lines:
            match = pattern.search(line.text)
            if match is not None:
                amount, unit = [group for group in match.groups() if group]
                seconds = factor * float(amount) * _UNITS_S[unit[0].lower()]
                if seconds >= 1:
                    return Finding(seconds, why, Certainty.LIKELY, line.source)
    return None


def duration_text(seconds: float) -> str:
    """A duration as study files write it, exactly: ``90s``, ``10m``, ``1h 30m``."""
    if seconds != int(seconds):
        return f"{round(seconds * 1000)}ms"
    minutes, rest_s = divmod(int(seconds), 60)
    if rest_s or minutes == 0:
        return f"{int(seconds)}s"
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours}h"] * (hours > 0) + [f"{minutes}m"] * (minutes > 0)
    return " ".join(parts)
