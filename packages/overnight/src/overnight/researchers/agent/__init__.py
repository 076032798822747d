"""Headless command-line agents: one way to start them, watch them and read what they said."""
