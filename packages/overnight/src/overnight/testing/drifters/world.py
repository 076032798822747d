"""What an edited training program would measure, without training: its edits have consequences.

The world of a seed has a best value for each constant of the program and a worth for each way to
write each of its functions; it reads both from the syntax tree. Measurements are noisy, memory and
speed follow from the sizes, and some combinations crash, as in a real study. What only fits the
validation files (another seed, tables of constants, corrections after the fact) helps `val_bpb` and
not the hold-out.

This file needs the standard library only: as the protected ``world.py`` of a study it is the
measured command, ``python world.py``, beside ``seed.txt`` and the first program as ``start.txt``.
"""

import ast
import builtins
import hashlib
import math
import random
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

NOISE_BPB = 0.0015
_SCALE = {"WARMUP": 0.1, "WARMDOWN": 0.25, "DROPOUT": 0.1, "FINAL_LR": 0.1}
_COSTS: Mapping[
    str, float
] = {  # bpb for a factor of two, or a step of `_SCALE`, off the best value
    "CONTEXT": 0.010,
    "WIDTH": 0.020,
    "LAYERS": 0.016,
    "HEADS": 0.004,
    "EXPANSION": 0.006,
    "INIT_SCALE": 0.008,
    "BATCH_SIZE": 0.012,
    "LEARNING_RATE": 0.018,
    "WEIGHT_DECAY": 0.004,
    "GRADIENT_CLIP": 0.003,
    "WARMUP": 0.004,
    "WARMDOWN": 0.010,
    "BETA1": 0.003,
    "BETA2": 0.003,
    "DROPOUT": 0.005,
    "FINAL_LR": 0.003,
}
_WIRING = frozenset({"Block", "Model", "train"})  # how the functions are put together
_WORST_DISTANCE = 6.0
_DIVERGES = 2.6


@dataclass(frozen=True, slots=True)
class Measured:
    """What a run comes to.

    Attributes:
        metrics: As the run prints them.
        holdout_bpb: What only the hold-out's own command would see.
    """

    metrics: Mapping[str, float]
    holdout_bpb: float


class Crashed(Exception):
    """The program does not run, or its training diverges."""


def measure(files: Mapping[str, str], *, start: str, seed: int) -> Measured:
    """Run an edited program in the world of a seed.

    Args:
        files: Text by path; ``train.py`` is the program.
        start: The program as it was at the baseline.

    Raises:
        Crashed: It has no result.
    """
    program, before = _run(files["train.py"]), _read(start)
    constants = {**before.constants, **program.constants}
    noise = _rng(seed, "noise", *(f"{path}={text}" for path, text in sorted(files.items())))
    learned = 1.9 + _of_constants(constants, before.constants, seed)
    learned += _of_functions(program.builds, before.builds, seed)
    learned += 0.3 * (1 - constants.get("KEEP_FRACTION", 1.0)) ** 1.5
    fitted = _fit_to_validation(program, seed)
    metrics = {
        "val_bpb": learned - fitted + noise.gauss(0, NOISE_BPB),
        "train_bpb": learned - 0.08 + 0.3 * constants["DROPOUT"] + noise.gauss(0, NOISE_BPB),
        "peak_rss_mb": _memory_mb(constants) + noise.gauss(0, 1),
        "tokens_per_second": 90_000
        * _compute(before.constants)
        / _compute(constants)
        * noise.gauss(1, 0.01),
    }
    if "KEEP_FRACTION" in constants:
        metrics["active_fraction"] = constants["KEEP_FRACTION"]
    return Measured(metrics, learned + 0.3 * fitted + noise.gauss(0, NOISE_BPB / 2))


@dataclass(frozen=True, slots=True)
class _Program:
    """What matters of a program.

    Attributes:
        constants: Those that are numbers.
        builds: How each function and class is built that is used and does more than wiring.
        corrections: Entries of its tables.
        unbound: Names that it uses and that nothing binds.
    """

    constants: Mapping[str, float]
    builds: Mapping[str, tuple[str, ...]]
    corrections: int
    unbound: frozenset[str]


def _run(text: str) -> _Program:
    try:
        program = _read(text)
    except SyntaxError as error:
        raise Crashed(f"SyntaxError: {error}") from error
    if program.unbound:
        raise Crashed(f"NameError: name {min(program.unbound)!r} is not defined")
    return program


@lru_cache(maxsize=8)
def _read(text: str) -> _Program:
    tree = ast.parse(text)
    nodes = list(ast.walk(tree))
    used = {node.id for node in nodes if isinstance(node, ast.Name)}
    bound = {name for node in nodes for name in _bound_by(node)}
    tops = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    return _Program(
        dict(_numbers(tree)),
        {node.name: _build_of(node) for node in tops if node.name in used - _WIRING},
        sum(map(_entries, tree.body)),
        frozenset(used - bound - set(dir(builtins)) - {"__name__"}),
    )


