"""Cheats that replace functions of protected modules from within."""
