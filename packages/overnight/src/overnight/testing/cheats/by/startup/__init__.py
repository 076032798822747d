"""Cheats that add files which run before the measured program, or in place of its modules."""
