"""One run per study, and where its files are."""

import subprocess
from pathlib import Path

import pytest

from overnight.errors import StudyBusy
from overnight.layout import Layout, work_directory
from overnight.lock import hold


def test_a_held_lock_says_who_holds_it(tmp_path: Path) -> None:
    lock = tmp_path / "state" / "lock"
    with (
        hold(lock),
        pytest.raises(StudyBusy, match=r"run by process \d+ on \S+ since \d{4}-") as busy,
        hold(lock),
    ):
        pass
    assert busy.value.fix


def test_a_lock_can_be_held_again_after_a_failure(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with pytest.raises(RuntimeError), hold(lock):
        raise RuntimeError
    with hold(lock):
        pass


@pytest.mark.parametrize("content", [b"", b"[3]", b"\xff"])
def test_what_another_program_left_in_the_file_does_not_matter(
    tmp_path: Path, content: bytes
) -> None:
    lock = tmp_path / "lock"
    with hold(lock):
        lock.write_bytes(content)
        with pytest.raises(StudyBusy, match="another process"), hold(lock):
            pass


def test_the_studys_files_are_invisible_to_git(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    layout = Layout(tmp_path)
    layout.create()
    layout.create()
    layout.ledger.touch()
    layout.trial(7).mkdir(parents=True)
    told = subprocess.run(
        ["git", "-C", tmp_path, "status", "--porcelain"], check=True, capture_output=True
    )
    assert told.stdout == b""
    assert layout.trial(7).name == "0007"


def test_clones_are_made_outside_of_the_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OVERNIGHT_WORK", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert work_directory("id") == Path.home() / ".cache" / "overnight" / "id"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert work_directory("id") == tmp_path / "cache" / "overnight" / "id"
    monkeypatch.setenv("OVERNIGHT_WORK", str(tmp_path / "fast"))
    assert work_directory("id") == tmp_path / "fast" / "id"
