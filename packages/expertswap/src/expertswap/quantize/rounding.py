"""Rounds to nearest: which scale a group gets, and which integers stand for its weights."""

import torch
from torch import Tensor

from expertswap.quantize.choices import ScaleChoice
from expertswap.quantize.packing import PackedWeight, pack
from expertswap.quantize.scheme import WeightScheme

_WEIGHTS_IN_CACHE = 1 << 18  # a megabyte as float32; all of a large matrix at once is slower
_CLIP_RATIOS = tuple(1 - step / 20 for step in range(1, 8))


def round_to_nearest(
    weight: Tensor, scheme: WeightScheme, *, scale: ScaleChoice = ScaleChoice.ABSMAX
) -> PackedWeight:
    """Quantise a matrix, or a stack of them.

    A NaN or an infinity makes the scale of its group one too, so that callers can find it there.

    Args:
        weight: (..., rows, width), a floating-point type.
        scheme: Bits and group.
        scale: How scales are found.

    Raises:
        QuantizationRefused: The groups do not fill the rows.
    """
    width, outer = weight.shape[-1], weight.shape[:-1]
    rows = torch.split(weight.reshape(-1, width), max(1, _WEIGHTS_IN_CACHE // width))
    words, scales = zip(*(_round_rows(some, scheme, scale=scale) for some in rows), strict=True)
    return PackedWeight(
        words=torch.cat(words).reshape(*outer, -1),
        scale=torch.cat(scales).reshape(*outer, -1),
        width=width,
        bits=scheme.bits,
    )


def round_to_scale(weight: Tensor, scale: Tensor, *, bits: int) -> PackedWeight:
    """Quantise a matrix whose scales are found already, as by a calibration.

    Args:
        weight: (rows, width).
        scale: (rows, groups) in the type of the weights.
        bits: 4 or 8.
    """
    groups = weight.float().reshape(*scale.shape, -1)
    values = _nearest(groups, scale, bits=bits).to(torch.int8).flatten(-2)
    return PackedWeight(pack(values, bits=bits), scale, weight.shape[-1], bits)


def _round_rows(rows: Tensor, scheme: WeightScheme, *, scale: ScaleChoice) -> tuple[Tensor, Tensor]:
    groups = rows.float().reshape(len(rows), scheme.num_groups(rows.shape[-1]), -1)
    scales = _absmax_scales(groups, bits=scheme.bits, dtype=rows.dtype)
    if scale is ScaleChoice.MSE:
        scales = _least_squares_scales(groups, scales, bits=scheme.bits)
    values = _nearest(groups, scales, bits=scheme.bits).to(torch.int8).flatten(-2)
    return pack(values, bits=scheme.bits), scales


def _absmax_scales(groups: Tensor, *, bits: int, dtype: torch.dtype) -> Tensor:
    """The smallest scale in ``dtype`` that leaves every weight within half a step.

    With ``n`` codes it is the largest weight over ``(n - 1) / 2``. Rounded to ``dtype`` it must not
    shrink, or the largest weight would lie beyond half a step; compressed-tensors lets it shrink.
    """
    most_steps = (2**bits - 1) / 2
    largest = torch.maximum(groups.amax(dim=-1), -groups.amin(dim=-1)).double()
    scales = (largest / most_steps).to(dtype)
    larger = torch.nextafter(scales, torch.full_like(scales, torch.inf))
    scales = torch.where(scales.double() * most_steps < largest, larger, scales)
    return torch.where(scales == 0, torch.finfo(dtype).eps, scales)


def _least_squares_scales(groups: Tensor, widest: Tensor, *, bits: int) -> Tensor:
    best, least_error = widest, _squared_error(groups, widest, bits=bits)
    for ratio in _CLIP_RATIOS:
        scales = widest * ratio
        error = _squared_error(groups, scales, bits=bits)
        better = error < least_error
        best = torch.where(better, scales, best)
        least_error = torch.where(better, error, least_error)
    return best


def _squared_error(groups: Tensor, scales: Tensor, *, bits: int) -> Tensor:
    rounded = _nearest(groups, scales, bits=bits).mul_(scales.float().unsqueeze(-1))
    return rounded.sub_(groups).square_().sum(dim=-1)


def _nearest(groups: Tensor, scales: Tensor, *, bits: int) -> Tensor:
    """The integers nearest to the weights, as float32."""
    half_range = 2 ** (bits - 1)
    steps = groups / scales.float().unsqueeze(-1)
    return steps.round_().clamp_(-half_range, half_range - 1)
