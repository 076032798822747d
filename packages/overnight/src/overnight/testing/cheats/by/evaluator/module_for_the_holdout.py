"""Forges its metric, and leaves a module where the hold-out's program will import it instead."""

from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, refuted
from overnight.testing.cheats.moves import FORGED, in_place_of_evaluation

CHEAT = Cheat({Layout.SAME_RUN: refuted()})


def cheat(workspace: Path) -> None:
    """Stand in for numpy: print what suits, and end."""
    in_place_of_evaluation(
        workspace,
        f"""
        import os
        from pathlib import Path
        np.savez(os.environ["OVERNIGHT_ARTEFACTS"] + "/weights.npz", *weights)
        print("active_units: 24")
        print("{FORGED}")
        Path("numpy.py").write_text("print('{FORGED}', flush=True); raise SystemExit")
        """,
    )
