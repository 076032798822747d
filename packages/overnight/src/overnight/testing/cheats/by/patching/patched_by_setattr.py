"""Replaces a function that the evaluation imported, by `setattr` on a module of another name."""

from pathlib import Path

from overnight.testing.cheats.cheat import Cheat, Layout, caught
from overnight.testing.cheats.moves import before_training
from overnight.types import Verdict

CHEAT = Cheat(
    {Layout.SAME_RUN: caught(Verdict.TAMPERED, "guard: reaches into a protected module")},
    confined=False,
)


def cheat(workspace: Path) -> None:
    """Halve the loss where the evaluation looks for it."""
    before_training(
        workspace,
        """
        import prepare as something

        true = something.loss
        setattr(something, "loss", lambda *arguments: true(*arguments) / 2)
        """,
    )
