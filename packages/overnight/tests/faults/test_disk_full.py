"""No room left on the disk: a clear verdict or one sentence, and the next night goes on."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from overnight.errors import OvernightError
from overnight.researchers.scripted import Step
from overnight.testing.studies import TRAIN, TinyStudy, prints
from overnight.types import Verdict

QUIET = Step("quiet", edits={TRAIN: prints(0.8)})
DISK_MB = 2


@contextmanager
def small_disk(directory: Path) -> Iterator[Path]:
    """A file system of its own with hardly any room."""
    directory.mkdir(parents=True, exist_ok=True)
    command = ("mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(directory))
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a file system is not allowed here")
    try:
        yield directory
    finally:
        subprocess.run(("umount", "--lazy", str(directory)), check=True)


def fill(directory: Path) -> Path:
    """Leave no room at all; returns what takes it."""
    filler = directory / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass
    return filler


def says_so(text: str) -> bool:
    return "disk is full" in text or "No space left on device" in text


@pytest.fixture(params=["", "trials"], ids=["ledger", "logs"])
def disk(request: pytest.FixtureRequest, study: TinyStudy) -> Iterator[Path]:
    with small_disk(study.layout.state / request.param) as directory:
        yield directory


def test_output_that_does_not_fit_is_told(
    study: TinyStudy, consistent: Callable[[TinyStudy], None]
) -> None:
    loud = f"head -c {2 * DISK_MB * 2**20} /dev/zero\n{prints(0.9)}"
    with small_disk(study.layout.trials):
        with suppress(OvernightError):  # where the patch does not fit any more, the night ends
            study.run([Step("loud", edits={TRAIN: loud})])
        (study.layout.trial(1) / "output.log").unlink()
        study.run([QUIET] * 3)
        trial, *later = study.trials()[1:]
        assert trial.verdict is Verdict.NO_METRIC
        assert says_so(trial.reason)
        assert Verdict.KEEP in [trial.verdict for trial in later]
        consistent(study)


def test_full_disk_ends_the_night_with_one_sentence(
    disk: Path, study: TinyStudy, consistent: Callable[[TinyStudy], None]
) -> None:
    before = study.user_state()
    with pytest.raises(OvernightError) as told:
        study.run([Step("fills", edits={TRAIN: prints(0.9)}, action=lambda _: fill(disk))])
    assert says_so(str(told.value))
    assert "\n" not in str(told.value)
    (disk / "filler").unlink()
    study.run([QUIET, QUIET])
    consistent(study)
    trial = study.trials()[1]
    assert trial.verdict in (Verdict.KEEP, Verdict.INTERRUPTED) or says_so(trial.reason)
    assert study.trials()[2].verdict in (Verdict.KEEP, Verdict.DUPLICATE)
    assert study.user_state() == before


@pytest.mark.parametrize("moved", [False, True])
def test_no_directory_to_work_in(
    moved: bool, study: TinyStudy, work: Path, consistent: Callable[[TinyStudy], None]
) -> None:
    study.run()
    blocker = work if not moved else next(work.iterdir())
    blocker.rename(blocker.with_name("aside"))
    blocker.touch()
    with pytest.raises(OvernightError, match=r"The night cannot go on: .*(directory|exists)"):
        study.run([QUIET])
    blocker.unlink()
    blocker.with_name("aside").rename(blocker)
    study.run([QUIET])
    consistent(study)
