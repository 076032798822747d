"""Researchers: the programs and searches that propose changes."""
