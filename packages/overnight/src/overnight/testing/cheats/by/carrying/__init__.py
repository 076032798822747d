"""Cheats that leave something for the next trial."""
