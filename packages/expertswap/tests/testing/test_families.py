from collections.abc import Callable
from pathlib import Path

import pytest

from expertswap.testing.family_contract import FamilyContract
from expertswap.testing.tiny_models import MODEL_TYPES


class TestEveryFamily(FamilyContract):
    @pytest.fixture(scope="class", params=MODEL_TYPES)
    @classmethod
    def original(
        cls, request: pytest.FixtureRequest, tiny_checkpoints: Callable[[str], Path]
    ) -> Path:
        return tiny_checkpoints(request.param)
