import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from expertswap.checkpoint import Checkpoint
from expertswap.cli.main import app
from expertswap.errors import ExpertswapError, NotMixtureOfExperts
from expertswap.testing.tiny_models import tiny_checkpoint

TinyCheckpoints = Callable[[str], Path]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["quantize", *map(str, arguments)])


def succeeded(*arguments: object) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("scale", ["absmax", "mse"])
def test_it_says_what_becomes_of_the_experts_and_writes_them(
    tiny_qwen3: Path, tmp_path: Path, scale: str
) -> None:
    said = succeeded(tiny_qwen3, tmp_path / "out", "--group", 8, "--scale", scale)
    assert "8 experts in each of 2 layers: 4 bits, a scale for 8 weights" in said
    assert "vLLM has kernels for groups of 32" in said
    assert re.search(r"experts: .* become .*, \d\.\d\d times smaller", said)
    assert re.search(r"written in .* s, .*iB/s", said)
    assert Checkpoint.open(tmp_path / "out").shape == Checkpoint.open(tiny_qwen3).shape


def test_a_dry_run_says_the_same_and_writes_nothing(tiny_qwen3: Path, tmp_path: Path) -> None:
    dry = succeeded(tiny_qwen3, tmp_path / "out", "--group", 0, "--bits", 8, "--dry-run")
    assert "8 bits, a scale for each row" in dry
    assert "vLLM" not in dry
    assert not list(tmp_path.iterdir())
    assert succeeded(tiny_qwen3, tmp_path / "out", "--group", 0, "--bits", 8).startswith(dry)


def test_quantising_leaves_the_identity_of_the_model_as_it_is(
    tiny_qwen3: Path, tmp_path: Path
) -> None:
    succeeded(tiny_qwen3, tmp_path / "out", "--group", 8)
    after = Checkpoint.open(tmp_path / "out")
    assert after.fingerprint == Checkpoint.open(tiny_qwen3).fingerprint
    assert after.expert_bytes < Checkpoint.open(tiny_qwen3).expert_bytes


def test_half_the_experts_in_four_bits_are_nearly_eight_times_smaller(tmp_path: Path) -> None:
    source = tiny_checkpoint(
        "qwen3_moe",
        tmp_path / "model",
        hidden_size=128,
        moe_intermediate_size=128,
        dtype="bfloat16",
    )
    runner = CliRunner()
    half, small = tmp_path / "half", tmp_path / "small"
    pruned = runner.invoke(app, ["prune", str(source), str(half), "--by", "random"])
    assert pruned.exit_code == 0, pruned.output
    succeeded(half, small)

    def bytes_of_experts(path: Path) -> int:
        checkpoint = Checkpoint.open(path)
        shape = checkpoint.shape
        return checkpoint.expert_bytes * shape.num_experts * len(shape.moe_layers)

    ratio = bytes_of_experts(source) / bytes_of_experts(small)
    assert ratio >= 7.7


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--data", "prompts.jsonl"), "takes no prompts"),
        (("--method", "gptq"), "GPTQ needs prompts"),
        (("--method", "awq", "--data", "p.jsonl", "--scale", "mse"), "leave --scale out"),
        (("--group", -1), "--group"),
    ],
)
def test_options_that_contradict_each_other_are_a_mistake_of_usage(
    tiny_qwen3: Path, tmp_path: Path, options: tuple[object, ...], said: str
) -> None:
    result = run(tiny_qwen3, tmp_path / "out", *options)
    assert result.exit_code == 2
    assert said in result.output


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--bits", 3), "Use 4 or 8"),
        ((), "do not fall into groups of 128"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(
    tiny_qwen3: Path, tmp_path: Path, options: tuple[object, ...], said: str
) -> None:
    error = run(tiny_qwen3, tmp_path / "out", *options).exception
    assert isinstance(error, ExpertswapError)
    assert said in str(error)
    assert not list(tmp_path.iterdir())


def test_a_dense_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "qwen3"}))
    assert isinstance(run(tmp_path, tmp_path / "out").exception, NotMixtureOfExperts)


def test_an_existing_output_is_refused_before_a_calibration(
    tiny_qwen3: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    options = ("--group", 8, "--method", "gptq", "--data", tmp_path / "missing.jsonl")
    error = run(tiny_qwen3, tmp_path / "out", *options).exception
    assert isinstance(error, ExpertswapError)
    assert "exists" in str(error)
