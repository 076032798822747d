"""Score weights on points that no other program of the study sees, apart from the candidate."""
# ruff: noqa: T201 (a study is a script that prints its metrics)

import os
import sys
from pathlib import Path

import numpy as np
from network import active_units, loss  # type: ignore[import-not-found] # a file of the study's


def main() -> None:
    """Print the metrics of the weights among the artefacts, on the points of a file."""
    table = np.loadtxt(sys.argv[1], delimiter=",")
    points, labels = table[:, :-1], table[:, -1].astype(np.int64)
    file = Path(os.environ["OVERNIGHT_ARTEFACTS"], "weights.npz")
    with np.load(file, allow_pickle=False) as left:
        weights = [left[name] for name in sorted(left.files)]
    print(f"active_units: {active_units(weights, points)}")
    print(f"val_loss: {loss(weights, points, labels):.6f}")


if __name__ == "__main__":
    main()
