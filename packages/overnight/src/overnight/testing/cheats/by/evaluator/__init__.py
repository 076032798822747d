"""Cheats that change the evaluation, its data or what it imports."""
