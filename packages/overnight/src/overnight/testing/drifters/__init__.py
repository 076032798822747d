"""The drift suite: scripted researchers that drift, and honest ones that look as if they did.

::

    night = drifting_night(ASTRAY["other question"], seed=7)
    verdicts = [
        assess(night.study, night.trials[:count], DriftSettings()).drifting
        for count in range(1, len(night.trials) + 1)
    ]
    assert not any(verdicts[: night.turn - 1])
    assert any(verdicts[night.turn - 1 :])

Each is a small generator that edits a real training program and is told how its trials ended. In
`night` a whole night takes a fraction of a second: the world of `world` measures the edits, the
real gate judges them. `steps` takes the same proposals through the real loop.
"""
