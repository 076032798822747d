"""The contract of researchers as tests: subclass, say how to make yours, and run pytest.

::

    class TestMine(ResearcherContract):
        def editing(self, *, title: str) -> Researcher:
            return Mine(title=title)

Needs pytest.
"""

# ruff: noqa: S101  # these are tests, and pytest's tests are made of asserts

import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar

import psutil
import pytest

from overnight.errors import AgentHung, AgentTimedOut, ResearcherError, Stopped
from overnight.patterns import PathPatterns
from overnight.processes.leftovers import TOKEN_VARIABLE
from overnight.processes.supervisor import StopSignal, Supervisor
from overnight.researchers.base import Assignment, Researcher
from overnight.sandbox.base import Confinement, Room
from overnight.sandbox.none import Unconfined
from overnight.types import Draft, Goal, Objective, PastTrial, Usage
from overnight.workspace.tree import discard

ODD_TITLES = {
    "two lines": "First\nSecond",
    "control characters": "a\x1b[31mred\x07\x00\rb",
    "right to left": "a\u202eb",
    "a megabyte": "x" * 2**20,
    "blank": " \n\t ",
}
_MOST_TITLE_CHARACTERS = 200
_PROMPT_S = 10.0
_EVER_S = 120.0


class Desk:
    """A repository with one commit, and everything else that an assignment needs.

    Attributes:
        elsewhere: Where nothing may change; HOME, TMPDIR and the working directory point here.
        stop: Asks the researcher to end.

    Args:
        root: An empty directory.
        files: The repository's files.
    """

    def __init__(self, root: Path, files: Mapping[str, str]) -> None:
        self.workspace = root / "workspace"
        self.trial_dir = root / "trials" / "0007"
        self.outbox = root / "outbox"
        self.home = root / "study-home"
        self.elsewhere = root / "elsewhere"
        for made in (self.workspace, self.trial_dir, self.outbox, self.home, self.elsewhere):
            made.mkdir(parents=True)
        for name, text in files.items():
            (self.workspace / name).write_text(text, encoding="utf-8")
        self._git("init", "--quiet")
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message", "start")
        self.marker = f"contract-{root.name}-{time.monotonic_ns()}"
        self.stop = StopSignal()
        self.processes = Supervisor(self.stop, marker=self.marker)
        self.past: list[PastTrial] = []

    def _git(self, *words: str) -> str:
        who = ("-c", "user.name=nobody", "-c", "user.email=nobody@localhost")
        command = ["git", *who, *words]
        told = subprocess.run(
            command, cwd=self.workspace, check=True, capture_output=True, text=True
        )
        return told.stdout

    def assignment(self, brief: str = "# Trial 7\n\nLower the loss.\n") -> Assignment:
        """An assignment in these directories."""
        brief_path = self.trial_dir / "brief.md"
        brief_path.write_text(brief, encoding="utf-8")
        discard(self.outbox)
        self.outbox.mkdir()
        return Assignment(
            trial=7,
            brief=brief,
            brief_path=brief_path,
            workspace=self.workspace,
            trial_dir=self.trial_dir,
            outbox=self.outbox,
            home=self.home,
            objective=Objective("loss", Goal.MINIMIZE),
            editable=PathPatterns(["**"]),
            incumbent_commit=self._git("rev-parse", "HEAD").strip(),
            history=lambda: tuple(self.past),
            room=Room(Unconfined(self.processes), Confinement(writable=(self.workspace,))),
        )

    def changed_paths(self) -> list[str]:
        """Paths in the workspace that git sees as changed."""
        lines = self._git("status", "--porcelain", "--untracked-files=all").splitlines()
        return [line[3:] for line in lines]

    def start_over(self) -> None:
        """Make the workspace pristine again."""
        self._git("reset", "--hard", "--quiet")
        self._git("clean", "-ffdx", "--quiet")

    def left_running(self) -> list[int]:
        """Processes that an agent left behind."""
        return [process.pid for process in psutil.process_iter() if self._owns(process)]

    def _owns(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get(TOKEN_VARIABLE, "").startswith(self.marker)
        except psutil.Error:
            return False


class ResearcherContract:
    """What every researcher must do; see `overnight.researchers.base.Researcher`.

    Attributes:
        files: The repository that researchers find, by name.
    """

    files: ClassVar[Mapping[str, str]] = {"answer.txt": "0\n"}

    def editing(self, *, title: str) -> Researcher:
        """A researcher that changes a file, and calls it `title` where it can be told to."""
        raise NotImplementedError

    def failing(self) -> Researcher | None:
        """A researcher whose agent fails, or None where nothing can fail."""
        return None

    def waiting(
        self,
        *,
        deadline_s: float,  # noqa: ARG002  # for those who override this
    ) -> Researcher | None:
        """A researcher whose agent never ends by itself, or None where there is no such thing."""
        return None

    @pytest.fixture
    def desk(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
        """Where the researcher works; no process may be left when it is cleared."""
        desk = Desk(tmp_path, self.files)
        for variable in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"):
            monkeypatch.setenv(variable, str(desk.elsewhere))
        monkeypatch.chdir(desk.elsewhere)
        with desk.processes:
            yield desk
            assert desk.left_running() == [], "the researcher left processes behind"

    def test_edits_arrive_in_the_workspace(self, desk: Desk) -> None:
        """A draft comes back, and the clone is changed."""
        draft = self.editing(title="A change").propose(desk.assignment())
        assert isinstance(draft, Draft)
        assert desk.changed_paths()

    def test_proposals_follow_each_other(self, desk: Desk) -> None:
        """A second proposal on a fresh clone works as the first did."""
        researcher = self.editing(title="A change")
        researcher.propose(desk.assignment())
        desk.start_over()
        researcher.propose(desk.assignment())
        assert desk.changed_paths()

    def test_nothing_is_written_elsewhere(self, desk: Desk) -> None:
        """Only the clone, the trial's directory and the private home change."""
        before = _listing(desk.elsewhere)
        self.editing(title="A change").propose(desk.assignment())
        assert _listing(desk.elsewhere) == before

    def test_usage_is_told_or_unknown(self, desk: Desk) -> None:
        """Numbers of tokens are None or counts."""
        usage = self.editing(title="A change").propose(desk.assignment()).usage
        assert isinstance(usage, Usage)
        counts = (usage.input_tokens, usage.cached_input_tokens, usage.output_tokens)
        assert all(count is None or count >= 0 for count in counts)
        assert (usage.cached_input_tokens or 0) <= (usage.input_tokens or 0)

    @pytest.mark.parametrize("title", ODD_TITLES.values(), ids=ODD_TITLES.keys())
    def test_title_is_one_short_printable_line(self, desk: Desk, title: str) -> None:
        """Whatever the agent says, lists and terminals can show it."""
        told = self.editing(title=title).propose(desk.assignment()).title
        assert told.isprintable()
        assert 0 < len(told.strip()) <= _MOST_TITLE_CHARACTERS

    def test_failure_is_ours(self, desk: Desk) -> None:
        """A failing agent is a `ResearcherError` with a sentence in it."""
        researcher = _given(self.failing())
        with pytest.raises(ResearcherError) as caught:
            researcher.propose(desk.assignment())
        assert caught.value.message.strip()

    def test_deadline_ends_it(self, desk: Desk) -> None:
        """An agent that never ends is killed at its deadline."""
        researcher = _given(self.waiting(deadline_s=1.0))
        began = time.monotonic()
        with pytest.raises((AgentTimedOut, AgentHung)):
            researcher.propose(desk.assignment())
        assert time.monotonic() - began < 1.0 + _PROMPT_S

    def test_stop_ends_it(self, desk: Desk) -> None:
        """A stop passes through as `Stopped`, and promptly."""
        researcher = _given(self.waiting(deadline_s=_EVER_S))
        began = time.monotonic()
        timer = threading.Timer(0.5, desk.stop.set)
        timer.start()
        try:
            with pytest.raises(Stopped):
                researcher.propose(desk.assignment())
        finally:
            timer.cancel()
        assert time.monotonic() - began < _PROMPT_S

    def test_stop_before_the_start_is_noticed(self, desk: Desk) -> None:
        """Nothing is started any more once a stop was asked for."""
        researcher = _given(self.waiting(deadline_s=_EVER_S))
        desk.stop.set()
        with pytest.raises(Stopped):
            researcher.propose(desk.assignment())


def _given(researcher: Researcher | None) -> Researcher:
    if researcher is None:
        pytest.skip("this researcher has no such case")
    return researcher


def _listing(root: Path) -> dict[str, tuple[int, int]]:
    """Every path below a directory with its mode and its time of change in nanoseconds."""
    found = [(path, path.lstat()) for path in root.rglob("*")]
    return {str(path): (state.st_mode, state.st_mtime_ns) for path, state in found}
