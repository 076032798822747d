"""Sandboxes: what a foreign program may see, change, reach and use up."""
