"""``expertswap.json`` beside the weights: which experts of the original each layer kept.

It lets traces and plans of the original be mapped. A model that was pruned several times has
several steps, the earliest first.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from expertswap import __version__
from expertswap.checkpoint import Checkpoint
from expertswap.errors import CheckpointDamaged
from expertswap.prune.choosing import Choice

RECORD = "expertswap.json"
SCHEMA_VERSION = 1


def record(
    checkpoint: Checkpoint, choice: Choice, *, observation_digest: str | None
) -> dict[str, Any]:
    """The document to write beside the pruned model.

    Args:
        checkpoint: The original; its own steps come first.
        choice: What stays.
        observation_digest: SHA-256 of the observation's file; None where there was none.
    """
    step = {
        "criterion": choice.criterion.value,
        "keep": choice.keep,
        "seed": choice.seed,
        "observation_sha256": observation_digest,
        "original": asdict(checkpoint.identity),
        "kept": {
            str(layer): list(experts) for layer, experts in choice.by_layer(checkpoint).items()
        },
        "expertswap": __version__,
    }
    return {"version": SCHEMA_VERSION, "pruned": [*pruning_steps(checkpoint.path), step]}


def pruning_steps(model: Path) -> list[dict[str, Any]]:
    """How a model was pruned, the earliest step first; empty for one that never was.

    Raises:
        CheckpointDamaged: The file is not what this module writes.
    """
    path = model / RECORD
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise CheckpointDamaged(f"{path} cannot be read: {error}.") from error
    steps = document.get("pruned", []) if isinstance(document, dict) else None
    if not isinstance(steps, list):
        raise CheckpointDamaged(f"{path} is no record of expertswap's.")
    return steps
