"""Cheats that hand the scorer something else than weights."""
