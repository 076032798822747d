"""One pruning from files to files."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from expertswap.checkpoint import Checkpoint
from expertswap.checkpoint.shards import Progress
from expertswap.observation import Observation, load_observation
from expertswap.prune.choosing import Choice, choose
from expertswap.prune.criterion import Criterion
from expertswap.prune.record import RECORD, record
from expertswap.prune.streaming import pruned_bytes, write_pruned
from expertswap.prune.summary import sentences
from expertswap.sizes import tell_bytes


@dataclass(frozen=True, eq=False, slots=True)
class Pruning:
    """What will be removed; nothing is written before ``write``.

    Args:
        checkpoint: The original.
        choice: Which experts stay.
        observation: What was seen of it; None for a random choice.
        observation_digest: SHA-256 of the observation's file.
    """

    checkpoint: Checkpoint
    choice: Choice
    observation: Observation | None
    observation_digest: str | None

    @classmethod
    def prepare(
        cls,
        model: Path,
        observation: Path | None,
        *,
        criterion: Criterion,
        keep: float,
        seed: int = 0,
        keep_super_experts: bool = False,
    ) -> "Pruning":
        """Open the model, read the observation and choose; arguments as those of ``choose``.

        Raises:
            CheckpointError: The model cannot be used.
            ObservationError: The observation cannot.
            PruningRefused: What is asked would leave a model that cannot run.
        """
        checkpoint = Checkpoint.open(model)
        seen = digest = None
        if observation is not None:
            seen = load_observation(observation)
            digest = hashlib.sha256(observation.read_bytes()).hexdigest()
        choice = choose(
            checkpoint,
            seen,
            criterion=criterion,
            keep=keep,
            seed=seed,
            keep_super_experts=keep_super_experts,
        )
        return cls(checkpoint, choice, seen, digest)

    @property
    def nbytes(self) -> int:
        """Bytes of the pruned model's tensors."""
        return pruned_bytes(self.checkpoint, self.choice.by_layer(self.checkpoint))

    def sentences(self) -> Iterator[str]:
        """What is done and what is lost, a line each."""
        yield from sentences(self.checkpoint, self.choice, self.observation)
        before = sum(entry.nbytes for entry in self.checkpoint.tensors.values())
        yield f"{tell_bytes(before)} become {tell_bytes(self.nbytes)}"

    def write(self, out: Path, *, progress: Progress | None = None) -> None:
        """Write the pruned model; arguments and errors as those of ``write_pruned``."""
        document = record(self.checkpoint, self.choice, observation_digest=self.observation_digest)
        kept = self.choice.by_layer(self.checkpoint)
        write_pruned(self.checkpoint, out, kept, documents={RECORD: document}, progress=progress)
