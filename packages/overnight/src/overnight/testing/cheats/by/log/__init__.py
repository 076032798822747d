"""Cheats that use the log as a weapon."""
