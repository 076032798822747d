"""A discovery as a study file that explains itself."""

import json
import re
from collections.abc import Iterable, Sequence
from textwrap import shorten

from overnight.discover.findings import Certainty, Discovery, Finding
from overnight.discover.timing import duration_text

_HEADER = """\
# What `overnight run` optimises, how it is measured, and what a proposal may change.
# Written by `overnight init`; check it, then commit it or leave it untracked.
"""
_COMMENT_COLUMN = 34
_TRAINING_TIME = re.compile(r"train(?:ing)?_(?:time|seconds|s|time_s)", re.IGNORECASE)
_LONGEST_ALTERNATIVE = 60


def missing(discovery: Discovery) -> list[str]:
    """The flags that would give what a study file needs and nothing was found for."""
    needed = {
        "--metric": discovery.metric,
        "--goal": discovery.goal,
        "--editable": discovery.editable,
        "--measure": discovery.measure,
    }
    return [flag for flag, found in needed.items() if not found]


def render(
    discovery: Discovery, *, researcher: Finding[str], program: str, model: str | None = None
) -> str:
    """The text of ``overnight.toml``.

    Raises:
        ValueError: Something that it needs is missing.
    """
    found = discovery
    if found.metric is None or found.goal is None or found.measure is None or not found.editable:
        raise ValueError(f"nothing is known about {', '.join(missing(found))}")
    sections = [
        [_HEADER.rstrip()],
        [_string("name", found.name), f"program = {quote(program)}"],
        ["[metric]", _string("name", found.metric), _string("goal", found.goal)],
        ["[scope]", *_list("editable", found.editable), *_list("protected", found.protected)],
        _setup(found.setup),
        [
            "[measure]",
            _string("command", found.measure),
            _deadline(found.deadline_s),
            *_claimed_time(found.reported),
        ],
        _sandbox(found.home_paths),
        ["[gate]", _line("ties", '"discard"', "or keep, or simpler")],
        ["[researcher]", _string("kind", researcher), *_model(model)],
        ["[budget]", _line("hours", "8", "also: trials, agent_tokens, money_usd")],
    ]
    sections[2] += _constraint(found.constraint)
    return "\n\n".join("\n".join(lines) for lines in sections if lines) + "\n"


def quote(text: str) -> str:
    """Text as a TOML basic string; what Unicode cannot encode becomes U+FFFD."""
    clean = re.sub(r"[\ud800-\udfff]", "\ufffd", text)
    return json.dumps(clean, ensure_ascii=False).replace("\x7f", "\\u007f")


def _line(key: str, value: str, comment: str) -> str:
    return f"{key} = {value}".ljust(_COMMENT_COLUMN - 2) + f"  # {_one_line(comment)}"


def _one_line(text: str) -> str:
    """Text that may stand in a TOML comment."""
    return re.sub(r"[^\S ]|[\x00-\x1f\x7f\ud800-\udfff]", " ", text)


def _string(key: str, finding: Finding[str]) -> str:
    return _line(key, quote(finding.value), _remark(finding))


def _remark(finding: Finding[str]) -> str:
    remark = finding.origin
    if finding.certainty is Certainty.GUESS:
        remark = f"a guess; {remark}"
    if finding.alternatives:
        others = [shorten(other, _LONGEST_ALTERNATIVE) for other in finding.alternatives]
        remark += f"; or {', '.join(others)}"
    return remark


def _list(key: str, findings: Iterable[Finding[str]]) -> list[str]:
    items = list(findings)
    if len(items) < 2:
        value = ", ".join(quote(item.value) for item in items)
        remark = _remark(items[0]) if items else "nothing found that judges a run"
        return [_line(key, f"[{value}]", remark)]
    entries = [
        f"    {quote(item.value)},".ljust(_COMMENT_COLUMN - 2) + f"  # {_one_line(_remark(item))}"
        for item in items
    ]
    return [f"{key} = [", *entries, "]"]


def _constraint(finding: Finding[str] | None) -> list[str]:
    if finding is None:
        return ['# constraints = ["some_metric <= 1000"]  # any number that the run prints']
    line = _line("constraints", f"[{quote(finding.value)}]", _remark(finding))
    return [f"# {line}"]


def _setup(finding: Finding[str] | None) -> list[str]:
    if finding is None:
        return []
    remark = "runs in every fresh checkout, not timed"
    return [f"[setup]  # {remark}", _string("command", finding), 'deadline = "10m"']


def _claimed_time(reported: Iterable[Finding[str]]) -> list[str]:
    """A suggestion where the run reports how long it trained."""
    times = [metric for metric in reported if _TRAINING_TIME.fullmatch(metric.value)]
    if not times:
        return []
    value = f'{{ metric = {quote(times[0].value)}, clock = "wall" }}'
    return [f"# claimed_time = {value}  # hold it against the harness's own clock"]


def _sandbox(home_paths: Sequence[Finding[str]]) -> list[str]:
    if not home_paths:
        return []
    return ["[sandbox]  # what programs can see beside their checkout", *_list("read", home_paths)]


def _deadline(finding: Finding[float]) -> str:
    return _line("deadline", quote(duration_text(finding.value)), finding.origin)


def _model(model: str | None) -> list[str]:
    if model is not None:
        return [f"model = {quote(model)}"]
    return ['# model = "..."                   # the agent\'s own default where this is not set']
