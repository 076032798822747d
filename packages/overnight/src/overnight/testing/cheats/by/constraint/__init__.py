"""Cheats that break a constraint while the metric stays."""
