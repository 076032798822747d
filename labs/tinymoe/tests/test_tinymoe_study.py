"""The study, from a trained model to its tables."""

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tinymoe.study.variants import FULL, PRUNED, Mix, variants
from tinymoe.text import Domain

if TYPE_CHECKING:
    from tests.conftest import Trained


def run(trained: "Trained", out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tinymoe.study import __main__ as command  # noqa: PLC0415 - torch takes seconds

    options = ["--models", str(trained.out), "--out", str(out), "--prompts", "2"]
    monkeypatch.setattr(sys, "argv", ["tinymoe.study", *options])
    command.main()


def test_study_goes_on_where_it_was_and_writes_its_tables(
    trained: "Trained", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tinymoe.study import __main__ as command  # noqa: PLC0415 - torch takes seconds
    from tinymoe.study.measuring import read_measured  # noqa: PLC0415 - the same

    few = [
        one
        for one in variants(list(Domain))
        if one.mix.left_out in {None, Domain.C} and one.pruned != min(PRUNED)
    ]
    monkeypatch.setattr(command, "variants", lambda _domains: iter(few))
    run(trained, tmp_path, monkeypatch)
    measured = tmp_path / "measured.jsonl"
    whole = measured.read_text()
    found = list(read_measured(measured))
    assert [one.variant for one in found] == few
    full = next(one for one in found if one.variant == FULL)
    for domain, nats in trained.report["held_out_loss"].items():
        assert full.scores[domain].agreement == 1
        assert math.isclose(full.scores[domain].nats, nats, rel_tol=0.2)  # of fewer prompts
    assert any(one.scores[Domain.C].agreement < 1 for one in found)
    assert "| 50% | reap, INT4 |" in (tmp_path / "quality.md").read_text()

    lines = whole.splitlines(keepends=True)
    measured.write_text("".join(lines[:-2]) + lines[-2][:50] + "\n")
    run(trained, tmp_path, monkeypatch)
    again = list(read_measured(measured))
    assert [(one.variant, one.scores) for one in again] == [(o.variant, o.scores) for o in found]


def test_mixes_leave_one_domain_out_and_names_tell_variants_apart() -> None:
    every = list(variants(list(Domain)))
    assert len({variant.name for variant in every}) == len(every) == len(set(every))
    assert {variant.mix.left_out for variant in every} == {None, *Domain}
    assert Mix("c").domains(["c", "prose"]) == ("prose",)


def test_a_mix_has_the_sums_of_its_domains_alone() -> None:
    import numpy as np  # noqa: PLC0415 - with what follows
    from tinymoe.study.compressing import of_domains  # noqa: PLC0415 - the same

    from expertswap.observation import Observation  # noqa: PLC0415 - torch takes seconds
    from expertswap.types import ModelIdentity, MoeShape  # noqa: PLC0415 - the same

    shape = MoeShape("qwen3_moe", (0,), num_experts=2, top_k=1, hidden_size=4, expert_width=4)
    sums_DLE = np.array([[[1, 2]], [[3, 4]], [[5, 6]]])
    observation = Observation(
        model=ModelIdentity("model", "fingerprint", shape),
        domains=("c", "prose", "python"),
        tokens_D=np.array([3, 7, 11]),
        count_DLE=sums_DLE,
        gate_sum_DLE=sums_DLE * 0.5,
        norm_sum_DLE=sums_DLE * 2.0,
        gated_norm_sum_DLE=sums_DLE * 1.5,
        max_activation_LE=np.ones((1, 2), np.float32),
        coactivation_LEE=np.ones((1, 2, 2), np.int64),
    )
    mix = of_domains(observation, ["c", "python"])
    assert mix.domains == ("c", "python")
    assert mix.tokens_D.tolist() == [3, 11]
    assert mix.count_LE.tolist() == [[6, 8]]
    assert mix.gated_norm_sum_DLE.sum(axis=0).tolist() == [[9, 12]]


def test_intervals_are_students_and_differences_are_paired() -> None:
    import pandas as pd  # noqa: PLC0415 - with what follows
    from tinymoe.study.statistics import difference, interval  # noqa: PLC0415 - half a second

    found = interval([1.0, 2.0, 3.0])
    assert (found.mean, found.half) == pytest.approx((2.0, 4.30265 / math.sqrt(3)), rel=1e-4)
    assert math.isnan(interval([1.0]).half)
    first = pd.DataFrame({"model": ["a", "b"], "nats": [1.5, 9.5]})
    second = pd.DataFrame({"model": ["b", "a"], "nats": [9.0, 1.0]})
    less = difference(first, second, "nats")
    assert (less.mean, less.half) == pytest.approx((0.5, 0.0))
