import struct
from pathlib import Path
from typing import Any

import pytest

from overnight.errors import OvernightError
from overnight.ledger.queries import LedgerReader
from overnight.report.drawing import progress_spec
from overnight.report.points import Kind, points_of
from overnight.report.progress import headline, write_progress
from overnight.report.rows import trial_rows
from overnight.testing.nights import NightWriter
from overnight.types import Verdict


def _spec(reader: LedgerReader) -> dict[str, Any]:
    points = points_of(trial_rows(reader))
    return progress_spec(points, goal=reader.study.goal, title="tiny", subtitle=["a", "b"])


def _drawn(spec: dict[str, Any], *, mark: str) -> list[dict[str, Any]]:
    """The data of every layer with a mark, wherever it stands in the picture."""
    names = [part["data"]["name"] for part in _parts(spec) if part["mark"]["type"] == mark]
    return [datum for name in names for datum in spec["datasets"][name]]


def _parts(spec: dict[str, Any]) -> list[dict[str, Any]]:
    inside = [*spec.get("vconcat", ()), *spec.get("layer", ())]
    return [part for one in inside for part in _parts(one)] if inside else [spec]


def test_a_png_of_plausible_size(reader: LedgerReader, tmp_path: Path) -> None:
    path = tmp_path / "progress.png"
    write_progress(reader, path)
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", content[16:24])
    assert 1500 < width < 3000
    assert 1000 < height < 2500
    assert 10_000 < len(content) < 1_000_000
    assert list(tmp_path.glob(".progress*")) == []


def test_an_svg_shows_foreign_text_literally(night: NightWriter, tmp_path: Path) -> None:
    night.baseline(1.0)
    night.trial("<script>&\x1b[31m\x07 [bold]", Verdict.KEEP, value=0.5)
    path = tmp_path / "progress.SVG"
    write_progress(night.ledger, path)
    text = path.read_text(encoding="utf-8")
    assert "<script>" not in text
    assert "&lt;script&gt;&amp; [31m [bold]" in text
    assert text.rstrip().endswith("</svg>")


def test_every_kind_is_drawn(night: NightWriter, reader: LedgerReader) -> None:
    assert night.demote(8) == [8]
    spec = _spec(reader)
    drawn = {(datum["number"], datum["kind"]) for datum in _drawn(spec, mark="point")}
    assert {kind for _, kind in drawn} == {*Kind}
    assert {number for number, _ in drawn} == {0, 1, 2, 3, 4, 5, 6, 8}
    labels = {datum.get("title") for datum in _drawn(spec, mark="text")}
    assert labels >= {"a wider model"}
    assert "cosine decay" not in labels, "a keep that was taken back is no step of the best"


def test_an_outlier_is_drawn_at_the_edge(night: NightWriter) -> None:
    night.baseline(1.0)
    night.trial("better", Verdict.KEEP, value=0.9)
    for value in (1.01, 1.02, 1.03, 1.04, 9e9):
        night.trial("worse", Verdict.DISCARD, value=value)
    spec = _spec(night.ledger)
    told = {datum.get("told") for datum in _drawn(spec, mark="text")}
    assert told >= {"1 off the scale", "baseline 1", "best 0.9"}
    assert max(datum["value"] for datum in _drawn(spec, mark="point")) < 1.2


def test_headline(reader: LedgerReader) -> None:
    first, second = headline(reader.study, points_of(trial_rows(reader)))
    assert first == "val_loss 1 → 0.8, 20% better (lower is better)"
    assert second == "7 trials in 32m 00s: 2 kept, 1 discarded, 3 failed, 1 refused"


@pytest.mark.parametrize("trials", [0, 1])
def test_hardly_any_trial_is_no_problem(night: NightWriter, tmp_path: Path, trials: int) -> None:
    if trials:
        night.baseline(1.0)
    write_progress(night.ledger, tmp_path / "progress.png")
    assert (tmp_path / "progress.png").stat().st_size > 1000


def test_another_suffix_is_refused(reader: LedgerReader, tmp_path: Path) -> None:
    with pytest.raises(OvernightError, match=r"progress\.svg"):
        write_progress(reader, tmp_path / "progress.bmp")
