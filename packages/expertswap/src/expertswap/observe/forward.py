"""Forward passes over a batch: its prompts, and what the model says to them."""

from inspect import signature

import torch
from torch import Tensor
from transformers import PreTrainedModel

from expertswap.observe.batches import ModelInputs
from expertswap.observe.recording import Recorder


def prefill(model: PreTrainedModel, inputs: ModelInputs, recorder: Recorder) -> None:
    """Run the prompts through the decoder layers; no logits are computed."""
    recorder.expect(inputs.prefill_labels())
    model.base_model(
        input_ids=inputs.ids_BT,
        attention_mask=inputs.mask_BT,
        position_ids=inputs.position_BT,
        use_cache=False,
    )


def decode(model: PreTrainedModel, inputs: ModelInputs, recorder: Recorder, *, steps: int) -> None:
    """Run the prompts, and then the likeliest tokens one by one.

    Args:
        model: With its head.
        inputs: The prompts.
        recorder: Told before each pass which tokens it has.
        steps: Most tokens to run after each prompt; a prompt stops when the model ends its answer.
    """
    recorder.expect(inputs.prefill_labels())
    mask_BT, position_B1 = inputs.mask_BT, inputs.position_BT[:, -1:]
    is_alive_B = torch.ones(len(mask_BT), dtype=torch.bool, device=mask_BT.device)
    ends, cache = _end_tokens(model), _name_of_cache(model)
    output = model(
        input_ids=inputs.ids_BT,
        attention_mask=mask_BT,
        position_ids=inputs.position_BT,
        use_cache=True,
        logits_to_keep=1,
    )
    for _ in range(steps):
        token_B1 = output.logits[:, -1:].argmax(dim=-1)
        is_alive_B = is_alive_B & ~torch.isin(token_B1[:, 0], ends)
        if not is_alive_B.any():
            return
        position_B1 = position_B1 + 1
        mask_BT = torch.cat([mask_BT, torch.ones_like(token_B1)], dim=1)
        recorder.expect(inputs.decoded_labels(is_alive_B, position_B1[:, 0]))
        output = model(
            input_ids=token_B1,
            attention_mask=mask_BT,
            position_ids=position_B1,
            use_cache=True,
            logits_to_keep=1,
            **{cache: output[cache]},
        )


def _name_of_cache(model: PreTrainedModel) -> str:
    """What transformers calls the KV cache: ``past_key_values`` in 5.17, ``cache`` in 5.24."""
    return "cache" if "cache" in signature(model.forward).parameters else "past_key_values"


def _end_tokens(model: PreTrainedModel) -> Tensor:
    """The tokens with which this model ends an answer."""
    told = model.generation_config.eos_token_id
    ends = told if isinstance(told, list) else [token for token in (told,) if token is not None]
    return torch.tensor(ends, dtype=torch.int64, device=model.device)
