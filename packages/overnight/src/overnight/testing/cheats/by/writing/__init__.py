"""Cheats that write to what is the user's or the harness's."""
