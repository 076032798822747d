"""Which number to optimise, and which way."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from overnight.discover.findings import Certainty, Finding, Source
from overnight.discover.prose import Line
from overnight.discover.python_source import local_imports, parse, printed_names
from overnight.types import Goal


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_MINIMISED = _words(
    "loss bpb bpc nll error err errors perplexity ppl latency ms us ns s sec secs second seconds"
    " time duration elapsed runtime mse rmse mae wer cer fid regret cost memory mem vram rss mb gb"
    " kb bytes size kl misses brier ece"
)
_MAXIMISED = _words(
    "acc accuracy score f1 auc auroc roc precision recall throughput reward return returns bleu"
    " rouge r2 ndcg mrr map iou miou dice psnr ssim fps qps rps tps speedup speed elo hits winrate"
    " bandwidth gflops tflops mfu"
)
_SECONDARY = re.compile(
    r"(?:^|_)(?:peak|max|num|total|n|train|training|mem|memory|vram|rss|mfu|step|steps|epoch"
    r"|epochs|lr|seed|params|depth|startup|compile)(?:_|$)",
    re.IGNORECASE,
)
_PRIMARY = re.compile(
    r"(?:^|_)(?:val|valid|validation|test|eval|final|best|mean|median|p50)(?:_|$)"
)
_MEMORY = re.compile(r"(?:^|_)(?:vram|rss|mem|memory|ram|gpu)\w*(?:_|$)", re.IGNORECASE)
_SUPERLATIVE = re.compile(
    r"\b(?:(lowest|smallest|minimi[sz]\w*)|(highest|largest|maximi[sz]\w*))\b\s*"
    r"((?:[`*\"']*[A-Za-z_][\w./-]*[`*\"':]*\s*){1,4})",
    re.IGNORECASE,
)
_IS_BETTER = re.compile(
    r"\b(?:(lower|smaller|less)|(higher|larger|more|bigger))\s+(?:is|=|are)\s+better", re.IGNORECASE
)
_THE_METRIC = re.compile(
    r"\b(?:metric|objective|target)\b(?:\s+is|\s*:)\s*[`*\"']*([A-Za-z_][\w./-]*)", re.IGNORECASE
)
_IDENTIFIER = re.compile(r"(?<![\w./-])[A-Za-z_][\w./-]*\w")
_SAMPLE = re.compile(
    r"\s*([A-Za-z_][\w./-]*)\s*[:=]\s*([-+]?\d[\d_]*(?:\.\d+)?(?:[eE][-+]?\d+)?)\s*%?"
)
_LOG_WORDS = _words("warning note info debug usage saved loading device gpu dataset")
_AT_MOST = r"[^.;]*?(?:<=|at or below|at most|below|under|exceed)\s*`?(\d[\d_,]*)"
_SETTINGS_LANGUAGES = ("yaml", "yml", "toml", "ini", "python", "py", "json", "env")


@dataclass(frozen=True, slots=True)
class Reported:
    """A name that a run prints, and where the script does it."""

    name: str
    source: Source
    in_loop: bool = False
    sample: float | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """What a document says about the objective; either half may be missing."""

    name: str | None
    goal: Goal | None
    source: Source


def goal_of_name(name: str) -> Goal | None:
    """The direction that a metric's name implies, or None where it says nothing or both."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    words = [word for word in re.split(r"[_./-]+", spaced) if word]
    if any(a == "per" and b in ("s", "sec", "second") for a, b in pairwise(words)):
        return Goal.MAXIMIZE
    down, up = _MINIMISED.intersection(words), _MAXIMISED.intersection(words)
    if bool(down) == bool(up):
        return None
    return Goal.MINIMIZE if down else Goal.MAXIMIZE


def find_reported(
    files: Mapping[str, str], script: str | None, lines: list[Line]
) -> list[Reported]:
    """Names that the measured script prints, else those in the output that documents show."""
    samples = _samples(lines)
    found: dict[str, Reported] = {}
    for path in _with_imports(files, script):
        tree = parse(files[path])
        for printed in printed_names(tree) if tree is not None else []:
            if printed.name.lower() in _LOG_WORDS:
                continue
            sample = samples.get(printed.name)
            found.setdefault(
                printed.name,
                Reported(
                    printed.name,
                    Source(path, printed.line),
                    printed.in_loop,
                    sample.sample if sample else None,
                ),
            )
    return list(found.values()) or list(samples.values())


def _with_imports(files: Mapping[str, str], script: str | None) -> list[str]:
    if script is None or not script.endswith(".py"):
        return []
    tree = parse(files[script])
    return [script, *local_imports(script, tree, files)] if tree is not None else []


def _samples(lines: list[Line]) -> dict[str, Reported]:
    found: dict[str, Reported] = {}
    for line in lines:
        if line.fence is None or line.fence in _SETTINGS_LANGUAGES:
            continue
        match = _SAMPLE.fullmatch(line.text)
        if match is not None:
            value = float(match[2].replace("_", ""))
            found.setdefault(match[1], Reported(match[1], line.source, sample=value))
    return found


