"""GPTQ and AWQ by llm-compressor, for the experts alone.

It finds their weights and scales; we write them, under the names and beside the tensors that the
model had. The whole model must fit into memory.

AWQ (arXiv:2306.00978) moves scale between a layer and what feeds it. Here it moves between the up
and the down projection of each expert and nowhere else: before the router and shared experts, which
read the same norm, it would have to be undone in tensors that stay as they are.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from expertswap.errors import QuantizationRefused
from expertswap.observe.loading import load_whole, stored_dtype
from expertswap.prompts.tokens import load_tokenizer
from expertswap.quantize.choices import Calibration, Method
from expertswap.quantize.configuration import quantization_config
from expertswap.quantize.matrices import ExpertMatrix
from expertswap.quantize.packing import PackedWeight
from expertswap.quantize.rounding import round_to_scale
from expertswap.quantize.writing import Quantization, Quantizer

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_EXPERTS = r"re:.*\.experts\.\d+\."


def calibrate(
    quantization: Quantization,
    prompts: Sequence[NDArray[np.int32]],
    *,
    method: Calibration,
) -> Quantizer:
    """Run prompts through the model and find the experts' weights and scales.

    Args:
        quantization: What is to be quantised.
        prompts: Token ids of each prompt. Every expert sees every token.
        method: Which calibration.

    Returns:
        A quantizer for ``quantization.write``.

    Raises:
        QuantizationRefused: llm-compressor is missing, or fails, or cannot run here.
        CheckpointError: The model or its tokenizer cannot be loaded.
    """
    _check_possible(method)
    checkpoint = quantization.checkpoint
    with _quiet():
        model = load_whole(checkpoint, dtype=stored_dtype(checkpoint), device=torch.device("cpu"))
        tokenizer = load_tokenizer(checkpoint.path)
        experts_of_layers = _run(model, _recipe(method, quantization), prompts, tokenizer)
    experts = dict(zip(checkpoint.shape.moe_layers, experts_of_layers, strict=True))

    def quantize(matrices: tuple[ExpertMatrix, ...]) -> Iterator[PackedWeight]:
        for matrix in matrices:
            expert = experts[matrix.layer][matrix.expert]
            linear = getattr(expert, f"{matrix.projection}_proj")
            scale = linear.weight_scale.detach()
            yield round_to_scale(linear.weight.detach(), scale, bits=quantization.scheme.bits)

    return quantize


def _check_possible(method: Calibration) -> None:
    try:
        import llmcompressor  # noqa: F401, PLC0415 - an extra that may be missing
    except ImportError as error:
        raise QuantizationRefused(
            f"{method.upper()} needs llm-compressor, which cannot be imported: {error}.",
            fix="Install it with `pip install 'expertswap[calibrated]'`, or round to nearest.",
        ) from error
    if method is Method.AWQ and not torch.accelerator.is_available():
        raise QuantizationRefused(
            "The AWQ of llm-compressor pins memory for a GPU, and there is none here.",
            fix="Use `--method gptq`, which runs on a CPU too.",
        )


def _recipe(method: Calibration, quantization: Quantization) -> list[Any]:
    from llmcompressor.modifiers.gptq import GPTQModifier  # noqa: PLC0415 - an extra
    from llmcompressor.modifiers.quantization import QuantizationModifier  # noqa: PLC0415 - an extra
    from llmcompressor.modifiers.transform.awq import (  # noqa: PLC0415 - an extra
        AWQMapping,
        AWQModifier,
    )

    (group,) = quantization_config(quantization.scheme)["config_groups"].values()
    groups = {"group_0": {**group, "targets": [f"{_EXPERTS}.*"]}}
    if method is Method.GPTQ:
        return [GPTQModifier(config_groups=groups)]
    within_expert = AWQMapping(f"{_EXPERTS}up_proj$", [f"{_EXPERTS}down_proj$"])
    return [AWQModifier(mappings=[within_expert]), QuantizationModifier(config_groups=groups)]


def _run(
    model: "PreTrainedModel",
    recipe: list[Any],
    prompts: Sequence[NDArray[np.int32]],
    tokenizer: Any,
) -> list[Any]:
    """Calibrate the model in place; the experts of each layer, as lists of linear layers."""
    from llmcompressor import oneshot  # noqa: PLC0415 - an extra
    from llmcompressor.modeling.moe.linearize import (  # noqa: PLC0415 - an extra
        get_linearized_moes,
        linearize_moe,
    )

    rows = [{"input_ids": torch.from_numpy(ids.astype(np.int64))[None]} for ids in prompts]
    samples: Any = torch.utils.data.DataLoader(rows, batch_size=None)  # type: ignore[arg-type] # a list is a Dataset to it
    try:
        linearize_moe(model)
        oneshot(
            model=model,
            recipe=recipe,
            dataset=samples,
            processor=tokenizer,  # with images, it would look for one that is no tokenizer
            num_calibration_samples=len(rows),
            pipeline="sequential",
        )
    except Exception as error:  # its errors have no common type
        raise QuantizationRefused(f"llm-compressor could not calibrate: {error}.") from error
    return [experts for _, experts in get_linearized_moes(model)]


@contextmanager
def _quiet() -> Iterator[None]:
    """Without llm-compressor's log of every matrix, which its import turns on; bars stay."""
    from loguru import logger  # noqa: PLC0415 - comes with compressed-tensors

    libraries = ("llmcompressor", "compressed_tensors")
    for library in libraries:
        logger.disable(library)
    try:
        yield
    finally:
        for library in libraries:
            logger.enable(library)
