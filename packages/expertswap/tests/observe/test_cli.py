import json
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from expertswap.cli.main import app
from expertswap.errors import (
    ExpertswapError,
    NotMixtureOfExperts,
    ObservationError,
    OutputError,
    PromptsError,
)
from expertswap.observation import load_observation
from expertswap.trace import load_trace

TinyCheckpoints = Callable[[str], Path]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "prompts.jsonl"
    lines = [{"text": f"def f{number}(): return {number}" * 3} for number in range(8)]
    talk = [{"role": "user", "content": "Hello"}]
    lines.append({"messages": talk, "domain": "talk"})  # type: ignore[dict-item] # JSON
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def observe(model: Path, *arguments: object) -> Result:
    return CliRunner().invoke(app, ["observe", str(model), *map(str, arguments)])


def error_of(result: Result) -> str:
    assert isinstance(result.exception, ExpertswapError)
    return str(result.exception)


def test_prompts_become_an_observation_and_a_trace(
    tiny_qwen3: Path, data: Path, tmp_path: Path
) -> None:
    out, trace = tmp_path / "seen.safetensors", tmp_path / "trace.parquet"
    result = observe(tiny_qwen3, "--data", data, "--out", out, "--trace", trace, "--generate", 2)
    assert result.stdout == f"{out}\n"
    assert "9 prompts of" in result.stderr
    seen = load_observation(out)
    assert seen.domains == ("prompts", "talk")
    assert load_trace(trace).num_tokens == seen.tokens_D.sum()
    assert {path.name for path in tmp_path.iterdir()} == {data.name, out.name, trace.name}


def test_sessions_and_long_prompts(tiny_qwen3: Path, tmp_path: Path) -> None:
    log = tmp_path / "logs" / "1.jsonl"
    log.parent.mkdir()
    told = {"type": "user", "message": {"content": "long " * 200}}
    log.write_text(json.dumps(told) + "\n{broken\n")
    out = tmp_path / "seen.safetensors"
    result = observe(
        tiny_qwen3, "--sessions", log.parent, "--out", out, "--layerwise", "--max-tokens", 100
    )
    assert "1 sessions in 1 logs; of 2 records 1 were not understood" in result.stderr
    assert "cut at 100" in result.stderr
    seen = load_observation(out)
    assert (seen.domains, list(seen.tokens_D)) == (("sessions",), [100])


def test_longer_prompts_than_the_model_reads(tiny_qwen3: Path, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "seen.safetensors"
    result = observe(tiny_qwen3, "--data", data, "--out", out, "--max-tokens", 513)
    assert "at most 512 tokens" in error_of(result)


def test_no_prompts(tiny_qwen3: Path, tmp_path: Path) -> None:
    out, empty = tmp_path / "seen.safetensors", tmp_path / "empty.jsonl"
    empty.touch()
    for arguments in ([], ["--data", empty]):
        result = observe(tiny_qwen3, *arguments, "--out", out)
        assert isinstance(result.exception, PromptsError)
        assert "no prompts" in error_of(result)


def test_a_damaged_line(tiny_qwen3: Path, data: Path, tmp_path: Path) -> None:
    data.write_text(data.read_text() + "{oops\n")
    result = observe(tiny_qwen3, "--data", data, "--out", tmp_path / "seen.safetensors")
    assert f"{data}, line 10 is not JSON" in error_of(result)


def test_a_dense_model(data: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "config.json").write_text('{"model_type": "llama", "hidden_size": 8}')
    result = observe(model, "--data", data, "--out", tmp_path / "seen.safetensors")
    assert isinstance(result.exception, NotMixtureOfExperts)


@pytest.mark.parametrize("option", [("--device", "abacus"), ("--dtype", "int3")])
def test_what_torch_does_not_know_is_a_usage_error(
    option: tuple[str, str], tiny_qwen3: Path, data: Path, tmp_path: Path
) -> None:
    result = observe(tiny_qwen3, "--data", data, "--out", tmp_path / "seen", *option)
    assert result.exit_code == 2
    assert option[1] in result.stderr


@contextmanager
def files_at_most(size: int) -> Iterator[None]:
    """As on a disk that is nearly full: writing beyond a size fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


@pytest.mark.parametrize("way", ["--whole", "--layerwise"])
def test_a_full_disk_loses_nothing_that_was_done(
    way: str, tiny_qwen3: Path, data: Path, tmp_path: Path
) -> None:
    out, straight = tmp_path / "seen.safetensors", tmp_path / "straight.safetensors"
    command = ("--data", data, "--out", out, way)
    with files_at_most(2000):
        result = observe(tiny_qwen3, *command)
    assert isinstance(result.exception, OutputError)
    assert not out.exists()
    assert not list(tmp_path.glob("**/*.partial"))
    assert isinstance(observe(tiny_qwen3, *command).exception, ObservationError)
    assert observe(tiny_qwen3, *command, "--resume").exit_code == 0
    assert observe(tiny_qwen3, "--data", data, "--out", straight, way).exit_code == 0
    again, once = load_observation(out), load_observation(straight)
    np.testing.assert_array_equal(again.count_DLE, once.count_DLE)
    np.testing.assert_array_equal(again.gated_norm_sum_DLE, once.gated_norm_sum_DLE)


@pytest.mark.slow
@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_run_goes_on(
    stop: signal.Signals, tiny_qwen3: Path, data: Path, tmp_path: Path
) -> None:
    data.write_text(data.read_text() * 40)
    out, straight = tmp_path / "seen.safetensors", tmp_path / "straight.safetensors"
    few = ("--batch-tokens", 40, "--layerwise")
    program = [sys.executable, "-c", "from expertswap.cli.main import main; main()", "observe"]
    command = [*program, tiny_qwen3, "--data", data, "--out", out, *few]
    process = subprocess.Popen([*map(str, command)], stderr=subprocess.DEVNULL)
    directory = out.with_name(f"{out.name}.observing")
    deadline = time.monotonic() + 120
    while not list(directory.glob("hidden-001-00000[3-9]*")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(stop)
    assert process.wait() == {signal.SIGKILL: -signal.SIGKILL, signal.SIGINT: 130}[stop]
    assert not out.exists()
    assert directory.exists()
    assert observe(tiny_qwen3, "--data", data, "--out", out, *few, "--resume").exit_code == 0
    assert observe(tiny_qwen3, "--data", data, "--out", straight, *few).exit_code == 0
    again, once = load_observation(out), load_observation(straight)
    np.testing.assert_array_equal(again.count_DLE, once.count_DLE)
    np.testing.assert_array_equal(again.gated_norm_sum_DLE, once.gated_norm_sum_DLE)
