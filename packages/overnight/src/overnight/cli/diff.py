"""``overnight diff``: a trial's patch and nothing else."""

import sys
from pathlib import Path

from rich.syntax import Syntax

from overnight.cli.target import StudyOption, TrialArgument, find_study, reading
from overnight.report.patches import patch_of
from overnight.report.text import console, visible


def diff(trial: TrialArgument, study: StudyOption = Path()) -> None:
    """Print what a trial changed, as a patch.

    Piped, it is exactly what git makes; on a terminal, control characters are written out.

    Examples:

        overnight diff 12

        overnight diff 12 | git apply
    """
    layout = find_study(study)
    with reading(layout.ledger) as reader:
        patch = patch_of(reader.trial(trial), reader.study, layout)
    if sys.stdout.isatty():
        text = visible(patch.decode(errors="replace"))
        console().print(Syntax(text, "diff", word_wrap=True, background_color="default"))
    else:
        sys.stdout.buffer.write(patch)
        sys.stdout.flush()