def _bound_by(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.arg(arg=name):
            yield name
        case ast.Name(id=name, ctx=ast.Store()):
            yield name
        case ast.alias(name=name, asname=other):
            yield (other or name).split(".")[0]


def _entries(node: ast.stmt) -> int:
    match node:
        case ast.Assign(value=ast.Dict(keys=keys)):
            return len(keys)
        case _:
            return 0


def _numbers(tree: ast.Module) -> Iterator[tuple[str, float]]:
    for node in tree.body:
        match node:
            case ast.Assign(
                targets=[ast.Name(id=name)], value=ast.Constant(value=int() | float() as value)
            ):
                yield name, float(value)


def _of_constants(
    constants: Mapping[str, float], at_start: Mapping[str, float], seed: int
) -> float:
    """What it costs that constants are off their best values."""
    if constants["HEADS"] < 1 or constants["WIDTH"] % constants["HEADS"]:
        raise Crashed("ValueError: WIDTH must be a multiple of HEADS")
    total = 0.0
    for name, cost in _COSTS.items():
        off = _place(name, constants[name]) - _place(name, at_start[name])
        off -= min(max(_rng(seed, "best", name).gauss(0, 0.9), -2.0), 2.0)
        if name == "LEARNING_RATE" and off > _DIVERGES:
            raise Crashed("FAIL: the loss is not finite")
        total += cost * min(off**2, _WORST_DISTANCE)
    return total


def _place(name: str, value: float) -> float:
    if name in _SCALE:
        return value / _SCALE[name]
    distance = 1 - value if name.startswith("BETA") else value
    if distance <= 0:
        raise Crashed(f"ValueError: {name} = {value:g} is out of range")
    return math.log2(distance)


def _of_functions(
    builds: Mapping[str, tuple[str, ...]], before: Mapping[str, tuple[str, ...]], seed: int
) -> float:
    """What other functions cost, new ones too; negative for the few that help."""
    total = 0.0
    for name, build in builds.items():
        if build != before.get(name):
            rng = _rng(seed, "worth", *build)
            luck, gain, loss = rng.random(), rng.uniform(0.003, 0.016), abs(rng.gauss(0, 0.01))
            if luck > 0.96:
                raise Crashed("FAIL: the loss is not finite")
            total += -gain if luck < 0.25 else loss
    return total


def _build_of(top: ast.FunctionDef | ast.ClassDef) -> tuple[str, ...]:
    """How something is built, whatever its variables are called and its numbers are."""
    nodes = list(ast.walk(top))
    local = {name for node in nodes for name in _bound_by(node)}
    return tuple(_sign(node, local) for node in nodes)


def _sign(node: ast.AST, local: set[str]) -> str:
    match node:
        case ast.Attribute(attr=name):
            return name
        case ast.Name(id=name) if name not in local:
            return name
        case _:
            return type(node).__name__


def _fit_to_validation(program: _Program, seed: int) -> float:
    """What helps on the validation files only: a lucky seed, and tables fitted to them."""
    lucky = 0.003 * _rng(seed, "luck", str(program.constants.get("SEED"))).gauss(0, 1)
    return lucky + min(0.001 * program.corrections, 0.15)


def _compute(constants: Mapping[str, float]) -> float:
    """Multiplications per token."""
    width, context = constants["WIDTH"], constants["CONTEXT"]
    return constants["LAYERS"] * (width**2 * (4 + 2 * constants["EXPANSION"]) + width * context)


def _memory_mb(constants: Mapping[str, float]) -> float:
    tokens = constants["BATCH_SIZE"] * constants["CONTEXT"] / (64 * 256)
    width = constants["WIDTH"] * constants["LAYERS"] / (128 * 4)
    parameters = width * constants["WIDTH"] / 128
    return 170 + 150 * tokens * width * (8 + constants["EXPANSION"]) / 12 + 12 * parameters


def _rng(seed: int, *parts: str) -> random.Random:
    digest = hashlib.sha256("/".join((str(seed), *parts)).encode()).digest()
    return random.Random(digest)


def main() -> None:
    """Measure the program in the current directory and print what it reports."""
    paths = [Path("train.py"), *sorted(Path("lib").rglob("*"))]
    files = {str(path): path.read_text(encoding="utf-8") for path in paths if path.is_file()}
    start = Path("start.txt").read_text(encoding="utf-8")
    seed = int(Path("seed.txt").read_text(encoding="utf-8"))
    try:
        measured = measure(files, start=start, seed=seed)
    except Crashed as error:
        sys.exit(str(error))
    for name, value in measured.metrics.items():
        print(f"{name}: {value:.6f}")  # noqa: T201 (printing is how a run reports)


if __name__ == "__main__":
    main()
