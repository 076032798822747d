"""The points that the study learns from and is judged by; written the same every time."""

import functools
from collections.abc import Mapping

TRAINING, VALIDATION, HOLDOUT = 400, 400, 800
_CLASSES, _INPUTS, _CLUSTERS = 4, 12, 3
_SPREAD = 1.1
_MISLABELLED = 0.1
_SEED = 7


@functools.cache
def make_points() -> Mapping[str, str]:
    """Noisy clusters with some wrong labels, as comma-separated text: inputs, then the class.

    Returns:
        The parts ``training``, ``validation`` and ``holdout``.
    """
    import numpy as np  # noqa: PLC0415 (slow to import)

    shape = (_CLASSES, _CLUSTERS, _INPUTS)
    centres = np.random.default_rng(_SEED).normal(size=shape) * _SPREAD

    def part(count: int, seed: int) -> str:
        rng = np.random.default_rng(seed)
        labels = rng.integers(_CLASSES, size=count)
        inputs = centres[labels, rng.integers(_CLUSTERS, size=count)]
        inputs = inputs + rng.normal(size=(count, _INPUTS))
        wrong = rng.random(count) < _MISLABELLED
        labels = np.where(wrong, rng.integers(_CLASSES, size=count), labels)
        rows = zip(inputs, labels, strict=True)
        return "".join(f"{','.join(f'{x:.4f}' for x in row)},{label}\n" for row, label in rows)

    return {
        "training": part(TRAINING, 1),
        "validation": part(VALIDATION, 2),
        "holdout": part(HOLDOUT, 3),
    }
