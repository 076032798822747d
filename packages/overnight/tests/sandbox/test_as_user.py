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
# What differs for such a user: his namespaces, his overlays, and directories closed to himself.
CONTRACT = ("test_contract.py::TestBubblewrap", "test_powers.py")
OWN = ("test_caches.py", "test_limits.py", "test_programs.py", "test_untrusted.py")
TESTS = (
    pytest.param(CONTRACT, id="contract", marks=pytest.mark.slow),
    pytest.param(OWN, id="own", marks=pytest.mark.slow),
)


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
@pytest.mark.parametrize("names", TESTS)
def test_the_same_as_nobody(place: Path, names: tuple[str, ...]) -> None:
    tests = [str(Path(__file__).with_name(name)) for name in names]
    options = ("-p", "no:cacheprovider", "-p", "no:xdist", f"--basetemp={place / 'tmp'}")
    run = (*DROPPED, interpreter(place), "-m", "pytest", *options, *tests)
    done = subprocess.run(
        run, env=environment(place), cwd=place, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-5_000:]
