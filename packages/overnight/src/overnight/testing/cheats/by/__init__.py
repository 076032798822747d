"""Cheats, one a file, by what they reach for."""
