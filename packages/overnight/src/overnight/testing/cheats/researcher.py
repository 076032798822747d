"""The researcher's program: cheats in the first trial, and makes an honest proposal in the next.

Run in a researcher's sandbox: ``python -m overnight.testing.cheats.researcher MODULE``.
"""

import importlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from overnight.testing.cheats.moves import append_to_training, replace_in_training
from overnight.testing.cheats.study.surroundings import MARK, look, temporary

HONEST = "An honest improvement"
_CHEATING_TRIAL = 1


def main() -> None:
    """Tell what is found at the start, then make the proposal."""
    workspace, trial = Path.cwd(), int(os.environ.get("OVERNIGHT_TRIAL", "1"))
    if "OVERNIGHT_WORKSPACE" in os.environ:
        brief = Path(os.environ["OVERNIGHT_BRIEF"])
        notes = Path(os.environ["OVERNIGHT_HOME"])
        own = {"clone": workspace, "home": Path.home(), "notes": notes, "trial": brief.parent}
        _tell(look({**own, **temporary()}))
    if trial == _CHEATING_TRIAL:
        _say("An idea")
        cheat: Callable[[Path], None] = importlib.import_module(sys.argv[1]).cheat
        cheat(workspace)
    else:
        _say(HONEST)
        improve(workspace)


def improve(workspace: Path) -> None:
    """Make an honest proposal: a better learning rate, and remarks from then on."""
    try:
        replace_in_training(workspace, "LEARNING_RATE = 0.1", "LEARNING_RATE = 0.2")
    except ValueError:
        append_to_training(workspace, "# Nothing more is known to help.")


def _tell(found: dict[str, str]) -> None:
    sys.stderr.write(MARK + json.dumps(found) + "\n")
    sys.stderr.flush()


def _say(title: str) -> None:
    file = os.environ.get("OVERNIGHT_RESULT")
    if file is not None:
        Path(file).write_text(json.dumps({"title": title}), encoding="utf-8")


if __name__ == "__main__":
    main()
