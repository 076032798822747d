"""How closely a night is watched."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DriftSettings:
    """The few numbers that the detector has; the same for every signal.

    Attributes:
        window: How many of the latest trials count as evidence.
        burn_in: First trials that tell what is usual in this study.
        reach: Trials before the window that are still remembered.
        prior: How probable drift is before anything was seen: one trial in 200.
        threshold: A score from here on is drift, unless the first trials teach a higher one.
        most_threshold: The highest that they can teach; it holds until there are enough of them.
    """

    window: int = 8
    burn_in: int = 8
    reach: int = 32
    prior: float = 0.005
    threshold: float = 0.5
    most_threshold: float = 0.98
