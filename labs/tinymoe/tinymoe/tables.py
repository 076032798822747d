"""Numeric tables, made where too few are found: no two alike, and the same on every machine."""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from random import Random

Rows = list[list[str]]

FUNCTIONS: Sequence[tuple[str, Callable[[float], float]]] = (
    ("sin", math.sin),
    ("cos", math.cos),
    ("sqrt", math.sqrt),
    ("log", math.log),
    ("exp", lambda x: math.exp(-x)),
    ("atan", math.atan),
    ("erf", math.erf),
)


def generated_tables() -> Iterator[str]:
    """Tables without end, their kinds in turn."""
    for number in count():
        chance = Random(number)
        make = KINDS[number % len(KINDS)]
        yield _laid_out(make(chance), chance)


def function_values(chance: Random) -> Rows:
    """Mathematical functions over an even grid."""
    names, functions = zip(*chance.sample(FUNCTIONS, chance.randint(2, 4)), strict=True)
    start, step = chance.randint(1, 400) / 100, chance.choice((1, 2, 5, 10, 25)) / 100
    digits = chance.randint(3, 6)
    grid = [start + step * row for row in range(chance.randint(20, 60))]
    rows = [[f"{x:.2f}", *(f"{f(x):.{digits}f}" for f in functions)] for x in grid]
    return [["x", *names], *rows]


def integer_powers(chance: Random) -> Rows:
    """Integers with their squares, cubes, remainders and digit sums."""
    start, step, divisor = chance.randint(1, 3000), chance.randint(1, 12), chance.randint(3, 97)
    numbers = range(start, start + step * chance.randint(20, 50), step)
    header = ["n", "n^2", "n^3", f"n mod {divisor}", "digits"]
    rows = [[n, n**2, n**3, n % divisor, sum(map(int, str(n)))] for n in numbers]
    return [header, *([str(value) for value in row] for row in rows)]


def daily_measurements(chance: Random) -> Rows:
    """A random walk by day, with its change and its running mean."""
    value, total = chance.uniform(10, 500), 0.0
    rows = []
    first = chance.randint(0, 20 * 360)
    for day in range(1, chance.randint(20, 60)):
        change = chance.gauss(0, value / 50)
        value += change
        total += value
        year, rest = divmod(first + day, 360)
        date = f"{2000 + year}-{rest // 30 + 1:02d}-{rest % 30 + 1:02d}"
        rows.append([date, f"{value:.2f}", f"{change:+.2f}", f"{total / day:.3f}"])
    return [["date", "value", "change", "mean"], *rows]


def matrix(chance: Random) -> Rows:
    """A matrix of small whole numbers with the sums of its rows."""
    width, scale = chance.randint(4, 9), chance.choice((9, 99, 999))
    rows = [[chance.randint(0, scale) for _ in range(width)] for _ in range(chance.randint(10, 40))]
    header = [f"c{column}" for column in range(width)]
    return [[*header, "sum"], *([*map(str, row), str(sum(row))] for row in rows)]


KINDS = (function_values, integer_powers, daily_measurements, matrix)


def _laid_out(rows: Rows, chance: Random) -> str:
    """Rows with commas, tabs, or as aligned columns."""
    separator = chance.choice((",", "\t", None))
    if separator is not None:
        return "\n".join(separator.join(row) for row in rows) + "\n"
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )
    return "\n".join(lines) + "\n"
