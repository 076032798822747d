"""Setup, which may run a candidate's code before it is measured: what it can do, and what not."""

from collections.abc import Callable, Mapping
from typing import Any

from overnight.types import Verdict

HoldNight = Callable[..., Any]
# Candidates are scripts that setup runs; the measured command prints what the evaluator says.
CANDIDATES: Mapping[str, str] = {
    "honest": "echo 0.5 >built",
    "edits the evaluator": "echo 'print(0.1)' >lib/evaluator.py; true",
    "replaces the evaluator": "rm lib/evaluator.py; echo 'print(0.1)' >lib/evaluator.py",
    "same content, another file": "cp lib/evaluator.py x; mv x lib/evaluator.py",
    "removes the evaluator": "rm lib/evaluator.py",
    "edits itself": "echo true >>setup.sh; echo 0.5 >built",
    "edits data": "echo 0.1 >data/deep/numbers.txt",
    "links a directory": "mv lib moved; ln -s moved lib; echo 0.5 >built",
    "links a deep directory": "mv data/deep moved; ln -s ../moved data/deep; echo 0.5 >built",
    "hard link": "ln lib/evaluator.py also; echo 0.5 >built",
    "bytecode": "mkdir lib/__pycache__; echo x >lib/__pycache__/evaluator.pyc; echo 0.5 >built",
    "new files": "mkdir -p build; echo x >build/x; echo 0.5 >built; echo data >data.new",
    "fails": "echo sorry; exit 3",
    "hangs": "sleep 1000",
    "package": "mkdir lib/evaluator; echo 'print(0.1)' >lib/evaluator/__init__.py",
    "compiled": "echo x >lib/evaluator.cpython-311-x86_64-linux-gnu.so",
    "reads home": "cat ~/.ssh/id; cat $OVERNIGHT_REPOSITORY/secret; ls $OVERNIGHT_REPOSITORY"
    "; echo 0.5 >built",
    "background": "(setsid sh -c 'sleep 2; echo 0.1 >built' &); echo 0.5 >built",
}
FILES = {
    "setup.sh": "echo 1.0 >built\n",
    "lib/evaluator.py": "print(open('built').read())\n",
    "data/deep/numbers.txt": "1 2 3\n",
    "train.sh": "ls -A lib; echo val_loss: $(cat built)\n",
}
TAMPERED = {
    "edits the evaluator": "lib/evaluator.py",
    "replaces the evaluator": "lib/evaluator.py",
    "same content, another file": "lib/evaluator.py",
    "removes the evaluator": "lib/evaluator.py",
    "edits itself": "setup.sh",
    "edits data": "data/deep/numbers.txt",
    "links a directory": "lib/evaluator.py",
    "links a deep directory": "data/deep/numbers.txt",
    "hard link": "lib/evaluator.py",
    "package": "lib/evaluator.py",
    "compiled": "lib/evaluator.py",
}


MAKES = ["honest", "new files", "reads home", "background", "bytecode"]


def test_what_it_can_do_and_what_not(hold_night: HoldNight) -> None:
    night = hold_night(
        {name: {"setup.sh": f"{script}\n"} for name, script in CANDIDATES.items()},
        files=FILES,
        scope={"editable": ["setup.sh"], "protected": ["lib/**", "data/**", "train.sh"]},
        setup={"command": "sh setup.sh", "deadline": "2s"},
    )
    assert night.values(MAKES) == dict.fromkeys(MAKES, 0.5)
    assert night.verdicts(TAMPERED) == {
        name: (Verdict.TAMPERED, f"Setup: The run changed its own files: {path}.")
        for name, path in TAMPERED.items()
    }
    assert night.verdicts(["fails", "hangs"]) == {
        "fails": (Verdict.CRASH, "Setup: It ended with exit code 3: sorry"),
        "hangs": (Verdict.TIMEOUT, "Setup: Not done after 2.0s; killed."),
    }
    assert "__pycache__" not in night["bytecode"].log(), "Python could run it in place of a source"
    assert night["reads home"].log("setup").count("No such file or directory") == 3
