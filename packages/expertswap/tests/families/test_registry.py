import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from expertswap.errors import CheckpointError, NotMixtureOfExperts, UnknownFamily
from expertswap.families.registry import family_of

QWEN = {
    "model_type": "qwen3_moe",
    "num_experts": 8,
    "num_experts_per_tok": 2,
    "num_hidden_layers": 6,
    "hidden_size": 32,
    "moe_intermediate_size": 16,
}


def test_a_dense_model_is_no_mixture_of_experts() -> None:
    with pytest.raises(NotMixtureOfExperts, match="llama"):
        family_of({"model_type": "llama", "hidden_size": 8})


def test_an_unknown_family_says_how_to_add_it() -> None:
    with pytest.raises(UnknownFamily, match=r"jetmoe.*known: .*qwen3_moe.*entry point"):
        family_of({"model_type": "jetmoe", "num_local_experts": 8})


def test_a_configuration_without_a_type_is_refused() -> None:
    with pytest.raises(CheckpointError, match="model_type"):
        family_of({})


@pytest.mark.parametrize(
    ("changes", "layers"),
    [
        ({}, (0, 1, 2, 3, 4, 5)),
        ({"mlp_only_layers": [0, 5]}, (1, 2, 3, 4)),
        ({"decoder_sparse_step": 2}, (1, 3, 5)),
        ({"decoder_sparse_step": 2, "mlp_only_layers": [3]}, (1, 5)),
    ],
)
def test_layers_with_experts(changes: dict[str, Any], layers: tuple[int, ...]) -> None:
    config = {**QWEN, **changes}
    assert family_of(config).shape(config).moe_layers == layers


@pytest.mark.parametrize(
    ("changes", "layers"),
    [
        ({}, (1, 2, 3, 4, 5)),
        ({"moe_layer_start_index": 3}, (3, 4, 5)),
        ({"moe_layer_end_index": 3}, (1, 2, 3)),
        ({"moe_layer_interval": 2}, (1, 3, 5)),
    ],
)
def test_layers_with_experts_of_ernie(changes: dict[str, Any], layers: tuple[int, ...]) -> None:
    config = {**QWEN, "model_type": "ernie4_5_moe", "moe_num_experts": 8, "moe_k": 2, **changes}
    assert family_of(config).shape(config).moe_layers == layers


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"num_experts": 0}, NotMixtureOfExperts, "no routed experts"),
        ({"mlp_only_layers": range(6)}, NotMixtureOfExperts, "dense"),
        ({"num_experts": "eight"}, CheckpointError, "num_experts"),
        ({"hidden_size": None}, CheckpointError, "hidden_size"),
        ({"num_hidden_layers": -1}, CheckpointError, "num_hidden_layers"),
    ],
)
def test_sizes_that_cannot_be_are_refused(
    changes: dict[str, Any], error: type[CheckpointError], message: str
) -> None:
    config = {**QWEN, **changes}
    with pytest.raises(error, match=message):
        family_of(config).shape(config)


def with_entry_point(tmp_path: Path, *, value: str) -> subprocess.CompletedProcess[str]:
    """Ask for the family of a model type that an installed package answers for."""
    (tmp_path / "mine.py").write_text(
        "from expertswap.families.patterns import PatternFamily\n"
        "FAMILY = PatternFamily(model_types=('mine_moe',))\n"
    )
    installed = tmp_path / "mine-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text(f"[expertswap.families]\nmine = {value}\n")
    asked = (
        "from expertswap.families.registry import family_of\n"
        "print(family_of({'model_type': 'mine_moe'}).model_types)"
    )
    return subprocess.run(
        [sys.executable, "-c", asked],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )


def test_a_family_joins_by_an_entry_point(tmp_path: Path) -> None:
    assert with_entry_point(tmp_path, value="mine:FAMILY").stdout == "('mine_moe',)\n"


def test_a_family_that_cannot_be_loaded_is_named(tmp_path: Path) -> None:
    done = with_entry_point(tmp_path, value="mine:NOTHING")
    assert "The family mine (mine:NOTHING) cannot be loaded" in done.stderr
