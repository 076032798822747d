"""The sizes that there are: one for tests, one for a processor, one for a GPU."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Size:
    """All that a model, its text and its training are made of.

    Args:
        text_bytes: Of each domain.
        vocabulary: Tokens, the two special ones included.
        context: Tokens of one row in training.
        layers: Decoder layers, each with experts.
        hidden: Width between layers.
        heads: Of attention; each key and value serves two.
        experts: Of one layer.
        top_k: Experts that a token uses.
        expert_width: Width inside an expert.
        rows: Of one step.
        steps: Of training.
        learning_rate: The highest.
        balance: Weight of the balance loss; a short training needs more of it.
        prompts: Of each domain and split, at most.
        shard_bytes: Of one file of weights, at most.
    """

    text_bytes: int
    vocabulary: int
    context: int
    layers: int
    hidden: int
    heads: int
    experts: int
    top_k: int
    expert_width: int
    rows: int
    steps: int
    learning_rate: float
    balance: float
    prompts: int
    shard_bytes: int


SIZES = {
    "mini": Size(
        text_bytes=200_000,
        vocabulary=512,
        context=48,
        layers=2,
        hidden=48,
        heads=2,
        experts=8,
        top_k=2,
        expert_width=24,
        rows=16,
        steps=80,
        learning_rate=1e-2,
        balance=5e-2,
        prompts=8,
        shard_bytes=100_000,
    ),
    "tiny": Size(
        text_bytes=1_500_000,
        vocabulary=2048,
        context=128,
        layers=4,
        hidden=128,
        heads=4,
        experts=16,
        top_k=2,
        expert_width=64,
        rows=8,
        steps=360,
        learning_rate=4e-3,
        balance=5e-3,
        prompts=50,
        shard_bytes=1_000_000,
    ),
    "gpu": Size(
        text_bytes=32_000_000,
        vocabulary=4096,
        context=512,
        layers=8,
        hidden=256,
        heads=8,
        experts=64,
        top_k=8,
        expert_width=64,
        rows=64,
        steps=2400,
        learning_rate=2e-3,
        balance=1e-3,
        prompts=200,
        shard_bytes=14_000_000,
    ),
}
