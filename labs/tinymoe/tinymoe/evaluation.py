"""What a model makes of prompts: its loss and its routing, by domain."""

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from tinymoe.model import next_token_loss

Prompts = Mapping[str, Sequence[str]]


def encoded(prompts: Prompts, tokenizer: PreTrainedTokenizerBase) -> dict[str, list[Tensor]]:
    """Token ids of each prompt, by domain; prompts of one token say nothing and are left out."""
    ids = {
        domain: [torch.tensor(tokenizer(text)["input_ids"]) for text in texts]
        for domain, texts in prompts.items()
    }
    return {domain: [i for i in of_domain if len(i) > 1] for domain, of_domain in ids.items()}


def same_lengths(prompts: Sequence[Tensor], *, rows: int) -> Iterator[Tensor]:
    """Batches (B, T) without padding: prompts of one length together."""
    lengths = sorted({len(ids) for ids in prompts})
    for length in lengths:
        of_length = [ids for ids in prompts if len(ids) == length]
        for start in range(0, len(of_length), rows):
            yield torch.stack(of_length[start : start + rows])


@torch.inference_mode()
def losses(
    model: PreTrainedModel, prompts: Mapping[str, Sequence[Tensor]], *, rows: int = 32
) -> dict[str, float]:
    """Nats per token of each domain."""
    found = {}
    for domain, of_domain in prompts.items():
        nats, predicted = 0.0, 0
        for tokens_BT in same_lengths(of_domain, rows=rows):
            on_device = tokens_BT.to(model.device)
            loss = next_token_loss(model(on_device, use_cache=False).logits, on_device)
            here = tokens_BT.size(0) * (tokens_BT.size(1) - 1)
            nats, predicted = nats + float(loss) * here, predicted + here
        found[domain] = nats / predicted
    return found


@torch.inference_mode()
def expert_counts(
    model: PreTrainedModel, prompts: Mapping[str, Sequence[Tensor]], *, rows: int = 32
) -> dict[str, Tensor]:
    """How often each expert is used, (layers, experts) by domain."""
    top_k, num_experts = model.config.num_experts_per_tok, model.config.num_experts
    counts = {}
    for domain, of_domain in prompts.items():
        shape = (model.config.num_hidden_layers, num_experts)
        count_LE = torch.zeros(shape, dtype=torch.int64)
        for tokens_BT in same_lengths(of_domain, rows=rows):
            outputs = model(tokens_BT.to(model.device), use_cache=False, output_router_logits=True)
            for layer, logits_TE in enumerate(outputs.router_logits):
                used = logits_TE.topk(top_k, dim=-1).indices.flatten()
                count_LE[layer] += used.bincount(minlength=num_experts).cpu()
        counts[domain] = count_LE
    return counts


def specialists_share(calibration_LE: Tensor, held_out_LE: Tensor, *, carry: float = 0.5) -> float:
    """What share of the held-out traffic those experts have that carry half of the calibration's.

    Args:
        calibration_LE: Uses by which the experts are chosen, the most used of each layer first.
        held_out_LE: Uses of which the share is taken.
        carry: The share of the calibration's traffic that the chosen experts carry at least.
    """
    order_LE = calibration_LE.argsort(dim=1, descending=True)
    ordered = calibration_LE.gather(1, order_LE).double()
    before = (ordered.cumsum(1) - ordered) / ordered.sum(1, keepdim=True)
    chosen = before < carry
    traffic = held_out_LE.gather(1, order_LE).double()
    return float(((traffic * chosen).sum(1) / traffic.sum(1)).mean())
