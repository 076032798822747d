"""``overnight.toml`` -> `Study`, checked once; every error names the key, the line and the fix."""

from overnight.config.explain import line_of_key
from overnight.config.study import STUDY_FILE, Study, load_study
from overnight.config.tables import (
    METRIC_NAME,
    ArmTable,
    BudgetTable,
    CheckpointTable,
    CompareTable,
    DriftTable,
    HoldoutTable,
    JudgeTable,
    MeasureTable,
    NotifyTable,
    PriceTable,
    ResearcherTable,
    SandboxTable,
    ScoreTable,
    SetupTable,
    WatchTable,
)

__all__ = [
    "METRIC_NAME",
    "STUDY_FILE",
    "ArmTable",
    "BudgetTable",
    "CheckpointTable",
    "CompareTable",
    "DriftTable",
    "HoldoutTable",
    "JudgeTable",
    "MeasureTable",
    "NotifyTable",
    "PriceTable",
    "ResearcherTable",
    "SandboxTable",
    "ScoreTable",
    "SetupTable",
    "Study",
    "WatchTable",
    "line_of_key",
    "load_study",
]
