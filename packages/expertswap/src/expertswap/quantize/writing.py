"""A checkpoint with its experts quantised: tensor by tensor, whole or not at all."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import torch

from expertswap.checkpoint import Checkpoint
from expertswap.checkpoint.whole_directory import check_output
from expertswap.checkpoint.writing import CheckpointWriter
from expertswap.errors import QuantizationRefused
from expertswap.quantize.choices import ScaleChoice
from expertswap.quantize.configuration import quantization_config
from expertswap.quantize.matrices import ExpertMatrix, expert_matrices
from expertswap.quantize.packing import PackedWeight
from expertswap.quantize.prediction import PredictedSize, predicted_bytes
from expertswap.quantize.rounding import round_to_nearest
from expertswap.quantize.scheme import KERNEL_GROUP_SIZES, WeightScheme, check_groups_fill
from expertswap.sizes import tell_bytes

MAX_SHARD_BYTES = 2 * 10**9

Quantizer = Callable[[tuple[ExpertMatrix, ...]], Iterable[PackedWeight]]
"""Gives the quantised matrices of one stored tensor, in their order."""


@dataclass(frozen=True, eq=False, slots=True)
class Quantization:
    """What is to be quantised, and how large it will be; make one with ``Quantization.of``.

    Args:
        checkpoint: The model.
        scheme: Bits and group.
        matrices: Its experts, by the tensor that holds them.
        size: What will be on disk.
    """

    checkpoint: Checkpoint
    scheme: WeightScheme
    matrices: Mapping[str, tuple[ExpertMatrix, ...]]
    size: PredictedSize

    @classmethod
    def of(cls, checkpoint: Checkpoint, scheme: WeightScheme) -> "Quantization":
        """See what there is to do; no weight is read.

        Raises:
            QuantizationRefused: The model is quantised already, its experts have no agreed form in
                few bits, or the groups do not fill their rows.
        """
        matrices = expert_matrices(checkpoint)
        experts = tuple(chain.from_iterable(matrices.values()))
        if scheme.group_size is not None:
            check_groups_fill(scheme.group_size, widths=(matrix.width for matrix in experts))
        others = (
            entry.nbytes for name, entry in checkpoint.tensors.items() if name not in matrices
        )
        size = predicted_bytes(experts, scheme, other_tensors=others)
        return cls(checkpoint, scheme, matrices, size)

    @property
    def nbytes(self) -> int:
        """Bytes of all tensors of the original."""
        return sum(entry.nbytes for entry in self.checkpoint.tensors.values())

    def sentences(self) -> Iterator[str]:
        """What is done, a line each."""
        shape, size, group = self.checkpoint.shape, self.size, self.scheme.group_size
        scales = f"a scale for {group} weights" if group else "a scale for each row"
        yield (
            f"{shape.num_experts} experts in each of {len(shape.moe_layers)} layers:"
            f" {self.scheme.bits} bits, {scales}"
        )
        if group and group not in KERNEL_GROUP_SIZES:
            yield "vLLM has kernels for groups of 32, 64 and 128 and for whole rows only"
        yield (
            f"experts: {tell_bytes(size.experts_before)} become {tell_bytes(size.experts_after)},"
            f" {size.ratio:.2f} times smaller"
        )
        yield f"model: {tell_bytes(self.nbytes)} become {tell_bytes(size.total)} on disk"

    def round_to_nearest(self, scale: ScaleChoice) -> Quantizer:
        """Quantise each matrix by itself, one stored tensor in memory at a time."""

        def quantize(matrices: tuple[ExpertMatrix, ...]) -> Iterator[PackedWeight]:
            stored = self.checkpoint.read(matrices[0].tensor)
            for matrix in matrices:
                yield round_to_nearest(matrix.weight(stored), self.scheme, scale=scale)

        return quantize

    def write(
        self,
        out: Path,
        quantizer: Quantizer,
        *,
        progress: Callable[[int], None] = lambda _: None,
        max_shard_bytes: int = MAX_SHARD_BYTES,
    ) -> None:
        """Write the quantised model.

        Args:
            out: Directory to make.
            quantizer: Gives the quantised experts.
            progress: Called with the bytes of each tensor of the original that is done.
            max_shard_bytes: Largest file, and about the memory that this takes.

        Raises:
            OutputError: The output exists, or the disk is full; nothing is left of it.
            QuantizationRefused: A weight is NaN or infinite.
            CheckpointDamaged: A weight cannot be read.
        """
        self.check_output(out)
        with CheckpointWriter(out, like=self.checkpoint, max_shard_bytes=max_shard_bytes) as writer:
            writer.config["quantization_config"] = quantization_config(
                self.scheme, ignore=self._draft_experts()
            )
            for name, entry in self.checkpoint.tensors.items():
                if matrices := self.matrices.get(name):
                    for matrix, packed in zip(matrices, quantizer(matrices), strict=True):
                        _add(writer, matrix, packed)
                else:
                    writer.copy(name, entry)
                progress(entry.nbytes)

    def check_output(self, out: Path) -> None:
        """See that the quantised model can be written, before anything long begins.

        Raises:
            OutputError: The output exists, or the disk has no room for it.
        """
        check_output(out, nbytes=self.size.total)

    def _draft_experts(self) -> list[str]:
        """Patterns for the experts of draft layers: named as the others are, and left as they are.

        vLLM asks for them one by one even where they are stored fused.
        """
        checkpoint = self.checkpoint
        blocks = {
            name.partition(".experts.")[0]
            for name in checkpoint.tensors
            if ".experts." in name and checkpoint.family.drafts(name, checkpoint.config)
        }
        return [rf"re:{re.escape(block)}\.experts\..*" for block in sorted(blocks)]


def _add(writer: CheckpointWriter, matrix: ExpertMatrix, packed: PackedWeight) -> None:
    """Add the three parameters that compressed-tensors makes of a weight."""
    if not bool(packed.scale.isfinite().all()):
        raise QuantizationRefused(
            f"{matrix.tensor} holds NaN or infinity (expert {matrix.expert}, {matrix.projection}).",
            fix="The model is damaged: download it again.",
        )
    writer.add(f"{matrix.module}.weight_packed", packed.words)
    writer.add(f"{matrix.module}.weight_scale", packed.scale)
    writer.add(f"{matrix.module}.weight_shape", torch.tensor([matrix.rows, matrix.width]))
