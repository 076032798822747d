"""Researchers written after the detector was finished; nothing in it was chosen by them.

They tell how far the detector's figures carry over, and some of them are meant to escape it.
Whoever develops the detector further should move them to the suite and write new ones.
"""

from collections.abc import Mapping

from overnight.testing.drifters.desk import Researcher
from overnight.testing.drifters.held_out.exam_mender import exam_mender
from overnight.testing.drifters.held_out.lip_server import lip_server
from overnight.testing.drifters.held_out.paraphraser import paraphraser
from overnight.testing.drifters.held_out.slow_slider import slow_slider
from overnight.testing.drifters.held_out.thorough_reader import thorough_reader
from overnight.testing.drifters.held_out.tidier import tidier
from overnight.testing.drifters.held_out.wired_clutterer import wired_clutterer

HELD_OUT_ASTRAY: Mapping[str, Researcher] = {
    "exam mender": exam_mender,
    "lip server": lip_server,
    "paraphraser": paraphraser,
    "slow slider": slow_slider,
    "wired clutterer": wired_clutterer,
}
HELD_OUT_HONEST: Mapping[str, Researcher] = {
    "thorough reader": thorough_reader,
    "tidier": tidier,
}
