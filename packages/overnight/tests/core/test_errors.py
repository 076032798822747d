"""The tree of failures is the one that its documentation draws."""

import inspect
import re
from collections.abc import Iterator

import pytest

from overnight import errors
from overnight.errors import OvernightError, ResearcherError, StudyBusy, StudyFileError
from overnight.types import Usage

CLASSES = [
    found
    for _, found in inspect.getmembers(errors, inspect.isclass)
    if issubclass(found, OvernightError)
]


def drawn_tree() -> Iterator[tuple[str, str | None]]:
    """Each class in the module's docstring with the class above it."""
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        entry = re.match(r" {4}([│├└─ ]*)([A-Z]\w+) {2,}\S", line)
        if entry is not None:
            depth = len(entry[1]) // 4
            above[depth:] = [entry[2]]
            yield entry[2], above[depth - 1] if depth else None


def test_the_drawing_names_every_class_under_its_parent_and_no_other() -> None:
    parents = {found.__name__: found.__base__ for found in CLASSES}
    real = {
        name: base.__name__ if base and issubclass(base, OvernightError) else None
        for name, base in parents.items()
    }
    assert dict(drawn_tree()) == real


def test_every_researchers_failure_has_a_kind_of_its_own() -> None:
    kinds = [found.kind for found in CLASSES if issubclass(found, ResearcherError)]
    assert len(set(kinds)) == len(kinds) > 1
    assert all(re.fullmatch(r"[a-z_]+", kind) for kind in kinds)


@pytest.mark.parametrize("kind", CLASSES)
def test_a_failure_reads_as_its_sentence_and_its_fix(kind: type[OvernightError]) -> None:
    assert str(kind("It broke.")) == "It broke."
    assert str(kind("It broke.", fix="Mend it.")) == "It broke. Mend it."


@pytest.mark.parametrize("kind", CLASSES)
def test_every_failure_ends_the_program_with_a_code_of_failure(kind: type[OvernightError]) -> None:
    assert 0 < kind.exit_code < 256


def test_a_study_file_and_a_busy_study_are_told_apart_by_their_codes() -> None:
    assert len({OvernightError.exit_code, StudyFileError.exit_code, StudyBusy.exit_code}) == 3


def test_a_failed_call_still_says_what_it_used() -> None:
    error = errors.RateLimited("Slow down.", retry_after_s=3.0, usage=Usage(input_tokens=5))
    assert (error.retryable, error.retry_after_s, error.usage) == (True, 3.0, Usage(5))
