"""The ``quantization_config`` by which readers of compressed-tensors find the quantised experts."""

from collections.abc import Iterable, Mapping
from typing import Any

from expertswap.quantize.scheme import WeightScheme

FORMAT = "pack-quantized"
NOT_A_ROUTED_EXPERT = r"re:(?!.*\.experts\.\d+\.).*"


def quantization_config(scheme: WeightScheme, *, ignore: Iterable[str] = ()) -> dict[str, Any]:
    """What ``config.json`` holds of quantised experts.

    All linear layers are targets but those that are ignored: everything that is not a routed
    expert. It could name the experts instead, but vLLM looks for experts by the names
    ``gate_proj``, ``up_proj`` and ``down_proj`` whatever a checkpoint calls them, and finds them
    surely by their class alone (vllm-project/llm-compressor#2163 and #3069).

    Args:
        scheme: Bits and group.
        ignore: Modules that stay as they are although they are named as routed experts are.
    """
    weights = {
        "num_bits": scheme.bits,
        "type": "int",
        "symmetric": True,
        "strategy": "channel" if scheme.group_size is None else "group",
        "group_size": scheme.group_size,
        "dynamic": False,
    }
    group = {
        "targets": ["Linear"],
        "weights": weights,
        "input_activations": None,
        "output_activations": None,
        "format": FORMAT,
    }
    return {
        "quant_method": "compressed-tensors",
        "format": FORMAT,
        "quantization_status": "compressed",
        "global_compression_ratio": None,
        "kv_cache_scheme": None,
        "ignore": ["lm_head", NOT_A_ROUTED_EXPERT, *ignore],
        "config_groups": {"group_0": group},
    }


def how_quantized(config: Mapping[str, Any]) -> str | None:
    """The method by which a model is quantised already, told by its configuration; else None."""
    for part in (config, config.get("text_config")):
        found = part.get("quantization_config") if isinstance(part, Mapping) else None
        if isinstance(found, Mapping):
            return str(found.get("quant_method", "an unknown method"))
    return None
