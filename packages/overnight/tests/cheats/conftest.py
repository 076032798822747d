from pathlib import Path

import pytest

from overnight.errors import SandboxFailed
from overnight.sandbox.walls import refuse_where_impossible


@pytest.fixture(scope="session")
def sandbox() -> None:
    """Needs the sandbox; skipped where there is none."""
    try:
        refuse_where_impossible()
    except SandboxFailed as error:
        pytest.skip(str(error))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """An empty directory for a night and the user's files around it."""
    directory = tmp_path / "ground"
    directory.mkdir()
    return directory
