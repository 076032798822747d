from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from expertswap.errors import ObservationError
from expertswap.observe.hook import RoutedTokens, observing
from expertswap.testing.tiny_models import MODEL_TYPES, tiny_config, tiny_model


def logits(model: PreTrainedModel) -> torch.Tensor:
    ids = torch.arange(60).reshape(3, 20) * 7 % 256
    mask = torch.ones_like(ids)
    mask[0, :5] = 0
    inputs = {"input_ids": ids.to(model.device), "attention_mask": mask.to(model.device)}
    with torch.inference_mode():
        found: torch.Tensor = model(**inputs, use_cache=False).logits
    return found


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
@pytest.mark.parametrize("model_type", MODEL_TYPES)
def test_logits_are_those_of_the_unwatched_model_to_the_bit(model_type: str, device: Any) -> None:
    seen: list[int] = []
    for dtype in ("float32", "bfloat16"):
        model = tiny_model(tiny_config(model_type), dtype=dtype).to(device)
        for implementation in ("grouped_mm", "batched_mm", "eager"):
            model.set_experts_implementation(implementation)
            alone = logits(model)
            seen.clear()
            with observing(model, lambda layer, _routed: seen.append(layer)):
                watched = logits(model)
            what = f"{model_type}, {dtype}, {implementation}"
            assert torch.equal(watched, alone), what
            assert torch.equal(logits(model), alone), what
            assert seen == sorted(set(seen)), what
            assert seen, what


@pytest.mark.parametrize("model_type", ["qwen3_moe", "deepseek_v3"])
def test_norms_are_those_of_each_expert_by_itself(model_type: str) -> None:
    model = tiny_model(tiny_config(model_type))
    experts: Any = next(module for module in model.modules() if hasattr(module, "gate_up_proj"))
    inputs: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = []
    seen: list[RoutedTokens] = []
    experts.register_forward_pre_hook(lambda _module, given: inputs.append(given))
    with observing(model, lambda _layer, routed: seen.append(routed)):
        logits(model)
    hidden_TH, experts_TK, gates_TK = inputs[0]
    with torch.inference_mode():
        gate_TKI, up_TKI = torch.einsum(
            "th,tkih->tki", hidden_TH, experts.gate_up_proj[experts_TK]
        ).chunk(2, dim=-1)
        inner_TKI = torch.nn.functional.silu(gate_TKI) * up_TKI
        output_TKH = torch.einsum("tki,tkhi->tkh", inner_TKI, experts.down_proj[experts_TK])
        torch.testing.assert_close(seen[0].norms_TK, output_TKH.norm(dim=-1))
        torch.testing.assert_close(seen[0].peaks_TK, output_TKH.abs().amax(dim=-1))
    assert torch.equal(seen[0].gates_TK, gates_TK)
    assert torch.equal(seen[0].experts_TK, experts_TK)


def test_a_failure_leaves_the_model_as_it_was() -> None:
    model = tiny_model(tiny_config("mixtral"))
    before = model.get_experts_implementation()

    def fail(_layer: int, _routed: RoutedTokens) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError), observing(model, fail):
        logits(model)
    assert model.get_experts_implementation() == before


def test_a_dense_model_cannot_be_watched() -> None:
    config = AutoConfig.for_model(
        "qwen3", hidden_size=16, num_hidden_layers=1, vocab_size=8, intermediate_size=8
    )
    model = AutoModelForCausalLM.from_config(config)  # type: ignore[no-untyped-call] # transformers
    with (
        pytest.raises(ObservationError, match="experts interface"),
        observing(model, lambda _layer, _routed: None),
    ):
        pass
