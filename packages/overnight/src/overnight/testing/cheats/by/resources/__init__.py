"""Cheats that use up the machine."""
