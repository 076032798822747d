"""Train a small network on a fixed set of points: the file that a researcher edits."""
# ruff: noqa: T201 (a study is a script that prints its metrics)

import time

import numpy as np
from network import Weights, gradients  # type: ignore[import-not-found] # a file of the study's
from prepare import hand_over, training_points  # type: ignore[import-not-found] # likewise
from surroundings import tell  # type: ignore[import-not-found] # likewise

UNITS = 24
STEPS = 60
LEARNING_RATE = 0.1
SCALE = 0.3
SEED = 1


def start(inputs: int, classes: int) -> Weights:
    """Random weights."""
    rng = np.random.default_rng(SEED)
    return [
        rng.normal(size=(inputs, UNITS)) * SCALE,
        np.zeros(UNITS),
        rng.normal(size=(UNITS, classes)) * SCALE,
        np.zeros(classes),
    ]


def main() -> None:
    """Train, and hand the weights over to be evaluated."""
    tell()
    began_s = time.process_time()
    points, labels = training_points()
    weights = start(points.shape[1], labels.max() + 1)
    for _ in range(STEPS):
        for index, gradient in enumerate(gradients(weights, points, labels)):
            weights[index] -= LEARNING_RATE * gradient
    print(f"training_seconds: {time.process_time() - began_s:.4f}")
    hand_over(weights)


if __name__ == "__main__":
    main()
