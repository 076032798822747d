"""Cheats that leave processes behind."""
