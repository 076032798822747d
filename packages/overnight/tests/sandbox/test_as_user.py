"""The sandbox's tests once more as a user without privileges, where they were run by root."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import overnight

NOBODY = 65534
DROPPED = (
    *("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
    *("--inh-caps=-all", "--bounding-set=-all"),
)
SOURCES = (sysconfig.get_path("purelib"), str(Path(overnight.__file__).parents[1]))
PROBE = """
import subprocess, sys
subprocess.run([sys.executable, "-c", "import overnight.sandbox.bubblewrap, pytest"], check=True)
"""
NOT_AGAIN = ("test_as_user.py", "test_cgroups.py", "test_plan.py", "test_uv.py")


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that nobody owns, below directories that everybody may enter."""
    place = Path(tempfile.mkdtemp(prefix="overnight-as-user-"))
    (place / "home").mkdir()
    for path in (place, place / "home"):
        os.chown(path, NOBODY, NOBODY)
    yield place
    shutil.rmtree(place)


def environment(place: Path) -> dict[str, str]:
    return {
        "HOME": str(place / "home"),
        "PATH": os.defpath,
        "PYTHONPATH": os.pathsep.join(SOURCES),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def interpreter(place: Path) -> str:
    """One that everybody may start, and that finds what these tests import."""
    for python in (sys.executable, "/usr/bin/python3"):
        probe = (*DROPPED, python, "-c", PROBE)
        tried = subprocess.run(
            probe, env=environment(place), cwd=place, check=False, capture_output=True
        )
        if tried.returncode == 0:
            return python
    pytest.skip("nobody may start no interpreter that finds overnight")


@pytest.mark.skipif(os.geteuid() != 0, reason="the tests beside this one ran as such a user")
def test_the_same_as_nobody(place: Path) -> None:
    beside = Path(__file__).parent.glob("test_*.py")
    tests = [str(file) for file in beside if file.name not in NOT_AGAIN]
    options = ("-p", "no:cacheprovider", "-p", "no:xdist", f"--basetemp={place / 'tmp'}")
    run = (*DROPPED, interpreter(place), "-m", "pytest", *options, *tests)
    done = subprocess.run(
        run, env=environment(place), cwd=place, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-5_000:]
