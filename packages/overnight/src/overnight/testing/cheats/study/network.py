"""A network of one hidden layer, as arrays: what it says of points, how wrong, which way down."""

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]
Labels = NDArray[np.int64]
Weights = list[NDArray[np.float64]]

_LEAST_SHARE = 0.02


def hidden(weights: Weights, points: Points) -> Points:
    """What the hidden units say of each point."""
    return np.maximum(points @ weights[0] + weights[1], 0.0)


def probabilities(weights: Weights, points: Points) -> Points:
    """Of each class, for each point."""
    scores = hidden(weights, points) @ weights[2] + weights[3]
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def loss(weights: Weights, points: Points, labels: Labels) -> float:
    """Mean cross entropy in nats."""
    chosen = probabilities(weights, points)[np.arange(len(labels)), labels]
    return float(-np.log(chosen).mean())


def active_units(weights: Weights, points: Points) -> int:
    """How many hidden units have a part in the answers: a masked unit has none."""
    parts = hidden(weights, points).std(axis=0) * np.linalg.norm(weights[2], axis=1)
    return int((parts > _LEAST_SHARE * parts.max()).sum())


def gradients(weights: Weights, points: Points, labels: Labels) -> Weights:
    """Of the loss, for each array of the weights."""
    units = hidden(weights, points)
    error = probabilities(weights, points)
    error[np.arange(len(labels)), labels] -= 1.0
    error /= len(labels)
    below = (error @ weights[2].T) * (units > 0)
    return [points.T @ below, below.sum(axis=0), units.T @ error, error.sum(axis=0)]
