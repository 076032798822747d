"""Every cheat that there is, found by its file: adding one is adding a file."""

import importlib
import inspect
import pkgutil
from dataclasses import dataclass
from functools import cache

from overnight.testing.cheats import by
from overnight.testing.cheats.cheat import Cheat, Expectations, Layout
from overnight.types import Verdict


@dataclass(frozen=True, slots=True)
class Case:
    """A cheat in one layout of the study.

    Attributes:
        module: The cheat's file, as Python imports it.
        tries: What it tries, in one sentence.
    """

    module: str
    tries: str
    cheat: Cheat
    layout: Layout

    @property
    def name(self) -> str:
        """What it is called; the same in every layout."""
        return self.module.rpartition(".")[2].replace("_", "-")

    @property
    def group(self) -> str:
        """What kind of cheat it is."""
        return self.module.split(".")[-2].replace("_", "-")

    @property
    def expected(self) -> Expectations:
        """The endings that are right in this layout."""
        return self.cheat.expected[self.layout]

    @property
    def may_be_kept(self) -> bool:
        """Whether it takes a checkpoint to stop it."""
        return any(right.verdict is Verdict.KEEP for right in self.expected)

    def __str__(self) -> str:
        return f"{self.name} ({self.layout})"


@cache
def all_cases() -> tuple[Case, ...]:
    """Every cheat in every layout that it names, by group and name."""
    modules = sorted(
        module.name
        for module in pkgutil.walk_packages(by.__path__, f"{by.__name__}.")
        if not module.ispkg
    )
    return tuple(case for module in modules for case in _cases(module))


def _cases(name: str) -> list[Case]:
    module = importlib.import_module(name)
    cheat: Cheat = module.CHEAT
    tries = (inspect.getdoc(module) or "").partition("\n\n")[0].replace("\n", " ")
    return [Case(name, tries, cheat, layout) for layout in cheat.expected]
