"""Autonomous research you can leave running overnight."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from overnight.api import StudyView, open_study

__version__ = "0.1.0"
__all__ = ["StudyView", "open_study"]


def __getattr__(name: str) -> object:
    """Load the Python API when it is first used, so that commands start quickly."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from overnight import api  # noqa: PLC0415 (that is the point of this function)

    return getattr(api, name)
