"""Autonomous research you can leave running overnight."""

__version__ = "0.1.0"
