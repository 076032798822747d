"""Checks on a proposal before any device time is spent on it."""
