"""The study file that is written says what was found, whatever the texts contain."""

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from overnight.config import load_study
from overnight.discover import Certainty, Discovery, Finding, Source
from overnight.discover.findings import given
from overnight.discover.program import program_text
from overnight.discover.render import missing, quote, render
from overnight.types import Constraint, Goal

FOUND = Discovery(
    name=given("speed"),
    program=None,
    metric=Finding("latency_ms", "printed", source=Source("bench.py", 7)),
    goal=given(Goal.MINIMIZE),
    reported=(),
    constraint=Finding("peak_rss_mb <= 1024", "an example", Certainty.GUESS),
    editable=(given("src/**"), given("lib/**")),
    protected=(given("bench.py"),),
    setup=given("uv sync"),
    measure=Finding("make bench", "its name", Certainty.GUESS, None, ("python bench.py",)),
    deadline_s=given(90.0),
)
TUNE = given("tune")


def test_the_study_file_loads(tmp_path: Path) -> None:
    text = render(FOUND, researcher=TUNE, program="program.md", model="m")
    (tmp_path / "overnight.toml").write_text(text)
    (tmp_path / "program.md").write_text(program_text(FOUND))
    study = load_study(tmp_path)
    assert study.objective.metric == "latency_ms"
    assert study.editable.patterns == ("src/**", "lib/**")
    assert study.protected.patterns == ("bench.py",)
    assert study.measure.deadline_s == 90
    assert study.researcher.model == "m"


def test_comments_say_where_and_what_else() -> None:
    text = render(FOUND, researcher=TUNE, program="program.md")
    assert "# bench.py:7: printed" in text
    assert "# a guess; its name; or python bench.py" in text


def test_the_suggested_constraint_only_needs_uncommenting() -> None:
    text = render(FOUND, researcher=TUNE, program="program.md")
    document = tomllib.loads(text.replace("# constraints", "constraints"))
    (constraint,) = document["metric"]["constraints"]
    assert Constraint.parse(constraint).metric == "peak_rss_mb"


def test_what_is_missing_is_refused() -> None:
    bare = replace(FOUND, metric=None, editable=())
    assert missing(bare) == ["--metric", "--editable"]
    with pytest.raises(ValueError, match="--metric, --editable"):
        render(bare, researcher=TUNE, program="program.md")


@for_all(st.text())
def test_strings_survive(text: str) -> None:
    assert tomllib.loads(f"x = {quote(text)}")["x"] == text


def test_what_unicode_cannot_encode_is_replaced() -> None:
    assert tomllib.loads(f"x = {quote(chr(0xD800))}")["x"] == "\ufffd"


@for_all(command=st.text(min_size=1), pattern=st.text(), why=st.text(st.characters()))
def test_any_finding_makes_valid_toml(command: str, pattern: str, why: str) -> None:
    found = replace(
        FOUND,
        measure=Finding(command, why, source=Source(pattern, 1), alternatives=(why, command)),
        editable=(Finding(pattern, why), Finding(why, command)),
        setup=Finding(why, pattern),
        constraint=Finding(why, command, source=Source(pattern)),
    )
    document = tomllib.loads(render(found, researcher=TUNE, program="program.md"))
    assert document["measure"]["command"] == command
    assert document["scope"]["editable"] == [pattern, why]
    assert document["setup"]["command"] == why


def test_the_program_names_objective_and_scope() -> None:
    text = program_text(FOUND)
    for part in ("`latency_ms` as low", "`make bench`", "90s", "`src/**`, `lib/**`", "`bench.py`"):
        assert part in text
