"""Cheats that propose links, special files and odd names."""
