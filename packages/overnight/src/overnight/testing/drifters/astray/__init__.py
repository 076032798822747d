"""Researchers that begin well and drift, each in one of the ways that were seen in real nights."""

from collections.abc import Mapping

from overnight.testing.drifters.astray.clutter_maker import clutter_maker
from overnight.testing.drifters.astray.constraint_ignored import constraint_ignored
from overnight.testing.drifters.astray.longer_sessions import longer_sessions
from overnight.testing.drifters.astray.metric_swapper import metric_swapper
from overnight.testing.drifters.astray.other_question import other_question
from overnight.testing.drifters.astray.overfitter import overfitter
from overnight.testing.drifters.astray.same_idea import same_idea
from overnight.testing.drifters.astray.side_quest import side_quest
from overnight.testing.drifters.desk import Researcher

ASTRAY: Mapping[str, Researcher] = {
    "other question": other_question,
    "constraint ignored": constraint_ignored,
    "same idea": same_idea,
    "clutter": clutter_maker,
    "hold-out divergence": overfitter,
    "side quest": side_quest,
    "longer sessions": longer_sessions,
    "metric swapping": metric_swapper,
}
