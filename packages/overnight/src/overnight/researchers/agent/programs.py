"""Where an agent's program is, and what it needs to read of its own."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from overnight.errors import AgentCrashed, AgentMissing

_VERSION_S = 30.0
_PACKAGES = "node_modules"


@dataclass(frozen=True, slots=True)
class Program:
    """An agent's program.

    Attributes:
        agent: What the agent is called.
        command: What its program is called.
        install: The command that installs the version that was tried.
        tested: That version.
        version: Arguments that make it tell its version.
        help: Arguments that make it tell its options; none where it tells them nowhere.
        options: Those of them that are used.
    """

    agent: str
    command: str
    install: str
    tested: str
    version: tuple[str, ...] = ("--version",)
    help: tuple[str, ...] = ("--help",)
    options: tuple[str, ...] = ()

    @property
    def fix(self) -> str:
        """What to do where it is missing."""
        return (
            f"Install it with `{self.install}`, or name its program in researcher.options.binary."
        )

    def find(self, wanted: str | None, *, root: Path) -> Path:
        """The program that is wanted, the one on PATH, or one in ``node_modules``.

        Args:
            wanted: A path, or a name to look for on PATH.
            root: Where relative paths start, and the first place to look for ``node_modules``.

        Raises:
            AgentMissing: There is none.
        """
        if wanted is not None:
            is_path = os.sep in wanted
            found = shutil.which(root / Path(wanted).expanduser() if is_path else wanted)
            if found is None:
                raise AgentMissing(f"There is no program {wanted!r}.", fix=self.fix)
            return Path(found).absolute()
        here = root.absolute()
        modules = (str(place / _PACKAGES / ".bin") for place in (here, *here.parents))
        path = os.pathsep.join(modules)
        found = shutil.which(self.command) or shutil.which(self.command, path=path)
        if found is None:
            raise AgentMissing(f"{self.agent} is not installed.", fix=self.fix)
        return Path(found).absolute()

    def read_version(self, program: Path) -> str:
        """What a program says of its version, such as ``codex-cli 0.169.0``.

        Raises:
            AgentCrashed: It does not say.
        """
        try:
            told = subprocess.run(
                [program, *self.version],
                capture_output=True,
                text=True,
                timeout=_VERSION_S,
                check=True,
                stdin=subprocess.DEVNULL,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise AgentCrashed(
                f"{program} does not tell its version: {error}.", fix=self.fix
            ) from error
        return told.stdout.strip()


def installation(program: Path) -> tuple[Path, ...]:
    """What a program needs to read of its own: the packages or the environment that it lies in."""
    places = dict.fromkeys((program, program.resolve()))
    return tuple(dict.fromkeys(part for place in places for part in _parts(place)))


def _parts(program: Path) -> Iterator[Path]:
    for directory in program.parents:
        if directory.name == _PACKAGES and _PACKAGES not in directory.parent.parts:
            yield directory
            return
        if (directory / "pyvenv.cfg").is_file():
            yield directory
            yield from _base(directory)
            return
    yield program


def _base(environment: Path) -> Iterator[Path]:
    """The installation of the interpreter that a virtual environment was made from."""
    interpreter = (environment / "bin" / "python").resolve()
    prefix = interpreter.parent.parent
    if any(prefix.glob("lib/python3*")):
        yield prefix
