"""Whole or layer by layer, in one go or interrupted: the same observation."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from transformers import AutoModelForCausalLM

from expertswap.checkpoint.reading import Checkpoint
from expertswap.errors import CheckpointError, ObservationError, OutputError
from expertswap.observation import Observation, merged
from expertswap.observe.resuming import RunDirectory
from expertswap.observe.run import ObserveSettings, Progress, observe
from expertswap.prompts.tokens import TokenizedPrompt
from expertswap.testing.tiny_models import MODEL_TYPES
from expertswap.trace import load_trace

TinyCheckpoints = Callable[[str], Path]

SUMS = ("gate_sum_DLE", "norm_sum_DLE", "gated_norm_sum_DLE")
COUNTS = ("tokens_D", "count_DLE", "coactivation_LEE")
Observe = Callable[..., Observation]


def some_prompts(count: int = 12, *, seed: int = 0) -> list[TokenizedPrompt]:
    """Random bytes of two domains, of several lengths."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(1, 30, count)
    return [
        TokenizedPrompt(
            number, ("code", "prose")[number % 2], rng.integers(0, 256, length).astype(np.int32)
        )
        for number, length in enumerate(lengths)
    ]


@pytest.fixture
def observe_in(tmp_path: Path) -> Observe:
    """Observes prompts in chunks of about 300 tokens, in a run directory of the given name."""

    def run(
        model: Path,
        prompts: list[TokenizedPrompt],
        *,
        name: str = "run",
        layerwise: bool = False,
        generate: int = 0,
        trace: Path | None = None,
        resume: bool = False,
        progress: Progress = lambda _done, _total: None,
        batch_tokens: int = 40,
    ) -> Observation:
        settings = ObserveSettings(
            dtype=torch.float32,
            device=torch.device("cpu"),
            layerwise=layerwise,
            generate=generate,
            batch_tokens=batch_tokens,
            trace=trace is not None,
        )
        return observe(
            Checkpoint.open(model),
            prompts,
            settings,
            directory=RunDirectory(tmp_path / name),
            resume=resume,
            trace_to=trace,
            progress=progress,
        )

    return run


def assert_same(left: Observation, right: Observation) -> None:
    """Equal counts, sums to a millionth."""
    assert left.model.fingerprint == right.model.fingerprint
    assert left.domains == right.domains
    for name in COUNTS:
        np.testing.assert_array_equal(getattr(left, name), getattr(right, name), err_msg=name)
    for name in (*SUMS, "max_activation_LE"):
        np.testing.assert_allclose(
            getattr(left, name), getattr(right, name), rtol=1e-6, atol=1e-9, err_msg=name
        )


@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_layer_by_layer_sees_what_the_whole_model_does(
    model_type: str, tiny_checkpoints: TinyCheckpoints, observe_in: Observe, tmp_path: Path
) -> None:
    model, prompts = tiny_checkpoints(model_type), some_prompts()
    one, other = tmp_path / "whole.parquet", tmp_path / "layers.parquet"
    whole = observe_in(model, prompts, name="whole", trace=one)
    layers = observe_in(model, prompts, name="layers", trace=other, layerwise=True)
    assert_same(whole, layers)
    np.testing.assert_array_equal(load_trace(one).experts_TLK, load_trace(other).experts_TLK)
    assert whole.tokens_D.sum() == sum(map(len, prompts))
    np.testing.assert_array_equal(
        whole.count_DLE.sum(axis=2),
        np.tile(whole.tokens_D[:, None] * whole.model.shape.top_k, len(whole.count_LE)),
    )


def test_coactivation_is_what_the_trace_says(
    tiny_qwen3: Path, observe_in: Observe, tmp_path: Path
) -> None:
    seen = observe_in(tiny_qwen3, some_prompts(), trace=tmp_path / "trace.parquet")
    trace = load_trace(tmp_path / "trace.parquet")
    expected = np.zeros_like(seen.coactivation_LEE)
    for token_LK in trace.experts_TLK:
        for layer, chosen_K in enumerate(token_LK):
            expected[layer][np.ix_(chosen_K, chosen_K)] += 1
    np.testing.assert_array_equal(seen.coactivation_LEE, expected)
    assert trace.gates_TLK.sum() == pytest.approx(seen.gate_sum_DLE.sum(), rel=1e-6)


def test_padding_changes_nothing(tiny_qwen3: Path, observe_in: Observe) -> None:
    prompts = some_prompts()
    together = observe_in(tiny_qwen3, prompts, name="together", batch_tokens=400)
    alone = observe_in(tiny_qwen3, prompts, name="alone", batch_tokens=1)
    np.testing.assert_array_equal(together.count_DLE, alone.count_DLE)
    np.testing.assert_allclose(together.gated_norm_sum_DLE, alone.gated_norm_sum_DLE, rtol=1e-4)


def test_shards_add_up(tiny_qwen3: Path, observe_in: Observe) -> None:
    prompts = some_prompts()
    shards = [
        observe_in(tiny_qwen3, prompts[part::2], name=f"shard {part}", batch_tokens=1)
        for part in (0, 1)
    ]
    assert_same(merged(*shards), observe_in(tiny_qwen3, prompts, batch_tokens=1))


