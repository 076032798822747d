import pytest

PROCESS_PER_CALL = {"test_chat.py", "test_codex_contract.py"}
TITLES = "test_title_is_one_short_printable_line"
SHORT = "control characters"


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their marks
def pytest_collection_modifyitems(items: list[pytest.Function]) -> None:
    """One odd title is enough for `make test` where each takes a process of its own."""
    for item in items:
        is_title = item.path.name in PROCESS_PER_CALL and item.originalname == TITLES
        if is_title and item.callspec.id != SHORT:
            item.add_marker(pytest.mark.slow)
