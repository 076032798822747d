"""Researchers are found by name, and loaded only then."""

import subprocess
import sys
from pathlib import Path

import pytest

from overnight.errors import AgentMisconfigured, AgentMissing, StudyFileError
from overnight.researchers.base import ResearcherSettings
from overnight.researchers.registry import BUILT_IN, create, names
from overnight.researchers.scripted import Scripted

HEAVY = {"altair", "genai_prices", "libcst", "optuna", "pandas", "pyarrow", "vl_convert"}
STRANGER = """
def create(settings):
    return Stranger(settings.options)

class Stranger:
    def __init__(self, options):
        self.options = options

    def propose(self, assignment):
        raise NotImplementedError
"""


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An installed package that offers researchers, one of which cannot be loaded."""
    info = tmp_path / "strange-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: strange\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[overnight.researchers]\n"
        "stranger = strange_researcher:create\n"
        "broken = strange_researcher:no_such_name\n"
        "absent = strange_module_that_is_not_there:create\n"
        "scripted = strange_researcher:create\n"
    )
    (tmp_path / "strange_researcher.py").write_text(STRANGER)
    monkeypatch.syspath_prepend(tmp_path)
    return "stranger"


def imported_by(statement: str) -> set[str]:
    """The heavy libraries that a statement loads in a fresh interpreter."""
    told = subprocess.run(
        [sys.executable, "-c", f"import sys\n{statement}\nprint(*sys.modules)"],
        check=True,
        capture_output=True,
        text=True,
    )
    return HEAVY & set(told.stdout.split())


@pytest.mark.parametrize("kind", BUILT_IN)
def test_every_built_in_researcher_can_be_asked_for(kind: str) -> None:
    assert kind in names()
    try:
        researcher = create(ResearcherSettings(kind))
    except AgentMissing:
        pytest.skip(f"the program of {kind} is not installed")
    except AgentMisconfigured as missing_options:
        assert "researcher." in str(missing_options)
    else:
        assert callable(researcher.propose)


def test_an_unknown_kind_is_answered_with_the_closest() -> None:
    with pytest.raises(StudyFileError, match=r"'scriptd' is not known\. Did you mean 'scripted'?"):
        create(ResearcherSettings("scriptd"))
    with pytest.raises(StudyFileError, match=r"Known kinds: aider, chat, .*tune"):
        create(ResearcherSettings("zzz"))


def test_a_strangers_researcher_is_found(stranger: str) -> None:
    assert stranger in names()
    researcher = create(ResearcherSettings(stranger, options={"a": 1}))
    assert vars(researcher) == {"options": {"a": 1}}


def test_a_stranger_cannot_take_the_name_of_one_of_ours(stranger: str) -> None:
    settings = ResearcherSettings("scripted", options={"steps": []})
    assert isinstance(create(settings), Scripted)
    assert names().count("scripted") == 1


@pytest.mark.parametrize("kind", ["broken", "absent"])
def test_a_stranger_that_cannot_be_loaded_is_named(stranger: str, kind: str) -> None:
    with pytest.raises(AgentMissing, match=f"The researcher '{kind}' .* cannot be loaded: "):
        create(ResearcherSettings(kind))


@pytest.mark.parametrize(
    "statement",
    [
        "from overnight.cli.main import COMMANDS, command_line; command_line(COMMANDS)",
        "from overnight.researchers import command, registry; registry.names()",
    ],
)
def test_what_a_command_does_not_use_it_does_not_load(statement: str) -> None:
    assert imported_by(statement) == set()
