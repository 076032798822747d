"""A scorer: what the candidate prints is a claim, and the score is made apart from it."""

import sys
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from overnight.types import Outcome, Trust, Verdict

HoldNight = Callable[..., Any]
HONEST = "echo 0.9 >$OVERNIGHT_ARTEFACTS/loss\n"
SCORE = """\
echo "val_loss: $(cat $OVERNIGHT_ARTEFACTS/loss)"
echo "private: $(cat $PRIVATE)"
echo "scorer: $(cat score.sh | wc -l)"
for place in $OVERNIGHT_CANDIDATE $OVERNIGHT_ARTEFACTS .; do
  echo >$place/written && echo "wrote to $place"
done
for file in /proc/[0-9]*/comm; do cat $file; done
"""
PYTHON = f"{sys.executable} -ISc"
IN_ARTEFACTS = 'import os; os.chdir(os.environ["OVERNIGHT_ARTEFACTS"])'
CANDIDATES: Mapping[str, str] = {
    "honest": HONEST,
    "claims": f"{HONEST}echo val_loss: 0.1; echo other: 7; echo harness.wall_s: 0.001",
    "claims in a file": f"{HONEST}echo '{{\"val_loss\": 0.1}}' >$OVERNIGHT_METRICS",
    "daemon": f"{HONEST}cp $(command -v sleep) daemon; (setsid ./daemon 1000 &); sleep 0.1",
    "looks": f"{HONEST}cat $PRIVATE; find / -name private.txt 2>/dev/null; ls $(dirname $PWD)",
    "writes": f"{HONEST}echo 'echo val_loss: 0' >../score/score.sh; true",
    "none": "echo val_loss: 0.1",
    "link": "ln -s /etc/passwd $OVERNIGHT_ARTEFACTS/loss",
    "deep link": f"{HONEST}mkdir $OVERNIGHT_ARTEFACTS/a; ln -s / $OVERNIGHT_ARTEFACTS/a/b",
    "pipe": "mkfifo $OVERNIGHT_ARTEFACTS/loss",
    "socket": f'{PYTHON} \'{IN_ARTEFACTS}, __import__("socket").socket(1).bind("loss")\'',
    "replaced by a link": "rmdir $OVERNIGHT_ARTEFACTS; ln -s /etc $OVERNIGHT_ARTEFACTS",
    "replaced by a file": "rmdir $OVERNIGHT_ARTEFACTS; echo 0.1 >$OVERNIGHT_ARTEFACTS",
    "deep": f'{PYTHON} \'{IN_ARTEFACTS}; [(os.mkdir("d" * 99), os.chdir("d" * 99))'
    " for _ in range(1500)]'",
    "many": f"{PYTHON} '{IN_ARTEFACTS}; [open(str(n), \"w\") for n in range(10001)]'",
    "no number": "echo nothing >$OVERNIGHT_ARTEFACTS/loss",
    "fails": f"{HONEST}exit 3",
}
REFUSED = {
    "none": "The run left no artefact in $OVERNIGHT_ARTEFACTS.",
    "link": "The run left loss, which is neither a file nor a directory.",
    "deep link": "The run left a/b, which is neither a file nor a directory.",
    "pipe": "The run left loss, which is neither a file nor a directory.",
    "socket": "The run left loss, which is neither a file nor a directory.",
    "replaced by a link": "The run replaced its directory for artefacts.",
    "replaced by a file": "The run replaced its directory for artefacts.",
    "deep": "The run left artefacts with names of more than 1000 characters.",
    "many": "The run left more than 10000 artefacts.",
}


@pytest.fixture(scope="module")
def night(hold_night: HoldNight, tmp_path_factory: pytest.TempPathFactory) -> Any:
    private = tmp_path_factory.mktemp("private") / "private.txt"
    private.write_text("31415926\n")
    env = {"PRIVATE": str(private)}
    return hold_night(
        CANDIDATES,
        files={"train.sh": "echo 1.0 >$OVERNIGHT_ARTEFACTS/loss\n", "score.sh": SCORE},
        scope={"editable": ["train.sh"], "protected": ["score.sh"]},
        measure={"env": env},
        score={"command": "sh score.sh", "env": env, "files": [str(private)]},
    )


@pytest.mark.parametrize("name", ["honest", "claims", "claims in a file", "daemon", "looks"])
def test_only_the_scorer_makes_the_metric(night: Any, name: str) -> None:
    assert night[name].trial.value == 0.9
    run = night[name].run
    assert (run.outcome, run.trust) == (Outcome.MEASURED, Trust.SCORED)
    assert run.metrics["private"] == 31415926.0
    assert run.metrics["scorer"] == SCORE.count("\n")


def test_what_the_candidate_prints_is_kept_as_a_claim(night: Any) -> None:
    metrics = night["claims"].run.metrics
    assert (metrics["claimed.val_loss"], metrics["claimed.other"]) == (0.1, 7.0)
    assert "other" not in metrics
    assert metrics["harness.wall_s"] > 0.001
    assert "claimed.harness.wall_s" not in metrics
    assert night["claims in a file"].run.metrics["claimed.val_loss"] == 0.1


def test_the_candidates_processes_are_gone_before(night: Any) -> None:
    assert "daemon" not in night["daemon"].log("score").splitlines()


@pytest.mark.parametrize("name", ["baseline", "honest", "daemon"])
def test_the_scorer_changes_nothing_of_the_candidates(night: Any, name: str) -> None:
    assert "wrote to" not in night[name].log("score")


def test_the_candidate_finds_neither_the_private_file_nor_the_scorers_tree(night: Any) -> None:
    log = night["looks"].log()
    assert "31415926" not in log
    assert not [line for line in log.splitlines() if line.endswith("private.txt")]
    assert night["writes"].trial.value == 0.9


@pytest.mark.parametrize(("name", "reason"), REFUSED.items(), ids=REFUSED.keys())
def test_artefacts_that_are_refused(night: Any, name: str, reason: str) -> None:
    outcome = night[name]
    assert (outcome.trial.verdict, outcome.trial.reason) == (Verdict.NO_METRIC, reason)
    assert not (outcome.logs / "score.log").exists(), "the scorer was not even started"


def test_what_the_scorer_reports_is_told_as_its(night: Any) -> None:
    outcome = night["no number"]
    assert outcome.trial.verdict is Verdict.NO_METRIC
    assert outcome.trial.reason.startswith("Score: val_loss was reported as 'nothing'")


def test_a_candidate_that_fails_is_not_scored(night: Any) -> None:
    outcome = night["fails"]
    assert (outcome.trial.verdict, outcome.run.exit_code) == (Verdict.CRASH, 3)
    assert not (outcome.logs / "score.log").exists()


def test_the_next_candidate_is_measured_as_if_nothing_had_been(night: Any) -> None:
    """After trees that are too deep to walk, and pipes where files should be."""
    assert len(night.outcomes) == len(CANDIDATES) + 1
