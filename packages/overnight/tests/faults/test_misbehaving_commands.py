"""Whatever the measured command does: a verdict with its reason, and a clean next trial.

`make test` takes one of every kind, `make test-all` all of them.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from overnight.researchers.scripted import Step
from overnight.testing.studies import FILES, TRAIN, TinyStudy, prints
from overnight.types import Verdict

GAIN = r"val_loss 1 -> 0\.9: better by 0\.1\."
BETTER = prints(0.9)


def clean(value: float) -> str:
    """A `train.sh` that counts only in a pristine checkout."""
    files = len(FILES) + 1
    return f'test "$(find . -type f | wc -l)" -eq {files} && sh prepare.sh && {prints(value)}'


@dataclass(frozen=True, slots=True)
class Case:
    """A `train.sh`, what becomes of it, and how the reason begins."""

    name: str
    script: str
    verdict: Verdict = Verdict.KEEP
    reason: str = GAIN
    tables: dict[str, Any] = field(default_factory=dict)


def no_metric(name: str, script: str, reason: str) -> Case:
    return Case(name, script, Verdict.NO_METRIC, reason)


def tampered(name: str, script: str, files: str) -> Case:
    reason = rf"The run changed its own files: {files}\.$"
    return Case(name, f"{BETTER}{script}", Verdict.TAMPERED, reason)


NO_REPORT = r"The run reported no val_loss\."
GIB = 2**30

CASES = [
    Case("daemon", f"(setsid sleep 600 </dev/null >/dev/null 2>&1 &)\n{BETTER}"),
    Case("daemon of a daemon", f"(setsid sh -c 'setsid sleep 600 & sleep 600' &)\n{BETTER}"),
    Case("child holds the output", f"sleep 600 &\n{BETTER}"),
    Case("child ignores SIGTERM", f"(trap '' TERM HUP; sleep 600) &\n{BETTER}"),
    Case(
        "a gibibyte",
        f"yes 'val_loss: 7' | head -c {GIB}\necho\n{BETTER}",
        tables={"measure": {"output_mb": 1}},
    ),
    Case("closes its output", f"{BETTER}exec >&- 2>&-\nls >/dev/null\n"),
    Case("the last report counts", prints(7.0) + BETTER),
    Case("equals sign", "echo val_loss=0.9\n"),
    Case("metrics file", "echo '{\"val_loss\": 0.9}' >$OVERNIGHT_METRICS\n"),
    Case("file after output", prints(7) + "echo '{\"val_loss\": 0.9}' >$OVERNIGHT_METRICS\n"),
    Case("litters", f"{BETTER}touch left src/left; mkdir -p a/b; touch a/b/left; ln -s / root\n"),
    Case("makes a repository", f"{BETTER}git init --quiet && git add --all\n"),
    no_metric("longer name", prints(0.9, metric="val_loss_ema"), NO_REPORT + " Did you mean"),
    no_metric("name behind another", prints(0.9, metric="best_val_loss"), NO_REPORT),
    no_metric("amid a line", "echo 'step 3 val_loss: 0.9'\n", NO_REPORT),
    no_metric("nothing", "true\n", NO_REPORT),
    no_metric("nan", prints(0.9) + prints("nan"), r"val_loss is not a number \(nan\): the run"),
    no_metric("infinite", prints("-inf"), r"val_loss is infinite \(-inf\): the run"),
    no_metric("words", prints("very good"), "val_loss was reported as 'very good', which is no"),
    no_metric("metrics in a link", "ln -s $PWD/README.md $OVERNIGHT_METRICS\n", NO_REPORT),
    no_metric("metrics in a fifo", "mkfifo $OVERNIGHT_METRICS\n", NO_REPORT),
    no_metric("metrics in a directory", "mkdir $OVERNIGHT_METRICS\n", NO_REPORT),
    no_metric("endless metrics", "head -c 9999999 /dev/zero >$OVERNIGHT_METRICS\n", NO_REPORT),
    no_metric(
        "metrics are no JSON",
        "echo nonsense >$OVERNIGHT_METRICS\n",
        NO_REPORT + " Line 1 of the metrics file is no JSON object",
    ),
    Case("fails after its report", f"{BETTER}exit 3\n", Verdict.CRASH, "It ended with exit code 3"),
    Case(
        "killed",
        f"{BETTER}kill -SEGV $$\n",
        Verdict.CRASH,
        r"It ended with (signal 11|exit code 139)",
    ),
    Case(
        "too slow and deaf",
        f"{BETTER}trap '' TERM\n(trap '' TERM; sleep 600) &\nsleep 600\n",
        Verdict.TIMEOUT,
        "Not done after 0.5s; killed",
        {"measure": {"deadline": "0.5s"}},
    ),
    tampered("changes its source", f"echo >>{TRAIN}\n", re.escape(TRAIN)),
    tampered("changes a protected file", "echo >prepare.sh\n", r"prepare\.sh"),
    tampered("deletes a protected file", "rm prepare.sh\n", r"prepare\.sh"),
    tampered(
        "covers its tracks",
        "cp -p prepare.sh old; sed -i s/ready/READY/ prepare.sh; touch -r old prepare.sh\n",
        r"prepare\.sh",
    ),
    tampered("deletes its checkout", 'rm -rf "$PWD"\n', r"prepare\.sh, src/model\.txt, train\.sh"),
    tampered(
        "moves its checkout",
        'mv "$PWD" "$PWD.moved"; ln -s / "$PWD"\n',
        r"prepare\.sh, src/model\.txt, train\.sh",
    ),
    tampered("locks its files", f"chmod 0 {TRAIN} src .\n", ".*"),
    Case(
        "no constrained metric",
        BETTER,
        Verdict.NO_METRIC,
        r"The run reported no peak_mb\.",
        {"metric": {"constraints": ["peak_mb <= 100"]}},
    ),
]

LONG = {
    *("daemon", "a gibibyte", "the last report counts", "equals sign", "metrics file"),
    *("name behind another", "amid a line", "nothing", "infinite", "metrics in a directory"),
    *("changes a protected file", "deletes a protected file"),
}


def every_case() -> Iterator[object]:
    for case in CASES:
        marks = pytest.mark.slow if case.name in LONG else ()
        yield pytest.param(case, id=case.name, marks=marks)


@pytest.mark.parametrize("case", list(every_case()))
def test_misbehaving_command(
    case: Case, make: Callable[..., TinyStudy], consistent: Callable[[TinyStudy], None]
) -> None:
    peak = "echo peak_mb: 50\n"
    study = make(files={TRAIN: peak + prints(1.0)}, **case.tables)
    scripts = [case.script, peak + clean(0.5), peak + clean(0.4)]
    study.run([Step("one", edits={TRAIN: script}) for script in scripts])
    trials = study.trials()[1:4]
    assert [trial.verdict for trial in trials] == [case.verdict, Verdict.KEEP, Verdict.KEEP]
    assert re.match(case.reason, trials[0].reason), trials[0].reason
    assert (study.runs(1)[0].duration_s or 0.0) < 20
    consistent(study)


def test_output_is_kept_within_its_limit(make: Callable[..., TinyStudy]) -> None:
    study = make(measure={"output_mb": 1})
    study.run([Step("loud", edits={TRAIN: f"head -c {2**26} /dev/zero\n{BETTER}"})])
    [run] = study.runs(1)
    assert run.output_bytes == 2**26 + len("val_loss: 0.9\n")
    assert (study.layout.trial(1) / "output.log").stat().st_size <= 2**20 + 200


def test_broken_constraint_is_a_violation(make: Callable[..., TinyStudy]) -> None:
    def using(peak_mb: int, value: float) -> str:
        return f"echo peak_mb: {peak_mb}\n{prints(value)}"

    study = make(files={TRAIN: using(50, 1.0)}, metric={"constraints": ["peak_mb <= 100"]})
    study.run([Step("greedy", edits={TRAIN: using(200, 0.1)})])
    trial = study.trials()[1]
    assert (trial.verdict, trial.reason, trial.value) == (
        Verdict.VIOLATION,
        "peak_mb <= 100 does not hold: it is 200.",
        0.1,
    )


SETUP_CASES = [
    Case("made for the run", "cat built.txt\n", Verdict.KEEP, GAIN),
    Case("fails", "exit 4\n", Verdict.CRASH, r"Setup: It ended with exit code 4: going wrong"),
    Case("hangs", "sleep 600\n", Verdict.TIMEOUT, r"Setup: Not done after 0\.5s; killed"),
]


@pytest.mark.parametrize("case", SETUP_CASES, ids=[case.name for case in SETUP_CASES])
def test_setup(
    case: Case, make: Callable[..., TinyStudy], consistent: Callable[[TinyStudy], None]
) -> None:
    study = make(
        files={"src/setup.sh": "true\n", TRAIN: f"cat built.txt || {prints(1.0)}"},
        setup={"command": "sh src/setup.sh", "deadline": "0.5s"},
    )
    script = f"echo val_loss: 0.9 >built.txt\necho going wrong\n{case.script}"
    study.run([Step("setup", edits={"src/setup.sh": script})])
    trial = study.trials()[1]
    assert trial.verdict is case.verdict
    assert re.match(case.reason, trial.reason), trial.reason
    consistent(study)
