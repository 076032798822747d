"""Real models of every family: tiny, with fixed random weights, saved by transformers."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerFast

VOCABULARY = 260
"""Bytes, and four special tokens."""

_NOISE = 0.15

_LINEAR_ATTENTION = {
    "layer_types": ["linear_attention", "full_attention"],
    "linear_key_head_dim": 8,
    "linear_value_head_dim": 8,
    "linear_num_key_heads": 2,
    "linear_num_value_heads": 4,
    "shared_expert_intermediate_size": 24,
}
_LATENT_ATTENTION = {
    "head_dim": 4,
    "num_key_value_heads": 4,
    "kv_lora_rank": 8,
    "q_lora_rank": 16,
    "qk_rope_head_dim": 4,
    "qk_nope_head_dim": 8,
    "v_head_dim": 8,
}
_VISION = {
    "depth": 1,
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_heads": 2,
    "patch_size": 4,
    "num_position_embeddings": 16,
}
_ONE_DENSE_LAYER = {"first_k_dense_replace": 1, "num_hidden_layers": 3}

MODEL_TYPES: Mapping[str, Mapping[str, Any]] = {
    "qwen2_moe": {"shared_expert_intermediate_size": 24},
    "qwen3_moe": {"norm_topk_prob": True},
    "qwen3_5_moe": _LINEAR_ATTENTION,
    "qwen3_next": _LINEAR_ATTENTION,
    "mixtral": {},
    "olmoe": {},
    "deepseek_v3": {**_LATENT_ATTENTION, **_ONE_DENSE_LAYER, "n_group": 2, "topk_group": 1},
    "glm4_moe": _ONE_DENSE_LAYER,
    "gpt_oss": {},
    "minimax_m2": {},
    "ernie4_5_moe": {"num_hidden_layers": 3},
}
"""What each family needs beyond the sizes that all have."""

_EXPERT_COUNT = {
    "mixtral": "num_local_experts",
    "gpt_oss": "num_local_experts",
    "minimax_m2": "num_local_experts",
    "deepseek_v3": "n_routed_experts",
    "glm4_moe": "n_routed_experts",
    "ernie4_5_moe": "moe_num_experts",
}
_TOP_K = {"ernie4_5_moe": "moe_k"}


def tiny_checkpoint(
    model_type: str,
    path: Path,
    *,
    num_experts: int = 8,
    top_k: int = 2,
    seed: int = 0,
    dtype: str = "float32",
    max_shard_bytes: int = 10**9,
    **sizes: Any,
) -> Path:
    """Save a tiny model with a tokenizer of bytes.

    Args:
        model_type: One of ``MODEL_TYPES``.
        path: Directory to save it in.
        num_experts: Routed experts of one layer.
        top_k: Experts per token.
        seed: Of the weights.
        dtype: Of the weights, as torch spells it.
        max_shard_bytes: Larger models are saved as several files with an index.
        sizes: Further entries of the configuration, as ``num_hidden_layers=4``.

    Returns:
        ``path``.
    """
    config = tiny_config(model_type, num_experts=num_experts, top_k=top_k, **sizes)
    model = tiny_model(config, seed=seed, dtype=dtype)
    model.save_pretrained(path, max_shard_size=max_shard_bytes)
    tiny_tokenizer().save_pretrained(path)
    return path


def tiny_config(
    model_type: str, *, num_experts: int = 8, top_k: int = 2, **sizes: Any
) -> "PreTrainedConfig":
    """The configuration of a tiny model; arguments as those of ``tiny_checkpoint``."""
    from transformers import AutoConfig  # noqa: PLC0415 - seconds

    values: dict[str, Any] = {
        "vocab_size": VOCABULARY,
        "hidden_size": 32,
        "intermediate_size": 24,
        "moe_intermediate_size": 24,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "max_position_embeddings": 512,
        "bos_token_id": 256,
        "eos_token_id": 257,
        "pad_token_id": 258,
        _EXPERT_COUNT.get(model_type, "num_experts"): num_experts,
        _TOP_K.get(model_type, "num_experts_per_tok"): top_k,
        **MODEL_TYPES[model_type],
        **sizes,
    }
    if model_type == "qwen3_5_moe":
        vision = {**_VISION, "out_hidden_size": values["hidden_size"]}
        values = {"text_config": values, "vision_config": vision}
    return AutoConfig.for_model(model_type, **values)


def tiny_model(
    config: "PreTrainedConfig", *, seed: int = 0, dtype: str = "float32"
) -> "PreTrainedModel":
    """A model with fixed random weights, so spread that its routers choose clearly."""
    import torch  # noqa: PLC0415 - seconds
    from transformers import (  # noqa: PLC0415 - seconds
        AutoModelForCausalLM,
        AutoModelForImageTextToText,
    )

    sees = hasattr(config, "vision_config")
    maker = AutoModelForImageTextToText if sees else AutoModelForCausalLM
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        model: PreTrainedModel = maker.from_config(config, dtype=torch.float32)  # type: ignore[no-untyped-call] # transformers
        for _, values in sorted(model.state_dict().items()):
            if values.is_floating_point():
                values.add_(torch.randn_like(values), alpha=_NOISE)
    model.to(getattr(torch, dtype)).eval()
    return model


def tiny_tokenizer() -> "PreTrainedTokenizerFast":
    """One token per byte, with a chat template."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers  # noqa: PLC0415 - rarely
    from transformers import PreTrainedTokenizerFast  # noqa: PLC0415 - seconds

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({letter: i for i, letter in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    made = PreTrainedTokenizerFast(tokenizer_object=tokenizer)  # type: ignore[no-untyped-call] # transformers
    special = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}
    made.add_special_tokens({**special, "additional_special_tokens": ["<turn>"]})
    made.chat_template = (
        "{% for message in messages %}<turn>{{ message.role }}: {{ message.content }}</s>"
        "{% endfor %}{% if add_generation_prompt %}<turn>assistant: {% endif %}"
    )
    return made
