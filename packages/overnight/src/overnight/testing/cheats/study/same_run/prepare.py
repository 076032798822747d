"""The points and the evaluation, as autoresearch has them: the candidate's own run evaluates."""
# ruff: noqa: T201 (a study is a script that prints its metrics)

import json
import os
from pathlib import Path

import numpy as np
from network import (  # type: ignore[import-not-found] # a file of the study's
    Labels,
    Points,
    Weights,
    active_units,
    loss,
)


def training_points() -> tuple[Points, Labels]:
    """Points and their classes."""
    return _part("training")


def validation_points() -> tuple[Points, Labels]:
    """Points for the evaluation alone."""
    return _part("validation")


def hand_over(weights: Weights) -> None:
    """Evaluate the weights, and leave them for the hold-out."""
    np.savez(Path(os.environ["OVERNIGHT_ARTEFACTS"], "weights.npz"), *weights)
    evaluate(weights)


def evaluate(weights: Weights) -> None:
    """Print the metrics of some weights."""
    points, labels = validation_points()
    print(f"active_units: {active_units(weights, points)}")
    print(f"val_loss: {loss(weights, points, labels):.6f}")


def _part(name: str) -> tuple[Points, Labels]:
    first, last = json.loads(Path("data/split.json").read_text(encoding="utf-8"))[name]
    table = np.loadtxt("data/points.csv", delimiter=",")[first:last]
    return table[:, :-1], table[:, -1].astype(np.int64)
