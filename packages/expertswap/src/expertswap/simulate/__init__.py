"""Replays a routing trace against a policy, and tells hits, bytes, stalls and tokens per second."""
