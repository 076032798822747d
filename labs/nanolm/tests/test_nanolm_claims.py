"""Single changes beside the baseline: pairs, intervals, and the run that waits for its turn."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

LAB = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(LAB)


def test_gains_are_means_of_pairs_with_their_interval(tmp_path: Path) -> None:
    base = {101: 1.0, 102: 1.5, 103: 2.0}
    gains = {"half the batch": (0.1, 0.2, 0.3), "depth 10": (-0.31, -0.3, -0.29)}
    rows = [("baseline", seed, value) for seed, value in base.items()]
    for variant, by_seed in gains.items():
        rows += [(variant, s, base[s] - gain) for s, gain in zip(base, by_seed, strict=True)]
    table = _table(tmp_path, rows)
    # Student's t for two degrees of freedom is 4.303; both spreads by hand.
    assert table["half the batch"][:3] == ["0.2 [-0.04841, 0.4484]", "cannot be told", "3"]
    assert table["depth 10"][:3] == ["-0.3 [-0.3248, -0.2752]", "worse", "3"]
    assert table["half the batch over depth 10"] == ["0.5 [0.2764, 0.7236]", "better", "3"]
    assert table["depth 7"][:3] == ["?", "?", "0"]


def test_a_run_without_its_pair_or_its_metric_counts_for_nothing(tmp_path: Path) -> None:
    rows = [("baseline", 101, 1.0), ("depth 7", 101, 0.9), ("depth 7", 102, 0.1)]
    table = _table(tmp_path, [*rows, ("baseline", 103, 1.0), ("depth 7", 103, None)])
    assert table["depth 7"][:4] == ["0.1 [not known]", "cannot be told", "1", "1"]


@pytest.mark.slow
@pytest.mark.parametrize(("given", "said"), [("7\n", "seed 7\n"), ("", "")])
def test_a_run_waits_for_its_seed(tmp_path: Path, given: str, said: str) -> None:
    pytest.importorskip("torch")
    source = "from prepare import SEED, total_seconds\nassert total_seconds() < 1\n"
    (tmp_path / "train.py").write_text(source + "print('seed', SEED)\n")
    program = [sys.executable, str(LAB / "gpu_night" / "waiting.py")]
    run = subprocess.run(
        program, cwd=tmp_path, input=given, stdout=subprocess.PIPE, text=True, check=True
    )
    assert run.stdout == said


def _table(work: Path, rows: Sequence[tuple[str, int, float | None]]) -> dict[str, list[str]]:
    """The cells of the report's lines by their first."""
    from gpu_night.budget import Timer  # noqa: PLC0415 - found by the fixture above
    from gpu_night.claims import claim_lines  # noqa: PLC0415 - likewise
    from gpu_night.measured import Measured  # noqa: PLC0415 - likewise

    others = {"num_steps": 9.0, "total_tokens_M": 1.0, "mfu_percent": 30.0}
    with (work / "measured.jsonl").open("w") as file:
        for variant, seed, value in rows:
            metrics = None if value is None else {"val_bpb": value, **others}
            for train_s, found in ((1, metrics), (60, None)):  # a longer run is not for this report
                row = {"variant": variant, "seed": seed, "train_s": train_s, "metrics": found}
                print(json.dumps(row), file=file)
    lines = claim_lines(Measured(work, Timer(1, run_s=1), train_s=1))
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {first: rest for first, *rest in cells}
