from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from expertswap.errors import ObservationError
from expertswap.observation import Observation, load_observation, merged, save_observation
from expertswap.types import ModelIdentity, MoeShape

SHAPE = MoeShape("qwen3_moe", (0, 1), 4, 2, 8, 4)
ARRAYS = ("tokens_D", "count_DLE", "gate_sum_DLE", "norm_sum_DLE", "gated_norm_sum_DLE")


def small_observation(*domains: str, seed: int = 1) -> Observation:
    rng, D = np.random.default_rng(seed), len(domains)
    return Observation(
        model=ModelIdentity("tiny", "abc", SHAPE),
        domains=domains,
        tokens_D=rng.integers(1, 9, D),
        count_DLE=rng.integers(0, 9, (D, 2, 4)),
        gate_sum_DLE=rng.random((D, 2, 4)),
        norm_sum_DLE=rng.random((D, 2, 4)),
        gated_norm_sum_DLE=rng.random((D, 2, 4)),
        max_activation_LE=rng.random((2, 4)).astype(np.float32),
        coactivation_LEE=rng.integers(0, 9, (2, 4, 4)),
    )


def test_an_observation_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    observation = small_observation("code", "prose")
    save_observation(observation, tmp_path / "seen.safetensors")
    again = load_observation(tmp_path / "seen.safetensors")
    assert (again.model, again.domains) == (observation.model, observation.domains)
    for name in (*ARRAYS, "max_activation_LE", "coactivation_LEE"):
        np.testing.assert_array_equal(getattr(again, name), getattr(observation, name))


def test_merging_adds_up_by_domain() -> None:
    code, both = small_observation("code"), small_observation("prose", "code", seed=2)
    whole = merged(code, both)
    assert whole.domains == ("code", "prose")
    np.testing.assert_array_equal(whole.count_DLE[0], code.count_DLE[0] + both.count_DLE[1])
    np.testing.assert_array_equal(whole.count_DLE[1], both.count_DLE[0])
    np.testing.assert_array_equal(
        whole.max_activation_LE, np.maximum(code.max_activation_LE, both.max_activation_LE)
    )
    np.testing.assert_array_equal(whole.count_LE, code.count_LE + both.count_LE)


def test_another_model_is_not_merged() -> None:
    other = replace(small_observation("code"), model=ModelIdentity("other", "xyz", SHAPE))
    with pytest.raises(ObservationError, match="two models"):
        merged(small_observation("code"), other)


def test_a_truncated_observation_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "seen.safetensors"
    save_observation(small_observation("code"), path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ObservationError, match="cannot be read"):
        load_observation(path)
