"""Whole repositories in small: what `overnight init` makes of them."""

import os
from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

import pytest

from overnight.discover import Certainty, Discovery, Given, discover
from overnight.discover.render import missing
from overnight.discover.snapshot import open_snapshot
from overnight.types import Goal


def look(files: Mapping[str, str], settled: Given | None = None) -> Discovery:
    texts = {path: dedent(text) for path, text in files.items()}
    return discover(texts, folder="somewhere", settled=settled)


def values(findings: object) -> list[str]:
    assert isinstance(findings, tuple)
    return [finding.value for finding in findings]


GPT_STUDY = {
    "program.md": """\
        # Night shift

        ## Preparation
        Look at these files first:
        - `README.md` for an overview.
        - `prepare.py` holds the data and the scoring. Do not modify.
        - `train.py` is the file you modify.
        If the data is missing, ask for `uv run prepare.py`.

        ## The work
        Start a run with `uv run train.py`. A run that exceeds 12 minutes is killed.

        **Forbidden: what you must not do:**
        - Modify `prepare.py`. It is read-only.
        - Add packages that are not in `pyproject.toml`.

        Aim for the lowest val_bpb.

        ```
        val_bpb:      1.012345
        peak_vram_mb: 45060.2
        ```

        1. Tune `train.py` with an idea.
        2. Run it: `uv run train.py > run.log 2>&1`.
        """,
    "README.md": """\
        # A model, trained overnight
        ```bash
        uv sync
        uv run prepare.py   # once
        uv run train.py
        ```
        """,
    "prepare.py": """\
        TIME_BUDGET = 300
        EVAL_TOKENS = 40 * 524288
        def evaluate_bpb(model): ...
        print(f"Data: {1} shards")
        """,
    "train.py": """\
        import torch
        from prepare import TIME_BUDGET, evaluate_bpb
        print(f"Vocab size: {8192:,}")
        for step in range(10):
            print(f"step: {step}")
        print("---")
        print(f"val_bpb:          {evaluate_bpb(None):.6f}")
        print(f"training_seconds: {TIME_BUDGET:.1f}")
        print(f"peak_vram_mb:     {torch.cuda.max_memory_allocated() / 2**20:.1f}")
        """,
    "pyproject.toml": '[project]\nname = "night shift"\n',
    "uv.lock": "",
}


def test_gpt_training() -> None:
    found = look(GPT_STUDY)
    assert found.name.value == "night-shift"
    assert found.program is not None
    assert found.metric is not None
    assert (found.metric.value, str(found.metric.source)) == ("val_bpb", "program.md:17")
    assert found.metric.certainty is Certainty.STATED
    assert found.goal is not None
    assert found.goal.value is Goal.MINIMIZE
    assert values(found.editable) == ["train.py"]
    assert values(found.protected) == ["prepare.py"]
    assert found.measure is not None
    assert found.measure.value == "uv run train.py"
    assert found.setup is not None
    assert found.setup.value == "uv sync"
    assert (found.deadline_s.value, str(found.deadline_s.source)) == (600, "prepare.py:1")
    assert {"val_bpb", "training_seconds", "peak_vram_mb"} <= set(values(found.reported))
    assert found.constraint is not None
    assert found.constraint.value == "peak_vram_mb <= 46000"


def test_gpt_training_without_documents() -> None:
    found = look({path: text for path, text in GPT_STUDY.items() if not path.endswith(".md")})
    assert found.metric is not None
    assert found.metric.value == "val_bpb"
    assert found.measure is not None
    assert found.measure.value == "uv run train.py"
    assert found.measure.certainty is Certainty.GUESS
    assert values(found.editable) == ["train.py"]
    assert values(found.protected) == ["prepare.py"]
    assert missing(found) == []


def test_a_script_that_prints_its_accuracy() -> None:
    found = look(
        {
            "fit.py": """\
                from sklearn.ensemble import RandomForestClassifier
                accuracy = 0.93
                print("accuracy = %.3f" % accuracy)
                """,
            "requirements.txt": "scikit-learn\n",
        }
    )
    assert found.metric is not None
    assert found.goal is not None
    assert (found.metric.value, found.goal.value) == ("accuracy", Goal.MAXIMIZE)
    assert found.measure is not None
    assert found.measure.value == "python fit.py"
    assert values(found.editable) == ["fit.py"]
    assert found.deadline_s.value == 600
    assert found.deadline_s.certainty is Certainty.GUESS


def test_a_benchmark_judges_what_it_imports() -> None:
    found = look(
        {
            "benchmarks/bench.py": """\
                import json
                from parser.core import parse
                result = {"name": "small", "latency_ms": 1.5}
                result["peak_rss_mb"] = 10.0
                print(json.dumps(result))
                """,
            "parser/__init__.py": "",
            "parser/core.py": "def parse(): ...\n",
            "tests/test_core.py": "",
            "README.md": "Measure with `python benchmarks/bench.py --json`.\n",
        }
    )
    assert found.metric is not None
    assert found.goal is not None
    assert (found.metric.value, found.goal.value) == ("latency_ms", Goal.MINIMIZE)
    assert found.measure is not None
    assert found.measure.value == "python benchmarks/bench.py --json"
    assert values(found.editable) == ["parser/**"]
    assert values(found.protected) == ["tests/**", "benchmarks/**"]
    assert values(found.reported) == ["latency_ms", "peak_rss_mb"]


