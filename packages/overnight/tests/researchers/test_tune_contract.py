from collections.abc import Mapping
from typing import ClassVar

from overnight.researchers.base import Researcher, ResearcherSettings
from overnight.researchers.tune import create
from overnight.testing.researcher_contract import ResearcherContract


class TestTuneContract(ResearcherContract):
    files: ClassVar[Mapping[str, str]] = {"train.py": 'SHAPE = "round"\n'}

    def editing(self, *, title: str) -> Researcher:
        """The title shows the value, so a value is how it can be told."""
        return create(ResearcherSettings("tune", options={"choices": {"SHAPE": [title]}}))

    def failing(self) -> Researcher:
        return create(ResearcherSettings("tune", options={"exclude": ["*"]}))
