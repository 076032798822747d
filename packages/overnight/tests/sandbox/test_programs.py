"""Interpreters and tools that live in the user's home work inside; nothing beside them shows."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from overnight.config import SandboxTable
from overnight.testing.sandbox_site import Box, Site

MakeBox = Callable[..., Box]
Write = Callable[..., Path]
SCRIPT = "#!/bin/sh\necho {} runs\n"


@pytest.fixture
def program(write: Write) -> Callable[..., Path]:
    """Makes a script that says that it runs."""

    def make(path: Path, text: str | None = None) -> Path:
        write(path, text or SCRIPT.format(path.name)).chmod(0o755)
        return path

    return make


def on_path(*places: Path) -> dict[str, str]:
    return {"PATH": os.pathsep.join([*map(str, places), os.environ["PATH"]])}


def sees(box: Box, *paths: Path) -> list[Path]:
    script = 'for path; do [ -e "$path" ] && echo "$path"; done'
    return [Path(p) for p in box.run("sh", "-c", script, "sh", *map(str, paths)).output.split()]


def test_a_virtual_environment(site: Site, make_box: MakeBox, write: Write) -> None:
    """With what is installed in it, and the interpreter that it was made from."""
    environment = site.home / "envs" / "mine"
    subprocess.run((sys.executable, "-m", "venv", "--without-pip", environment), check=True)
    [packages] = environment.glob("lib/python3*/site-packages")
    write(packages / "mine.py", "print('mine runs')\n")
    beside = write(site.home / "envs" / "notes.txt")
    box = make_box(environ=on_path(environment / "bin"))
    assert box.run("python", "-c", "import mine").output == "mine runs\n"
    assert sees(box, environment, beside) == [environment]


def test_the_environment_of_the_repository(site: Site, make_box: MakeBox) -> None:
    """Although the repository is hidden, and the environment is not on PATH."""
    environment = site.study / ".venv"
    subprocess.run((sys.executable, "-m", "venv", "--without-pip", environment), check=True)
    box = make_box()
    assert box.run(str(environment / "bin/python"), "-c", "print('runs')").output == "runs\n"
    assert sees(box, site.study / "secret", environment) == [environment]


def test_pyenv(site: Site, make_box: MakeBox, program: Callable[..., Path], write: Write) -> None:
    """Shims start versions, which lie in the same directory."""
    pyenv = site.home / ".pyenv"
    program(pyenv / "libexec/pyenv")
    real = program(pyenv / "versions/3.11.9/bin/python3")
    program(pyenv / "shims/python3", f'#!/bin/sh\nexec {real} "$@"\n')
    beside = write(site.home / ".pypirc")
    box = make_box(environ=on_path(pyenv / "shims", pyenv / "bin"))
    assert box.run("python3").output == "python3 runs\n"
    assert sees(box, pyenv, beside) == [pyenv]


def test_tools_of_uv(site: Site, make_box: MakeBox, program: Callable[..., Path]) -> None:
    """A link in ``~/.local/bin`` to the tool's own environment."""
    local = site.home / ".local"
    tool = program(local / "share/uv/tools/ruff/bin/ruff")
    program(local / "share/uv/python/cpython-3.12/bin/python3.12")
    (local / "bin").mkdir()
    (local / "bin/ruff").symlink_to(tool)
    secrets = [program(local / name) for name in ("share/keyrings/login", "state/history")]
    box = make_box(environ=on_path(local / "bin"))
    assert box.run("ruff").output == "ruff runs\n"
    assert sees(box, *secrets) == []


def test_a_program_that_is_a_link_to_an_installed_one(
    site: Site, make_box: MakeBox, program: Callable[..., Path]
) -> None:
    """As installers make them: the real one lies among files of its own."""
    real = program(site.home / "apps/agent-1.2/agent", '#!/bin/sh\ncat "$(dirname "$0")/words"\n')
    (real.parent / "words").write_text("agent runs\n")
    (site.home / "bin").mkdir()
    (site.home / "bin/agent").symlink_to(real)
    beside = program(site.home / "apps/other/secret")
    box = make_box(environ=on_path(site.home / "bin"))
    assert box.sh(f"{real}").output == "agent runs\n"
    assert box.sh("cd /; readlink -f $(command -v agent)").output == f"{real}\n"
    assert sees(box, beside) == []


def test_a_program_that_is_a_link_into_a_project_shows_no_project(
    site: Site, make_box: MakeBox, program: Callable[..., Path]
) -> None:
    project = site.home / "projects/mine"
    (project / ".git").mkdir(parents=True)
    real = program(project / "scripts/deploy")
    (site.home / "bin").mkdir()
    (site.home / "bin/deploy").symlink_to(real)
    environ = on_path(site.home / "bin")
    assert sees(make_box(environ=environ), project, real) == []
    asked = make_box(SandboxTable(read=(str(project / "scripts"),)), environ=environ)
    assert asked.run("deploy").output == "deploy runs\n"


def test_npm(site: Site, make_box: MakeBox, program: Callable[..., Path], write: Write) -> None:
    """A prefix of the user's own, whose programs are links into its modules."""
    prefix = site.home / ".npm-global"
    real = program(
        prefix / "lib/node_modules/agent/bin/agent.js", '#!/bin/sh\n. "${0%/*}/../lib/x"\n'
    )
    write(prefix / "lib/node_modules/agent/lib/x", "echo agent runs\n")
    (prefix / "bin").mkdir()
    (prefix / "bin/agent").symlink_to("../lib/node_modules/agent/bin/agent.js")
    beside = write(site.home / ".npmrc", "//registry/:_authToken=x\n")
    box = make_box(environ=on_path(prefix / "bin"))
    assert box.run(str(real)).output == "agent runs\n"
    assert sees(box, prefix / "bin/agent", beside) == [prefix / "bin/agent"]


def test_npm_with_the_home_as_its_prefix(
    site: Site, make_box: MakeBox, program: Callable[..., Path], write: Write
) -> None:
    """An installation whose prefix holds everything is shown in part."""
    program(site.home / "lib/node_modules/agent/agent.js")
    (site.home / "bin").mkdir()
    (site.home / "bin/agent").symlink_to("../lib/node_modules/agent/agent.js")
    secret = write(site.home / ".ssh/id")
    box = make_box(environ=on_path(site.home / "bin"))
    assert box.run("agent").output == "agent.js runs\n"
    assert sees(box, secret, site.home / "secret") == []


@pytest.mark.parametrize("place", [".", "..", "bin/.."])
def test_a_home_on_path_is_not_shown(site: Site, make_box: MakeBox, place: str) -> None:
    (site.home / "bin").mkdir()
    box = make_box(environ=on_path(Path(os.path.normpath(site.home / place)), site.home / place))
    assert sees(box, site.home / "secret", site.study / "secret") == []


def test_a_path_that_nobody_may_enter_is_no_hindrance(site: Site, make_box: MakeBox) -> None:
    closed = site.home / "closed"
    (closed / "bin").mkdir(parents=True)
    closed.chmod(0)
    try:
        assert make_box(environ=on_path(closed / "bin", Path("/proc/1/cwd"))).sh("echo fine").output
    finally:
        closed.chmod(0o700)


def test_the_systems_own_programs(box: Box) -> None:
    git = shutil.which("git")
    assert git is not None
    assert box.run("git", "--version").output.startswith("git version")
