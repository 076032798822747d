"""Cheats that forge the report of the metric."""
