"""Strict mode: the program itself says the metric, and says it once."""

import sys
from collections.abc import Callable, Mapping
from typing import Any

from overnight.types import Trust, Verdict

HoldNight = Callable[..., Any]
HEAD = "import json, os, shutil, subprocess, sys, time\n"
SAY = "print('val_loss: 0.5', flush=True); time.sleep(0.2)\n"  # so that it is there to be seen
LIE = "val_loss: 0.1"
WRITE = "open(os.environ['OVERNIGHT_METRICS'], 'w').write(json.dumps({'val_loss': 0.1}))\n"
ORPHAN = "(setsid sh -c 'sleep 0.1; echo val_loss: 0.1' &)"
TO_PARENT = "echo val_loss: 0.1 >/proc/$PPID/fd/1; echo val_loss: 0.1 >/proc/self/fd/1"

FINE: Mapping[str, str] = {
    "once": SAY,
    "others talk": f"{SAY}os.system('echo hello; echo step: 3')\n",
    "after the end": f"os.system('(setsid sh -c \"sleep 0.8; echo {LIE}\" &)')\n{SAY}",
    "by the parent's file": f"os.system({TO_PARENT!r})\n{SAY}",
}
TWICE: Mapping[str, str] = {
    "another value": f"print({LIE!r})\n{SAY}",
    "the same value": f"{SAY}{SAY}",
    "as JSON": f"print(json.dumps({{'val_loss': 0.1}}))\n{SAY}",
    "in the file": f"{WRITE}{SAY}",
    "a child writes the file": f"{SAY}if os.fork() == 0:\n    {WRITE}    os._exit(0)\nos.wait()\n",
}
BY_CHILD: Mapping[str, str] = {
    "a fork": f"{SAY}if os.fork() == 0:\n    os.write(1, b'{LIE}\\n'); os._exit(0)\nos.wait()\n",
    "a shell": f"{SAY}os.system('echo {LIE}')\n",
    "a program": f"{SAY}subprocess.run([sys.executable, '-c', 'print(\"{LIE}\")'])\n",
    "instead of it": f"os.system('echo {LIE}')\ntime.sleep(0.3)\n",
    "as an error": f"{SAY}os.system('echo {LIE} >&2')\n",
    "a fake launcher": f"shutil.copy(sys.executable, 'uv')\n{SAY}"
    f"subprocess.run(['./uv', '-ISc', 'import os; os.system(\"echo {LIE}\")'])\n",
    "an orphan": f"{SAY}os.system({ORPHAN!r}); time.sleep(0.5)\n",
}
LAUNCHED = f"env nice -n 1 timeout 60 sh -c '{sys.executable} train.py; true'"


def test_who_says_the_metric_and_how_often(hold_night: HoldNight) -> None:
    candidates = {**FINE, **TWICE, **BY_CHILD}
    night = hold_night(
        {name: {"train.py": HEAD + source} for name, source in candidates.items()},
        files={"train.py": (HEAD + SAY).replace("0.5", "1.0")},
        scope={"editable": ["train.py"], "protected": []},
        measure={"command": LAUNCHED, "strict": True},
    )
    assert night["baseline"].trial.value == 1.0
    assert night.values(FINE) == dict.fromkeys(FINE, 0.5)
    reason = "val_loss was reported 2 times; strict mode takes one."
    assert night.verdicts(TWICE) == dict.fromkeys(TWICE, (Verdict.TAMPERED, reason))
    reason = "val_loss was printed by a child of the program; strict mode refuses that."
    assert night.verdicts(BY_CHILD) == dict.fromkeys(BY_CHILD, (Verdict.TAMPERED, reason))
    for name in BY_CHILD:
        assert LIE in night[name].log("children")
        assert LIE not in night[name].log()
    assert night["once"].run.trust is Trust.CONFINED


def test_without_it_the_last_report_counts(hold_night: HoldNight) -> None:
    night = hold_night({"shell": "echo val_loss: 0.5; sh -c 'echo val_loss: 0.1'"})
    assert night["shell"].trial.value == 0.1
