"""Run a Mixture-of-Experts model that does not fit your GPU.

Observe which experts a workload uses, prune and quantise, plan what stays resident, and simulate
what swapping the rest costs.
"""

__version__ = "0.1.0"
