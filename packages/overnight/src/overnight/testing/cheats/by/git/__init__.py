"""Cheats that use git's own files against the harness."""
