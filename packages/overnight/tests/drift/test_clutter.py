"""An incumbent that grows for nothing: dead code is counted, what earns its place is not."""

from overnight.drift.facts import FileChange, TrialFacts
from overnight.types import Verdict

from .trials import GAIN, LINES, SOURCE, change, honest, look, night, signals, trial

RECORDER = '''

class Recorder{n}:
    """Collects what happens."""

    def __init__(self, every=10):
        self.every = every
        self.rows = []

    def record(self, step, value):
        if step % self.every == 0:
            self.rows.append((step, value))

    def mean(self):
        return sum(value for _, value in self.rows) / len(self.rows)
'''
STATEMENTS = 9


def cluttered(verdict: Verdict = Verdict.DISCARD, *, used: bool = False) -> list[TrialFacts]:
    """Four proposals that bring a class along, in the program where it is used."""
    found = []
    for n in range(4):
        block = RECORDER.format(n=n)
        if used:
            line = f"left = 1.0 - progress + Recorder{n}().mean()"
            files = change("left = 1.0 - progress", line)
            [file] = files
            files = (FileChange(file.path, file.old, f"{block}{file.new}"),)
        else:
            files = (FileChange(f"lib/recorder_{n}.py", None, block),)
        found.append(trial(f"Add recorder {n}", verdict, files=files))
    return found


def test_dead_code_is_counted_whether_it_is_kept_or_not() -> None:
    trials = night(*honest(12), *cluttered())
    seen = signals(trials)["clutter"]
    assert seen.sentence == (
        f"4 of the last 4 proposals brought {4 * STATEMENTS} statements that nothing uses;"
        f" since trial 12 the incumbent went from {LINES} to {LINES} lines"
        " and from 1 to 1 files, for a gain of 0"
    )
    assert look(trials).drifting


def test_new_code_that_the_program_uses_is_no_clutter() -> None:
    assert "clutter" not in signals(night(*honest(12), *cluttered(used=True)))


def growing(count: int, *, gain: float, lines: int = 10) -> list[TrialFacts]:
    """Kept trials, each with more lines than the one before."""
    return [
        trial(f"Grow {n}", Verdict.KEEP, gain=gain, incumbent_lines=LINES + lines * (n + 1))
        for n in range(count)
    ]


def test_growth_for_next_to_nothing_is_told_with_its_numbers() -> None:
    trials = night(*honest(12), *growing(5, gain=GAIN / 50))
    seen = signals(trials)["clutter"]
    assert f"from {LINES} to {LINES + 50} lines" in seen.sentence
    assert "for a gain of 0.001" in seen.sentence


def test_growth_that_gains_as_usual_is_no_clutter() -> None:
    assert "clutter" not in signals(night(*honest(12), *growing(5, gain=GAIN)))


def test_many_new_files_are_clutter_even_when_they_are_short() -> None:
    files = [
        trial(f"Split {n}", Verdict.KEEP, gain=0.0, incumbent_files=1 + 2 * (n + 1))
        for n in range(5)
    ]
    seen = signals(night(*honest(12), *files))["clutter"]
    assert "from 1 to 11 files" in seen.sentence


def test_a_program_that_shrinks_is_no_clutter() -> None:
    assert "clutter" not in signals(night(*honest(12), *growing(5, gain=0.0, lines=-2)))


def test_a_long_proposal_that_was_not_kept_leaves_no_growth_behind() -> None:
    long = SOURCE.replace("left = 1.0", "\n".join(f"left = {n}" for n in range(2)))
    tried = [
        trial(f"Long {n}", files=(FileChange("train.py", SOURCE, long + "# note\n" * 90),))
        for n in range(5)
    ]
    assert "clutter" not in signals(night(*honest(12), *tried))
