import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from overnight.errors import AgentMissing
from overnight.researchers.codex.binary import find_binary
from overnight.testing.responses import ResponsesServer

gc.set_threshold(100_000, 50, 50)  # looking for garbage as often as usual takes a tenth of the time
# The same examples every time, however busy the machine is.
settings.register_profile("overnight", max_examples=25, deadline=None, derandomize=True)
settings.load_profile("overnight")


@pytest.fixture(scope="session")
def codex_binary() -> Path:
    """The real Codex CLI; without it a test is skipped, but fails in CI."""
    try:
        return find_binary(None, root=Path(__file__).parent)
    except AgentMissing as missing:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(missing))


@pytest.fixture
def server() -> Iterator[ResponsesServer]:
    with ResponsesServer() as server:
        yield server


@pytest.fixture
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*os.environ]:
        if name.endswith("_API_KEY") or name in {"CODEX_HOME", "CLAUDE_CODE_OAUTH_TOKEN"}:
            monkeypatch.delenv(name)
