"""Cheats that take more time than they are given, or than they tell of."""