def find_claims(lines: list[Line], reported: list[Reported]) -> list[Claim]:
    """What the documents call the metric and which way they want it."""
    names = {metric.name for metric in reported}
    claims: list[Claim] = []
    for line in lines:
        text = line.text
        for match in _SUPERLATIVE.finditer(text):
            goal = Goal.MINIMIZE if match[1] else Goal.MAXIMIZE
            named = _first_metric(match[3], names)
            if named is not None:
                claims.append(Claim(named, goal, line.source))
        for match in _IS_BETTER.finditer(text):
            goal = Goal.MINIMIZE if match[1] else Goal.MAXIMIZE
            claims.append(Claim(_first_metric(text[: match.start()], names), goal, line.source))
        claims += [
            Claim(_first_metric(match[1], names), None, line.source)
            for match in _THE_METRIC.finditer(text)
        ]
    return claims


def _first_metric(text: str, names: set[str]) -> str | None:
    words: list[str] = _IDENTIFIER.findall(text)
    exact = next((word for word in words if word in names), None)
    if exact is not None:
        return exact
    for word in words:
        if goal_of_name(word) is None:
            continue
        holders = [name for name in names if word.lower() in re.split(r"[_./-]", name.lower())]
        if holders:
            return min(holders, key=lambda name: (not _PRIMARY.search(name.lower()), name))
        if "_" in word or not names:
            return word
    return None


def choose_metric(reported: list[Reported], claims: list[Claim]) -> Finding[str] | None:
    """The metric that the documents name, else the most telling one that is printed."""
    ranked = sorted(reported, key=_rank)
    others = [metric.name for metric in ranked if _rank(metric) < 2]
    claim = next((claim for claim in claims if claim.name is not None), None)
    if claim is not None and claim.name is not None:
        why = "named as the objective"
        if any(metric.name == claim.name for metric in reported):
            return Finding(claim.name, why, Certainty.STATED, claim.source)
        why += ", but nothing seems to print it"
        return Finding(claim.name, why, Certainty.GUESS, claim.source, tuple(others[:3]))
    if not ranked:
        return None
    best = ranked[0]
    alone = len(others) <= 1 and goal_of_name(best.name) is not None
    return Finding(
        best.name,
        "the script prints it",
        Certainty.LIKELY if alone else Certainty.GUESS,
        best.source,
        tuple(name for name in others if name != best.name)[:3],
    )


def _rank(metric: Reported) -> float:
    rank = 0.0 if goal_of_name(metric.name) is not None else 1.0
    rank += 1.0 * bool(_SECONDARY.search(metric.name)) + 0.25 * metric.in_loop
    return rank - 0.5 * bool(_PRIMARY.search(metric.name.lower()))


def choose_goal(metric: Finding[str] | None, claims: list[Claim]) -> Finding[Goal] | None:
    """Which way the documents want the metric, else which way its name implies."""
    if metric is None:
        return None
    for claim in claims:
        if claim.goal is not None and claim.name == metric.value:
            return Finding(claim.goal, "the documents say so", Certainty.STATED, claim.source)
    implied = goal_of_name(metric.value)
    if implied is not None:
        return Finding(implied, f"the usual direction of {metric.value}", Certainty.LIKELY)
    general = next((claim for claim in claims if claim.name is None and claim.goal), None)
    if general is not None and general.goal is not None:
        return Finding(general.goal, "the documents say so", Certainty.LIKELY, general.source)
    return None


def suggest_constraint(
    reported: list[Reported], metric: Finding[str] | None, lines: list[Line]
) -> Finding[str] | None:
    """A bound on the memory that runs report: the documents' own, else above their example."""
    for candidate in reported:
        name = candidate.name
        if metric is not None and name == metric.value:
            continue
        if _MEMORY.search(name) and goal_of_name(name) is Goal.MINIMIZE:
            stated = _stated_bound(name, lines)
            if stated is not None:
                return stated
            bound = f"{_round_up(candidate.sample):.0f}" if candidate.sample else "8000"
            why = "the script reports it" if candidate.sample else "the bound is an example"
            return Finding(f"{name} <= {bound}", why, Certainty.GUESS, candidate.source)
    return None


def _stated_bound(name: str, lines: list[Line]) -> Finding[str] | None:
    pattern = re.compile(rf"\b{re.escape(name)}\b{_AT_MOST}", re.IGNORECASE)
    for line in lines:
        match = pattern.search(line.text)
        if match is not None:
            bound = re.sub(r"[_,]", "", match[1])
            why = "the documents' bound"
            return Finding(f"{name} <= {bound}", why, Certainty.STATED, line.source)
    return None


def _round_up(value: float) -> float:
    step = 10.0 ** (len(str(int(abs(value)))) - 2)
    return -(-abs(value) // step) * step
