"""What the night found, as far as it has come."""

import argparse
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from statistics import fmean

from gpu_night.measured import BASELINE, Measured

from overnight.compare.analysis import analyse
from overnight.compare.jsons import comparison_json
from overnight.compare.text import comparison_lines
from overnight.contests import contest_of
from overnight.layout import Layout
from overnight.ledger.queries import LedgerReader
from overnight.report.export import Format, encode
from overnight.report.jsons import to_json
from overnight.report.rows import trial_rows
from overnight.stats import pooled_noise
from overnight.workspace.repository import Repository


def write_all(options: argparse.Namespace, measured: Measured, state: str) -> None:
    """The report, and everything that it was made from."""
    lines = ["# A night of nanolm", "", state, f"Each run trained for {options.train_s} s."]
    if options.noise:
        lines += ["", "## Noise of the baseline", "", *noise_lines(measured, runs=options.noise)]
    layout = Layout(options.work / "study")
    if layout.ledger.exists():
        lines += ["", *study_lines(layout, options.out)]
        shutil.make_archive(str(options.out / "study"), "gztar", options.work, "study")
    if measured.file.exists():
        shutil.copy(measured.file, options.out)
    (options.out / "report.md").write_text("\n".join(lines) + "\n")


def study_lines(layout: Layout, out: Path) -> list[str]:
    """The comparison as far as it is; writes it as JSON too, and all trials as a table."""
    with closing(LedgerReader(layout.ledger)) as reader:
        (out / "trials.tsv").write_bytes(encode(trial_rows(reader), Format.TSV))
        if not reader.comparisons():
            return ["No arm has begun."]
        with closing(Repository(layout.root, reader.study.name)) as repository:
            found = analyse(contest_of(reader, repository, 1))
    (out / "comparison.json").write_text(to_json(comparison_json(found), indent=1) + "\n")
    return comparison_lines(found)


def noise_lines(measured: Measured, *, runs: int) -> Iterator[str]:
    """What the baseline gave with different seeds."""
    values = [value for seed, value in measured.values(BASELINE).items() if seed <= runs]
    if not values:
        yield "It was not measured."
        return
    yield f"{len(values)} runs, each with a seed of its own: mean {fmean(values):.5f}, standard"
    yield f"deviation {pooled_noise([values]).sd:.5f}, {min(values):.5f} to {max(values):.5f};"
    yield f"{measured.mean_text(BASELINE, 'num_steps', digits=0)} steps,"
    yield f"{measured.mean_text(BASELINE, 'total_tokens_M', digits=1)} million tokens,"
    yield f"MFU {measured.mean_text(BASELINE, 'mfu_percent', digits=1)} %."
