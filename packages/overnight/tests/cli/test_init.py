"""`overnight init` on real repositories: what it writes, refuses and asks."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

from overnight.cli import init as command
from overnight.config import load_study
from overnight.errors import OvernightError, RepositoryError, StudyFileError
from overnight.types import Goal

SCRIPT = "print(f'val_loss: {1.0}')\n"
Overnight = Callable[..., Result]

app = typer.Typer()
app.command()(command.init)


def git(root: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=t", "-c", "user.email=t@localhost")
    done = subprocess.run(("git", *identity, *arguments), cwd=root, check=True, capture_output=True)
    return done.stdout.decode()


def commit(root: Path, **files: str) -> None:
    git(root, "init", "--quiet")
    for name, text in files.items():
        (root / name.replace("_py", ".py")).write_text(text)
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "start")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "lab"
    root.mkdir()
    monkeypatch.chdir(root)
    commit(root, train_py=SCRIPT)
    return root


@pytest.fixture
def overnight() -> Iterator[Overnight]:
    def call(*arguments: str, answers: str = "") -> Result:
        result = CliRunner().invoke(app, arguments, input=answers)
        if isinstance(result.exception, OvernightError):
            raise result.exception
        return result

    yield call


def test_writes_a_study_that_loads(repository: Path, overnight: Overnight) -> None:
    before = git(repository, "rev-parse", "HEAD")
    result = overnight()
    assert result.exit_code == 0
    study = load_study(repository)
    assert study.name == "lab"
    assert study.objective.metric == "val_loss"
    assert study.objective.goal is Goal.MINIMIZE
    assert study.measure.command == "python train.py"
    assert study.editable.patterns == ("train.py",)
    assert "`val_loss` as low" in study.program_text()
    assert result.stdout.endswith("Next: overnight doctor, then overnight run\n")
    assert git(repository, "rev-parse", "HEAD") == before
    assert git(repository, "status", "--porcelain") == "?? overnight.toml\n?? program.md\n"


def test_findings_are_shown_with_their_place(repository: Path, overnight: Overnight) -> None:
    assert "metric: val_loss (likely; train.py:1: the script prints it)" in overnight().stdout


def test_printing_writes_nothing(repository: Path, overnight: Overnight) -> None:
    result = overnight("--print")
    assert git(repository, "status", "--porcelain") == ""
    (repository / "overnight.toml").write_text(result.stdout)
    (repository / "program.md").touch()
    assert load_study(repository).objective.metric == "val_loss"
    assert "train.py:1" in result.stderr


def test_flags_win(repository: Path, overnight: Overnight) -> None:
    overnight(
        *("--metric", "acc", "--goal", "maximise", "--editable", "a.py", "--editable", "b/**"),
        *("--protected", "train.py", "--measure", "make x", "--deadline", "1h 30m"),
        *("--setup", "make deps", "--researcher", "codex", "--model", "m", "--name", "n"),
    )
    study = load_study(repository)
    assert (study.name, study.objective.metric, study.objective.goal) == ("n", "acc", Goal.MAXIMIZE)
    assert study.editable.patterns == ("a.py", "b/**")
    assert study.protected.patterns == ("train.py",)
    assert (study.measure.command, study.measure.deadline_s) == ("make x", 5400)
    assert study.setup is not None
    assert study.setup.command == "make deps"
    assert (study.researcher.kind, study.researcher.model) == ("codex", "m")


@pytest.mark.parametrize(("present", "kind"), [("/bin/codex", "codex"), (None, "tune")])
def test_the_researcher_is_one_that_can_run(
    repository: Path,
    overnight: Overnight,
    monkeypatch: pytest.MonkeyPatch,
    present: str | None,
    kind: str,
) -> None:
    monkeypatch.setattr("shutil.which", lambda _: present)
    overnight()
    assert load_study(repository).researcher.kind == kind


@pytest.mark.parametrize("agent", ["claude", "gemini"])
def test_another_agent_on_the_path_is_found(
    repository: Path, overnight: Overnight, monkeypatch: pytest.MonkeyPatch, agent: str
) -> None:
    monkeypatch.setattr("shutil.which", lambda name: f"/bin/{name}" if name == agent else None)
    overnight()
    assert load_study(repository).researcher.kind == agent


def test_a_researcher_that_is_not_known(repository: Path, overnight: Overnight) -> None:
    with pytest.raises(StudyFileError, match="Did you mean 'opencode'"):
        overnight("--researcher", "opencod")
    assert not (repository / "overnight.toml").exists()


def test_an_existing_study_is_not_replaced(repository: Path, overnight: Overnight) -> None:
    study = repository / "overnight.toml"
    study.write_text("mine")
    with pytest.raises(StudyFileError, match="exists already"):
        overnight("--yes")
    assert study.read_text() == "mine"
    assert not (repository / "program.md").exists()


def test_force_keeps_every_old_study_and_the_program(
    repository: Path, overnight: Overnight
) -> None:
    (repository / "program.md").write_text("my words")
    (repository / "overnight.toml").write_text("first")
    overnight("--force")
    (repository / "overnight.toml").write_text("second")
    result = overnight("--force")
    assert "the old one is overnight.toml.bak.2" in result.stdout
    assert (repository / "overnight.toml.bak").read_text() == "first"
    assert (repository / "overnight.toml.bak.2").read_text() == "second"
    assert (repository / "program.md").read_text() == "my words"


def test_a_link_is_replaced_and_not_written_through(
    repository: Path, tmp_path: Path, overnight: Overnight
) -> None:
    (repository / "overnight.toml").symlink_to(tmp_path / "elsewhere.toml")
    with pytest.raises(StudyFileError, match="exists already"):
        overnight()
    overnight("--force")
    assert not (tmp_path / "elsewhere.toml").exists()


def test_an_uncommitted_program_is_read(repository: Path, overnight: Overnight) -> None:
    (repository / "program.md").write_text("Get the lowest `train_loss`, by editing `train.py`.")
    assert "editable: train.py (stated; program.md:1" in overnight().stdout


def test_missing_flags_are_named(tmp_path: Path, overnight: Overnight, repository: Path) -> None:
    commit(repository, train_py="print('done')\n")
    with pytest.raises(StudyFileError) as caught:
        overnight()
    assert caught.value.exit_code == 2
    assert str(caught.value).endswith("Call `overnight init` with --metric ... --goal ....")
    assert not (repository / "overnight.toml").exists()


def test_questions_on_a_terminal(
    repository: Path, overnight: Overnight, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "is_interactive", lambda: True)
    git(repository, "mv", "train.py", "notes.txt")
    git(repository, "commit", "--quiet", "--message", "no script")
    result = overnight(answers="make bench\nquality\nsideways\nmaximise\na.c, b.c\n")
    assert result.exit_code == 0
    study = load_study(repository)
    assert (study.measure.command, study.objective.metric) == ("make bench", "quality")
    assert study.objective.goal is Goal.MAXIMIZE
    assert study.editable.patterns == ("a.c", "b.c")


def test_yes_asks_nothing(
    repository: Path, overnight: Overnight, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "is_interactive", lambda: True)
    commit(repository, train_py="print('done')\n")
    with pytest.raises(StudyFileError, match="--metric"):
        overnight("--yes")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--name", "a b"], "name = 'a b'"),
        (["--metric", "two words", "--goal", "minimize"], "metric.name"),
        (["--editable", "../x"], "scope.editable"),
        (["--editable", "x", "--protected", "x"], "both --editable and --protected"),
    ],
)
def test_values_that_cannot_be(
    repository: Path, overnight: Overnight, flags: list[str], message: str
) -> None:
    with pytest.raises(StudyFileError, match=message):
        overnight(*flags)
    assert not (repository / "overnight.toml").exists()


@pytest.mark.parametrize("flags", [["--deadline", "soon"], ["--goal", "sideways"]])
def test_flags_that_cannot_be_read(
    repository: Path, overnight: Overnight, flags: list[str]
) -> None:
    assert overnight(*flags).exit_code == 2


def test_outside_a_repository(
    tmp_path: Path, overnight: Overnight, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RepositoryError, match=r"not in a git repository.*git init"):
        overnight()


def test_without_a_commit(
    tmp_path: Path, overnight: Overnight, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    git(tmp_path, "init", "--quiet")
    with pytest.raises(RepositoryError, match=r"no commit yet.*git commit"):
        overnight()


def test_in_a_bare_repository(
    tmp_path: Path, overnight: Overnight, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    git(tmp_path, "init", "--quiet", "--bare")
    with pytest.raises(RepositoryError, match=r"bare repository.*Clone it"):
        overnight()


def test_below_the_top(
    repository: Path, overnight: Overnight, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "sub").mkdir()
    monkeypatch.chdir(repository / "sub")
    with pytest.raises(RepositoryError, match=r"below the top.*overnight init"):
        overnight()


def test_help_has_examples(overnight: Overnight) -> None:
    assert "overnight init --print" in overnight("--help").stdout
