"""A scorer: what the candidate prints is a claim, and the score is made apart from it."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from overnight.measure import artefacts
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
    "many": f"{PYTHON} '{IN_ARTEFACTS}; [open(str(n), \"w\") for n in range(51)]'",
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
    "many": "The run left more than 50 artefacts.",
}


SCORED = ["honest", "claims", "claims in a file", "daemon", "looks", "writes"]


def test_a_night_with_a_scorer(
    hold_night: HoldNight, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(artefacts, "_MOST_FILES", 50)
    private = tmp_path / "private" / "private.txt"
    private.parent.mkdir()
    private.write_text("31415926\n")
    env = {"PRIVATE": str(private)}
    night = hold_night(
        CANDIDATES,
        files={"train.sh": "echo 1.0 >$OVERNIGHT_ARTEFACTS/loss\n", "score.sh": SCORE},
        scope={"editable": ["train.sh"], "protected": ["score.sh"]},
        measure={"env": env},
        score={"command": "sh score.sh", "env": env, "files": [str(private)]},
    )
    assert night.values(SCORED) == dict.fromkeys(SCORED, 0.9)
    assert night.verdicts(REFUSED) == {
        name: (Verdict.NO_METRIC, reason) for name, reason in REFUSED.items()
    }
    for name in SCORED:
        only_the_scorer_makes_the_metric(night[name])
    for name in (*REFUSED, "fails"):
        assert not (night[name].logs / "score.log").exists(), "the scorer was not even started"
    what_the_candidate_prints_is_a_claim(night["claims"].run.metrics)
    the_candidate_finds_nothing(night["looks"].log())
    assert night["claims in a file"].run.metrics["claimed.val_loss"] == 0.1
    assert "daemon" not in night["daemon"].log("score").splitlines(), "it is gone before"
    assert night["fails"].trial.verdict is Verdict.CRASH
    verdict, reason = night.verdicts(["no number"])["no number"]
    assert verdict is Verdict.NO_METRIC
    assert reason.startswith("Score: val_loss was reported as 'nothing'")


def only_the_scorer_makes_the_metric(measured: Any) -> None:
    run = measured.run
    assert (run.outcome, run.trust) == (Outcome.MEASURED, Trust.SCORED)
    assert run.metrics["private"] == 31415926.0
    assert run.metrics["scorer"] == SCORE.count("\n")
    assert "wrote to" not in measured.log("score"), "it changes nothing of the candidate's"


def what_the_candidate_prints_is_a_claim(metrics: Mapping[str, float]) -> None:
    assert (metrics["claimed.val_loss"], metrics["claimed.other"]) == (0.1, 7.0)
    assert "other" not in metrics
    assert metrics["harness.wall_s"] > 0.001
    assert "claimed.harness.wall_s" not in metrics


def the_candidate_finds_nothing(log: str) -> None:
    assert "31415926" not in log
    assert not [line for line in log.splitlines() if line.endswith("private.txt")]
