from collections.abc import Callable
from pathlib import Path

import pytest

from expertswap.families.patterns import PatternFamily, after_dense_layers
from expertswap.testing.family_contract import FamilyContract
from expertswap.testing.tiny_models import MODEL_TYPES, tiny_config, tiny_model


class TestEveryFamily(FamilyContract):
    @pytest.fixture(scope="class", params=MODEL_TYPES)
    @classmethod
    def original(
        cls, request: pytest.FixtureRequest, tiny_checkpoints: Callable[[str], Path]
    ) -> Path:
        return tiny_checkpoints(request.param)


class TestAStrangersFamily(FamilyContract):
    """As someone would do it who needs a family that is not here."""

    family = PatternFamily(
        model_types=("dots1",),
        router_bias={"gate.e_score_correction_bias": 0},
        moe_layers=after_dense_layers,
        expert_counts=("n_routed_experts",),
    )

    @pytest.fixture(scope="class")
    @classmethod
    def original(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        from transformers import AutoConfig  # noqa: PLC0415 - seconds

        sizes = {**tiny_config("glm4_moe").to_dict(), "model_type": "dots1"}
        path = tmp_path_factory.mktemp("dots1")
        tiny_model(AutoConfig.for_model(**sizes)).save_pretrained(path)
        return path
