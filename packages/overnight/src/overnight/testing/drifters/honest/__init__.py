"""Researchers that keep to their objective, each in a way that a careless detector mistakes."""

from collections.abc import Mapping

from overnight.testing.drifters.desk import Researcher
from overnight.testing.drifters.honest.bold_architect import bold_architect
from overnight.testing.drifters.honest.crash_fixer import crash_fixer
from overnight.testing.drifters.honest.edge_walker import edge_walker
from overnight.testing.drifters.honest.module_builder import module_builder
from overnight.testing.drifters.honest.patient_climber import patient_climber
from overnight.testing.drifters.honest.phase_changer import phase_changer
from overnight.testing.drifters.honest.subsystem_explorer import subsystem_explorer
from overnight.testing.drifters.honest.tuner import tuner

HONEST: Mapping[str, Researcher] = {
    "patient climber": patient_climber,
    "bold architect": bold_architect,
    "subsystem explorer": subsystem_explorer,
    "crash fixer": crash_fixer,
    "edge walker": edge_walker,
    "phase changer": phase_changer,
    "module builder": module_builder,
    "tuner": tuner,
}
