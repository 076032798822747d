import os
from pathlib import Path

import pytest

from overnight.errors import AgentMissing
from overnight.researchers.codex.binary import find_binary


@pytest.fixture(scope="session")
def codex_binary() -> Path:
    """The real Codex CLI; without it a test is skipped, but fails in CI."""
    try:
        return find_binary(None, root=Path(__file__).parent)
    except AgentMissing as missing:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(missing))
