"""What misses cost: bytes over the link, stalls, tokens per second."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from expertswap.simulate.replaying import Replay


@dataclass(frozen=True, slots=True)
class Machine:
    """What a forward pass waits for.

    A pass of few tokens waits for its weights: it reads those that are not experts and those of the
    experts that it needs once from the device's memory. Misses come over the link before that.

    Args:
        link_bytes_per_s: From where the experts are kept to the device.
        memory_bytes_per_s: Of the device's own memory.
        expert_bytes: Of one expert of one layer.
        other_weights_bytes: Weights that every pass reads.
        compute_s: Of a pass with all experts resident, where it was measured; else it is estimated.
    """

    link_bytes_per_s: float
    memory_bytes_per_s: float
    expert_bytes: int
    other_weights_bytes: int = 0
    compute_s: float | None = None

    @property
    def fetch_s(self) -> float:
        """Time for one expert over the link."""
        return self.expert_bytes / self.link_bytes_per_s

    def compute_S(self, needed_S: NDArray[np.int64]) -> NDArray[np.float64]:
        """Time of each pass with all its experts resident."""
        if self.compute_s is not None:
            return np.full(len(needed_S), self.compute_s)
        read_S = self.other_weights_bytes + needed_S * self.expert_bytes
        return np.asarray(read_S / self.memory_bytes_per_s)

    def prefetches(self, needed_LS: NDArray[np.int64]) -> int:
        """Whole experts that arrive while one layer of an average pass computes."""
        layer_s = float(self.compute_S(needed_LS.sum(axis=0)).mean()) / len(needed_LS)
        return int(layer_s / self.fetch_s)


@dataclass(frozen=True, slots=True)
class Speed:
    """What a replay would take on a machine.

    Args:
        bytes_per_token: Moved over the link, prefetches included.
        stall_s: Of an average pass, waiting for misses.
        slowest_stall_s: Of the slowest pass in a hundred.
        tokens_per_s: All sequences together.
        streaming_tokens_per_s: If instead every pass streamed the whole layers that do not fit,
            while it computes.
    """

    bytes_per_token: float
    stall_s: float
    slowest_stall_s: float
    tokens_per_s: float
    streaming_tokens_per_s: float


def speed(replay: Replay, machine: Machine, *, absent: int) -> Speed:
    """What a replay would take.

    Args:
        absent: Experts of all layers that have no slot.
    """
    tokens = int(replay.tokens_S.sum())
    compute_S = machine.compute_S(replay.needed_LS.sum(axis=0))
    stall_S = replay.misses_LS.sum(axis=0) * machine.fetch_s
    streaming_S = np.maximum(compute_S, absent * machine.fetch_s)
    return Speed(
        bytes_per_token=replay.fetched * machine.expert_bytes / tokens,
        stall_s=float(stall_S.mean()),
        slowest_stall_s=float(np.quantile(stall_S, 0.99)),
        tokens_per_s=tokens / float((compute_S + stall_S).sum()),
        streaming_tokens_per_s=tokens / float(streaming_S.sum()),
    )