def test_a_prompt_is_one_step_and_each_generated_token_another(
    tiny_qwen3: Path, observe_in: Observe, tmp_path: Path
) -> None:
    prompts = some_prompts(30)
    seen = observe_in(tiny_qwen3, prompts, generate=4, trace=tmp_path / "trace.parquet")
    trace = load_trace(tmp_path / "trace.parquet")
    assert trace.num_tokens == seen.tokens_D.sum()
    assert (np.diff(trace.step_T) >= 0).all()
    assert set(np.diff(trace.step_T)) == {0, 1}
    step = 0
    for prompt in prompts:
        mine = trace.of(trace.prompt_T == prompt.number)
        assert list(mine.position_T) == [*range(mine.num_tokens)]
        generated = mine.num_tokens - len(prompt)
        assert 0 <= generated <= 4
        assert list(mine.step_T) == [step] * len(prompt) + [step + 1 + i for i in range(generated)]
        step += 1 + generated


def test_generating_routes_as_reading_the_same_tokens_would(
    tiny_qwen3: Path, observe_in: Observe, tmp_path: Path
) -> None:
    """The cache and the padding on the left do not change what a token does."""
    prompts = some_prompts(6, seed=3)
    observe_in(tiny_qwen3, prompts, generate=5, trace=tmp_path / "said.parquet")
    said = load_trace(tmp_path / "said.parquet")
    model: Any = AutoModelForCausalLM.from_pretrained(tiny_qwen3)
    read = []
    for prompt in prompts:
        ids = torch.tensor(prompt.token_ids[None]).long()
        whole = model.generate(ids, max_new_tokens=5, do_sample=False)[0].numpy()
        length = (said.prompt_T == prompt.number).sum()
        read.append(TokenizedPrompt(prompt.number, prompt.domain, whole[:length].astype(np.int32)))
    observe_in(tiny_qwen3, read, name="read", trace=tmp_path / "read.parquet")
    again = load_trace(tmp_path / "read.parquet")
    np.testing.assert_array_equal(again.prompt_T, said.prompt_T)
    np.testing.assert_array_equal(again.experts_TLK, said.experts_TLK)


class Stopped(BaseException):
    """As a signal would end the run."""


@pytest.mark.parametrize("layerwise", [False, True])
def test_an_interrupted_run_goes_on_to_the_same_result(
    layerwise: bool, tiny_qwen3: Path, observe_in: Observe, tmp_path: Path
) -> None:
    prompts, trace = some_prompts(80), tmp_path / "trace.parquet"
    straight = observe_in(tiny_qwen3, prompts, name="straight", layerwise=layerwise, trace=trace)
    expected = load_trace(trace)
    total = sum(map(len, prompts)) * (2 if layerwise else 1)
    begun: list[int] = []
    for part in (0.3, 0.45, 0.8):

        def stop(done: int, _total: int, *, part: float = part) -> None:
            begun.append(done)
            if done > part * total:
                raise Stopped

        with pytest.raises(Stopped):
            observe_in(
                tiny_qwen3, prompts, layerwise=layerwise, trace=trace, resume=True, progress=stop
            )
    begun.clear()
    again = observe_in(
        tiny_qwen3,
        prompts,
        layerwise=layerwise,
        trace=trace,
        resume=True,
        progress=lambda done, _total: begun.append(done),
    )
    assert begun[0] > 0.3 * total
    assert_same(again, straight)
    np.testing.assert_array_equal(load_trace(trace).experts_TLK, expected.experts_TLK)
    np.testing.assert_array_equal(load_trace(trace).step_T, expected.step_T)


def test_an_unfinished_run_is_neither_overwritten_nor_mixed_with_another(
    tiny_qwen3: Path, tiny_checkpoints: TinyCheckpoints, observe_in: Observe
) -> None:
    prompts = some_prompts()
    observe_in(tiny_qwen3, prompts)
    with pytest.raises(ObservationError, match=r"unfinished.*--resume"):
        observe_in(tiny_qwen3, prompts)
    with pytest.raises(ObservationError, match="another observation: its model"):
        observe_in(tiny_checkpoints("mixtral"), prompts, resume=True)
    with pytest.raises(ObservationError, match="its prompts"):
        observe_in(tiny_qwen3, prompts[1:], resume=True)


def test_a_damaged_run_is_one_sentence(
    tiny_qwen3: Path, observe_in: Observe, tmp_path: Path
) -> None:
    observe_in(tiny_qwen3, some_prompts())
    sums = tmp_path / "run" / "sums-000.safetensors"
    sums.write_bytes(sums.read_bytes()[:-9])
    with pytest.raises(ObservationError, match=r"cannot be read.*begin again"):
        observe_in(tiny_qwen3, some_prompts(), resume=True)


def test_nothing_is_generated_layer_by_layer(tiny_qwen3: Path, observe_in: Observe) -> None:
    with pytest.raises(ObservationError, match="--whole"):
        observe_in(tiny_qwen3, some_prompts(), layerwise=True, generate=1)


@pytest.mark.parametrize("layerwise", [False, True])
def test_a_weight_that_is_missing_is_named(
    layerwise: bool, tiny_checkpoints: TinyCheckpoints, observe_in: Observe, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    model.mkdir()
    source = tiny_checkpoints("mixtral")
    (model / "config.json").write_bytes((source / "config.json").read_bytes())
    weights = {
        name: values
        for shard in source.glob("*.safetensors")
        for name, values in load_file(shard).items()
        if "layers.1.input_layernorm" not in name
    }
    save_file(weights, model / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"layers\.1\.input_layernorm"):
        observe_in(model, some_prompts(), layerwise=layerwise)


@pytest.mark.parametrize("bytes_needed", [0, 2**62])
def test_hidden_states_must_find_room(bytes_needed: int, tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path / "run")
    directory.begin({}, resume=False)
    expected = pytest.raises(OutputError, match="TiB") if bytes_needed else nullcontext()
    with expected:
        directory.require(bytes_needed)
