"""The two nights that were published: right counts, the shared find, and what cannot be said."""

import pytest

from overnight.compare.analysis import Comparison, analyse
from overnight.compare.discovery import own, shared
from overnight.compare.sentences import conclusions
from overnight.errors import OvernightError
from overnight.importing.results_tsv import read_results
from overnight.importing.rows import Imported, together
from overnight.types import Goal

from .published import GPT54, SPARK, table


def log(name: str, metric: str | None = None) -> Imported:
    rows = {"gpt54": GPT54, "spark": SPARK}[name]
    return read_results(table(rows), source=f"{name}.tsv", name=name, metric=metric)


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return analyse(together([log("gpt54"), log("spark")]))


def test_nothing_had_to_be_guessed() -> None:
    read = log("gpt54")
    assert (read.metric, read.goal, read.notes) == ("val_bpb", Goal.MINIMIZE, ())


def test_logs_that_do_not_compare_are_refused() -> None:
    with pytest.raises(OvernightError, match="memory_gb to minimize, val_bpb to minimize"):
        together([log("gpt54"), log("spark", metric="memory_gb")])
    with pytest.raises(OvernightError, match="Two arms are called gpt54"):
        together([log("gpt54"), log("gpt54")])


def test_keeps_are_counted_without_the_baseline_and_whatever_descriptions_say(
    comparison: Comparison,
) -> None:
    gpt54, spark = comparison.arms
    assert (gpt54.accepted, gpt54.proposals) == (19, 20), "one description begins with keep"
    assert (spark.accepted, spark.proposals) == (7, 7)
    assert gpt54.recorded.start == 1.033848
    assert gpt54.recorded.best == 1.008364
    assert spark.recorded.best == 1.030148


def test_the_warm_down_is_the_shared_find(comparison: Comparison) -> None:
    [both] = shared(comparison.finds)
    assert both.name == "warmdown"
    assert [len(both.of(name)) for name in ("gpt54", "spark")] == [8, 4]


def test_depth_and_batch_are_found_by_one_arm_only_and_momentum_by_the_other(
    comparison: Comparison,
) -> None:
    batch, depth, *_ = own(comparison.finds, "gpt54")
    assert (batch.name, depth.name) == ("total batch size", "depth")
    assert batch.gain == pytest.approx(1.022395 - 1.013308 + 1.013308 - 1.011270)
    assert depth.gain == pytest.approx(1.029337 - 1.022395)
    assert [find.name for find in own(comparison.finds, "spark")] == ["Muon momentum"]


def test_most_gains_are_smaller_than_what_the_same_start_measured_apart(
    comparison: Comparison,
) -> None:
    assert comparison.starts is not None
    assert comparison.starts.gap == pytest.approx(0.00622)
    assert comparison.starts.smaller == {"gpt54": (17, 19), "spark": (7, 7)}


def test_nothing_is_told_where_nothing_was_measured_again(comparison: Comparison) -> None:
    [pair] = comparison.pairs
    assert pair.results is None
    assert not pair.told_results
    assert not pair.told_researchers
    assert any("17 of 19 of gpt54; 7 of 7 of spark" in said for said in conclusions(comparison))
