"""Prompts: read from files and from the logs of coding agents, and turned into tokens."""
