"""Cheats that read what is secret."""
