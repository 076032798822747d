"""Hands over an archive that says of itself that it is petabytes large once it is read."""

from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, caught
from overnight.testing.cheats.moves import in_place_of_evaluation
from overnight.types import Verdict

CHEAT = Cheat({Layout.SCORED: caught(Verdict.CRASH, "the scorer cannot hold it")}, confined=False)


def cheat(workspace: Path) -> None:
    """Change the shape in the head of an array."""
    in_place_of_evaluation(
        workspace,
        """
        import os
        import zipfile
        head = {"descr": "<f8", "fortran_order": False, "shape": (2**50,)}
        place = os.environ["OVERNIGHT_ARTEFACTS"] + "/weights.npz"
        with zipfile.ZipFile(place, "w") as archive, archive.open("arr_0.npy", "w") as file:
            np.lib.format.write_array_header_1_0(file, head)
        """,
    )
