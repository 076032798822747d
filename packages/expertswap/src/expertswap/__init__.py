"""Run a Mixture-of-Experts model that does not fit your GPU.

The package is empty for now: see the repository's CHANGELOG for what has landed.
"""

__version__ = "0.1.0"
