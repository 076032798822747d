"""Cheats that send something out."""