def test_one_script_that_says_nothing() -> None:
    found = look({"main.py": "print('hello')\n"})
    assert found.measure is not None
    assert found.measure.value == "python main.py"
    assert values(found.editable) == ["main.py"]
    assert missing(found) == ["--metric", "--goal"]


def test_another_language_is_asked_about() -> None:
    found = look({"src/main.c": "int main(void) { return 0; }\n", "README": "A program in C.\n"})
    assert missing(found) == ["--metric", "--goal", "--editable", "--measure"]


def test_another_language_whose_documents_speak() -> None:
    found = look(
        {
            "Cargo.toml": "",
            "Cargo.lock": "",
            "src/lib.rs": "",
            "benches/sort.rs": "",
            "README.md": """\
                Run `cargo bench`; it prints

                ```
                sort_ms: 12.5
                ```

                Lower is better.
                """,
        }
    )
    assert found.measure is not None
    assert found.measure.value == "cargo bench"
    assert found.metric is not None
    assert (found.metric.value, str(found.metric.source)) == ("sort_ms", "README.md:4")
    assert values(found.editable) == ["src/**"]
    assert values(found.protected) == ["benches/**"]
    assert missing(found) == []


def test_an_objective_that_nothing_prints_is_a_guess() -> None:
    found = look(
        {
            "README.md": "Reach the lowest loss.\n",
            "train.py": "print(f'Warning: {1}')\nprint(f'score: {1}')\n",
        }
    )
    assert found.metric is not None
    assert found.metric.value == "score"

    spoken = look({"README.md": "Reach the lowest val_loss.\n", "train.py": ""})
    assert spoken.metric is not None
    assert (spoken.metric.value, spoken.metric.certainty) == ("val_loss", Certainty.GUESS)


def test_a_make_target() -> None:
    found = look(
        {
            "Makefile": """\
                .PHONY: bench install
                PYTHON := python3
                install:
                \tpip install .
                bench: install
                \t@python tools/score.py --all
                """,
            "tools/score.py": "from src.engine import go\nprint('throughput:', go())\n",
            "src/engine.py": "def go(): return 1\n",
        }
    )
    assert found.measure is not None
    assert (found.measure.value, str(found.measure.source)) == ("make bench", "Makefile:5")
    assert found.metric is not None
    assert found.metric.value == "throughput"
    assert values(found.editable) == ["src/engine.py"]
    assert values(found.protected) == ["tools/score.py", "Makefile"]


def test_a_summary_that_a_helper_prints() -> None:
    found = look(
        {
            "train.py": """\
                from prepare import print_summary
                print_summary({"val_bpb": 2.0, "num_steps": 10, "device": "cpu"})
                """,
            "prepare.py": "TIME_BUDGET_S = 5.0\ndef print_summary(metrics): ...\n",
        }
    )
    assert values(found.reported) == ["val_bpb", "num_steps"]
    assert found.deadline_s.value == 90


def test_the_forbidden_part_is_cut_out_of_an_editable_folder() -> None:
    found = look(
        {
            "program.md": "Change anything in `src/`.\nNever edit `src/core/score.py`.\n",
            "src/core/model.py": "",
            "src/core/score.py": "",
            "src/util/io.py": "",
        }
    )
    assert values(found.editable) == ["src/core/model.py", "src/util/**"]
    assert values(found.protected) == ["src/core/score.py"]


def test_what_is_given_steers_the_rest() -> None:
    files = {
        "train.py": "print(f'loss: {1}')\n",
        "speed.py": "import train\nprint(f'tokens_per_second: {1}')\n",
    }
    found = look(files, Given(measure="python speed.py", editable=("train.py",)))
    assert found.metric is not None
    assert found.goal is not None
    assert (found.metric.value, found.goal.value) == ("tokens_per_second", Goal.MAXIMIZE)
    assert values(found.editable) == ["train.py"]


def test_given_files_are_never_protected() -> None:
    found = look(GPT_STUDY, Given(editable=("prepare.py",)))
    assert values(found.editable) == ["prepare.py"]
    assert values(found.protected) == []


@pytest.mark.skipif(
    "OVERNIGHT_AUTORESEARCH" not in os.environ, reason="needs a checkout of autoresearch"
)
def test_autoresearch_itself() -> None:
    found = discover(open_snapshot(Path(os.environ["OVERNIGHT_AUTORESEARCH"])), folder="x")
    assert missing(found) == []
    assert found.metric is not None
    assert found.metric.value == "val_bpb"
    assert values(found.editable) == ["train.py"]
    assert values(found.protected) == ["prepare.py"]
    assert found.measure is not None
    assert found.measure.value == "uv run train.py"
    assert found.deadline_s.value == 600
    assert found.constraint is not None
    assert found.constraint.value.startswith("peak_vram_mb <=")
