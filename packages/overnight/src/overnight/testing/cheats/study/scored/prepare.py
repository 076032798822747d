"""The training points, and the place for what was learnt from them."""

import os
from pathlib import Path

import numpy as np
from network import Labels, Points, Weights  # type: ignore[import-not-found] # a file of the study's


def training_points() -> tuple[Points, Labels]:
    """Points and their classes."""
    table = np.loadtxt("data/train.csv", delimiter=",")
    return table[:, :-1], table[:, -1].astype(np.int64)


def hand_over(weights: Weights) -> None:
    """Leave the weights for the scorer."""
    np.savez(Path(os.environ["OVERNIGHT_ARTEFACTS"], "weights.npz"), *weights)
