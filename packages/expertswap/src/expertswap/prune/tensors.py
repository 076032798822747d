"""What stays of a checkpoint's tensors: bytes that get another name, nothing that is computed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod

from expertswap.checkpoint import ByteRange, Checkpoint, TensorEntry
from expertswap.errors import PruningRefused
from expertswap.families.base import ExpertTensor

Kept = Mapping[int, tuple[int, ...]]
"""By decoder layer, the ascending numbers of the experts that stay."""


@dataclass(frozen=True, slots=True)
class KeptTensor:
    """A tensor of the pruned model.

    Args:
        name: Its name there.
        entry: Where the original lies.
        shape: Its shape there.
        ranges: Which bytes of the original it has.
    """

    name: str
    entry: TensorEntry
    shape: tuple[int, ...]
    ranges: tuple[ByteRange, ...]

    @property
    def nbytes(self) -> int:
        """Bytes it has."""
        return sum(piece.nbytes for piece in self.ranges)


def kept_tensors(checkpoint: Checkpoint, kept: Kept) -> Iterator[KeptTensor]:
    """All tensors of the pruned model, in the order of the original's files.

    Draft layers are left out: transformers does not run them, so nothing tells which of their
    experts matter, and they only speed up decoding.

    Args:
        checkpoint: The original.
        kept: Which experts stay.

    Raises:
        PruningRefused: Experts are packed so that they cannot be parted.
    """
    numbers = {
        layer: {old: new for new, old in enumerate(experts)} for layer, experts in kept.items()
    }
    for name, entry in checkpoint.tensors.items():
        found = checkpoint.locate(name)
        if checkpoint.family.drafts(name, checkpoint.config):
            continue
        if found is None:
            yield _whole(name, entry)
        elif isinstance(found, ExpertTensor):
            new = numbers[found.layer].get(found.expert)
            if new is not None:
                yield _whole(found.template.format(expert=new), entry)
        else:
            yield _slices(name, entry, axis=found.expert_axis, experts=kept[found.layer])


def _whole(name: str, entry: TensorEntry) -> KeptTensor:
    whole = ByteRange(entry.shard, entry.offset, entry.nbytes)
    return KeptTensor(name, entry, entry.shape, (whole,))


def _slices(name: str, entry: TensorEntry, *, axis: int, experts: tuple[int, ...]) -> KeptTensor:
    before, num_experts = prod(entry.shape[:axis]), entry.shape[axis]
    slice_bytes, rest = divmod(entry.nbytes, before * num_experts)
    if rest:
        raise PruningRefused(f"The experts in {name} do not begin at whole bytes.")
    ranges = tuple(
        ByteRange(entry.shard, entry.offset + (row * num_experts + first) * slice_bytes, nbytes)
        for row in range(before)
        for first, nbytes in _runs(experts, slice_bytes)
    )
    shape = (*entry.shape[:axis], len(experts), *entry.shape[axis + 1 :])
    return KeptTensor(name, entry, shape, ranges)


def _runs(experts: tuple[int, ...], slice_bytes: int) -> Iterator[tuple[int, int]]:
    """The first expert of each run of neighbours, and the bytes of the run."""
    first = last = experts[0]
    for expert in experts[1:]:
        if expert != last + 1:
            yield first, (last + 1 - first) * slice_bytes
            first = expert
        last = expert
    yield first, (last + 1 - first) * slice_bytes
