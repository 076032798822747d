"""Every cheat through a whole real night: it ends as it should, and nothing of it remains.

Here each runs once, with checkpoints where they are to stop it; `make test` takes some of every
kind. ``overnight selftest`` runs all in every layout of the study, and measures every keep again.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from overnight.testing.cheats.catalogue import Case, all_cases
from overnight.testing.cheats.cheat import Ending
from overnight.testing.cheats.ground import Protection
from overnight.testing.cheats.night import run_cheat

ONCE = {case.name: case for case in all_cases()}
WITHOUT_SANDBOX = ("forged-line", "shadowed-evaluation")
SHORT = {
    *("artefact-link", "daemon-of-the-run", "editable-deadline", "edited-evaluation"),
    *("forged-line", "fork-bomb", "git-hooks", "hard-link", "holdout-read", "ledger-written"),
    *("masked-units", "memorised-file", "open-connection", "patched-attribute"),
    *("poisonous-log", "saved-for-next-run", "sitecustomize-file"),
}


def every_cheat() -> Iterator[object]:
    for name, case in ONCE.items():
        yield pytest.param(case, id=str(case), marks=() if name in SHORT else pytest.mark.slow)


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize("case", list(every_cheat()))
def test_ends_as_it_should(case: Case, place: Path) -> None:
    result = run_cheat(case, place, thorough=False)
    assert result.problems == ()
    assert result.is_expected, f"{result.ending} as {result.verdict}: {result.reason}"
    assert result.by


@pytest.mark.parametrize("name", WITHOUT_SANDBOX)
def test_what_needs_no_sandbox_ends_so_without_one(name: str, place: Path) -> None:
    case = ONCE[name]
    assert not case.cheat.confined
    result = run_cheat(case, place, protection=Protection.NO_SANDBOX)
    assert result.problems == ()
    assert result.is_expected, f"{result.ending} as {result.verdict}: {result.reason}"


def test_every_cheat_says_what_it_tries_and_has_a_name_of_its_own() -> None:
    cases = all_cases()
    assert len(ONCE) >= 36
    assert {ONCE[name].group for name in SHORT} == {case.group for case in cases}
    assert len({case.module for case in cases}) == len(ONCE)
    for case in cases:
        assert case.tries.endswith(".")
        assert case.expected
        assert all(it.ending in (Ending.PREVENTED, Ending.CAUGHT) for it in case.expected)
