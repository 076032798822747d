"""How large a quantised model will be, told before any weight is read."""

from collections.abc import Iterable
from dataclasses import dataclass

from expertswap.quantize.matrices import ExpertMatrix
from expertswap.quantize.packing import words_of_row
from expertswap.quantize.scheme import WeightScheme

_WORD_BYTES = 4
_SHAPE_BYTES = 2 * 8  # weight_shape: two int64
_TENSORS_OF_A_MATRIX = 3
_HEADER_BYTES = 86  # of one of them beside its module's name: the parameter's name, and JSON
_OTHER_HEADER_BYTES = 120


@dataclass(frozen=True, slots=True)
class PredictedSize:
    """Bytes on disk.

    Args:
        experts_before: Of the experts' weights as they are stored.
        experts_after: Of their words, scales and shapes.
        rest: Of all other tensors, which stay as they are.
        headers: Of the files' headers; an estimate.
    """

    experts_before: int
    experts_after: int
    rest: int
    headers: int

    @property
    def total(self) -> int:
        """Of the quantised model's shards."""
        return self.experts_after + self.rest + self.headers

    @property
    def ratio(self) -> float:
        """How many times smaller the experts become."""
        return self.experts_before / self.experts_after


def predicted_bytes(
    matrices: Iterable[ExpertMatrix], scheme: WeightScheme, *, other_tensors: Iterable[int]
) -> PredictedSize:
    """The size of a model whose experts are quantised.

    Args:
        matrices: The experts.
        scheme: Bits and group.
        other_tensors: Bytes of each tensor that stays as it is.

    Raises:
        QuantizationRefused: The groups do not fill the rows of a matrix.
    """
    experts, others = tuple(matrices), tuple(other_tensors)
    names = sum(len(matrix.module) for matrix in experts)
    return PredictedSize(
        experts_before=sum(matrix.nbytes for matrix in experts),
        experts_after=sum(packed_bytes(matrix, scheme) for matrix in experts),
        rest=sum(others),
        headers=_TENSORS_OF_A_MATRIX * (names + len(experts) * _HEADER_BYTES)
        + len(others) * _OTHER_HEADER_BYTES,
    )


def packed_bytes(matrix: ExpertMatrix, scheme: WeightScheme) -> int:
    """Bytes of one quantised matrix: words, scales and shape."""
    words = words_of_row(matrix.width, bits=scheme.bits) * _WORD_BYTES
    scales = scheme.num_groups(matrix.width) * matrix.itemsize
    return matrix.rows * (words + scales) + _SHAPE_BYTES
