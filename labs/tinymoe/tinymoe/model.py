"""A Qwen3-MoE model of a size, its losses, and where it routes."""

from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812 - the name that everybody knows it by
from torch import Tensor
from transformers import AutoTokenizer, PreTrainedTokenizerBase, Qwen3MoeConfig, Qwen3MoeForCausalLM

from tinymoe.sizes import Size


def new_model(size: Size, tokenizer: PreTrainedTokenizerBase, *, seed: int) -> Qwen3MoeForCausalLM:
    """A model with random weights that depend on the seed alone, in float32 on the processor."""
    torch.manual_seed(seed)
    config = Qwen3MoeConfig(  # type: ignore[call-arg] # head_dim is a setting of its attention
        vocab_size=size.vocabulary,
        hidden_size=size.hidden,
        intermediate_size=size.expert_width
        * size.top_k,  # of layers without experts: there are none
        moe_intermediate_size=size.expert_width,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        num_key_value_heads=size.heads // 2,
        head_dim=size.hidden // size.heads,
        num_experts=size.experts,
        num_experts_per_tok=size.top_k,
        norm_topk_prob=True,
        tie_word_embeddings=True,
        max_position_embeddings=size.context,
        initializer_range=0.5 / size.hidden**0.5,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    return Qwen3MoeForCausalLM(config)  # type: ignore[no-untyped-call] # transformers has no types


def read_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """A tokenizer as `AutoTokenizer` finds it in a folder."""
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(folder)
    return tokenizer


def next_token_loss(logits_BTV: Tensor, tokens_BT: Tensor) -> Tensor:
    """Mean cross entropy, in nats, of each token but the first, given those before it.

    Args:
        logits_BTV: Scores of the token after each; those after the last are not used.
        tokens_BT: The tokens.
    """
    scores = logits_BTV[:, :-1].flatten(0, 1).float()
    return F.cross_entropy(scores, tokens_BT[:, 1:].flatten())


def balance_loss(router_logits: tuple[Tensor, ...], *, top_k: int) -> Tensor:
    """How unevenly a batch uses the experts of a layer, mean over the layers; 1 where it is even.

    An expert's share of the uses times its mean probability, summed and times the number of
    experts. Over the whole batch, so that a domain may have experts of its own.

    Args:
        router_logits: Of each layer, (tokens, experts).
        top_k: Experts that a token uses.

    Source: Switch Transformers, arXiv:2101.03961, equation 4, with k experts in place of one.
    """
    losses = []
    for logits_TE in router_logits:
        probability_TE = logits_TE.float().softmax(dim=-1)
        chosen_TK = probability_TE.topk(top_k, dim=-1).indices
        num_experts = logits_TE.size(-1)
        uses_E = torch.histc(chosen_TK.float(), bins=num_experts, min=0, max=num_experts - 1)
        losses.append(num_experts * (uses_E / chosen_TK.numel()) @ probability_TE.mean(dim=0))
    return torch.stack(losses).mean()
