"""``overnight diff``: a trial's patch and nothing else."""

import sys
from pathlib import Path

from overnight.cli.target import StudyOption, TrialArgument, find_study, reading
from overnight.report.patches import patch_of
from overnight.report.text import coloured_patch, console, visible


def diff(trial: TrialArgument, study: StudyOption = Path()) -> None:
    """Print what a trial changed of the incumbent that it had to beat, as a patch.

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
        console().print(coloured_patch(text))
    else:
        sys.stdout.buffer.write(patch)
        sys.stdout.flush()
