"""Small integers side by side in int32 words, as compressed-tensors' ``pack-quantized`` has them.

A weight is stored as an unsigned code, its value plus half of the range. The first code of a row
takes the lowest bits of the first word; a last word that is not full ends in zeros. With 4 or 8
bits no code spans two words, so a little-endian machine, as all that PyTorch is built for, sees a
row as plain bytes. Everything here runs on the device where its tensors are.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

_BITS_OF_A_WORD = 32


@dataclass(frozen=True, eq=False, slots=True)
class PackedWeight:
    """A quantised matrix, or a stack of them.

    Args:
        words: int32 (..., rows, words of a row).
        scale: (..., rows, groups) in the dtype of the weights; a weight is its value times this.
        width: Weights of a row.
        bits: Bits of one weight, 4 or 8.
    """

    words: Tensor
    scale: Tensor
    width: int
    bits: int


def words_of_row(width: int, *, bits: int) -> int:
    """Words that hold ``width`` weights."""
    return -(-width * bits // _BITS_OF_A_WORD)


def pack(values: Tensor, *, bits: int) -> Tensor:
    """Signed values as words.

    Args:
        values: int8 (..., width), each in ``[-2**(bits-1), 2**(bits-1))``.
        bits: 4 or 8.

    Returns:
        int32 (..., ``words_of_row(width)``).
    """
    width = values.shape[-1]
    # In two's complement, adding half of the range is flipping the highest of the bits.
    codes = values.view(torch.uint8) ^ (1 << (bits - 1))
    padding = words_of_row(width, bits=bits) * (_BITS_OF_A_WORD // bits) - width
    if bits == 4:
        codes &= 0xF
    codes = torch.nn.functional.pad(codes, (0, padding)).contiguous()
    if bits == 4:
        pairs = codes.view(torch.int16)
        codes = (pairs | (pairs >> 4)).to(torch.uint8)
    return codes.view(torch.int32)


def unpack(words: Tensor, *, bits: int, width: int) -> Tensor:
    """The values that ``pack`` was given.

    Args:
        words: int32 (..., words of a row).
        bits: 4 or 8.
        width: Values of a row.

    Returns:
        int8 (..., width).
    """
    codes = words.contiguous().view(torch.uint8)
    if bits == 4:
        codes = torch.stack((codes & 0xF, codes >> 4), dim=-1).flatten(-2)
    half_range = 1 << (bits - 1)
    return (codes[..., :width] - half_range).view(torch.int8)


def dequantize(weight: PackedWeight) -> Tensor:
    """The weights that stand for the packed ones, bit for bit as compressed-tensors makes them.

    Returns:
        (..., rows, width) in the dtype of the scales.
    """
    values = unpack(weight.words, bits=weight.bits, width=weight.width).to(weight.scale.dtype)
    groups = values.reshape(*weight.scale.shape, -1)
    return (groups * weight.scale.unsqueeze(-1)).flatten(-2)
