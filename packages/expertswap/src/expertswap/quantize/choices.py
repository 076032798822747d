"""What a user may choose; apart from what does it, so that ``--help`` loads no torch."""

from enum import StrEnum
from typing import Literal


class Method(StrEnum):
    """How the integers that stand for an expert's weights are found.

    Attributes:
        RTN: Each weight is rounded to nearest, by itself.
        GPTQ: Column by column; later columns make up for what rounding lost (arXiv:2210.17323).
        AWQ: Channels with large activations are scaled up before rounding (arXiv:2306.00978).
    """

    RTN = "rtn"
    GPTQ = "gptq"
    AWQ = "awq"


Calibration = Literal[Method.GPTQ, Method.AWQ]


class ScaleChoice(StrEnum):
    """How rounding to nearest finds the scale of a group.

    Attributes:
        ABSMAX: From the largest weight, as compressed-tensors' observers do: no weight is off by
            more than half a step.
        MSE: The one of a few smaller scales with the least squared error: the largest weights may
            be clipped.
    """

    ABSMAX = "absmax"
    MSE = "mse"
