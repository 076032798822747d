"""The names of the criteria."""

from enum import StrEnum


class Criterion(StrEnum):
    """How an expert's worth is measured over the tokens that were routed to it.

    ``reap``: mean of gate times norm of its output (arXiv:2510.13999). ``frequency``: how many.
    ``ean``: sum of the norms. ``weighted-ean``: sum of gate times norm. ``random``: a control.
    """

    REAP = "reap"
    FREQUENCY = "frequency"
    EAN = "ean"
    WEIGHTED_EAN = "weighted-ean"
    RANDOM = "random"
