"""Cheats that learn from what they are judged by."""
