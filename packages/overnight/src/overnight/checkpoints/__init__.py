"""Measuring again what was kept: checkpoints, demotion of what does not hold, audits."""
