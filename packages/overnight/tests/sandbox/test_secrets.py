"""What a command looks for and does not find: each is really there, and looked for from inside."""

import ctypes
import os
import platform
import socket
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from overnight.config import SandboxTable
from overnight.sandbox.base import ON
from overnight.testing.sandbox_site import Box, Site
from overnight.workspace.tree import discard

MakeBox = Callable[..., Box]
Write = Callable[..., Path]
SECRET = "kept\n"  # noqa: S105 (no password)
FIND = """
for place; do
  if [ -d "$place" ]; then found=$(ls -A "$place"); else found=$(cat "$place"); fi
  [ -n "$found" ] && echo "$place"
done
"""
CONNECT = """
import socket, sys
try:
    socket.socket(socket.AF_UNIX).connect(sys.argv[1])
    print("connected")
except OSError as error:
    print(error)
"""


def found(box: Box, *places: Path) -> list[str]:
    """Those of some places inside in which there is anything to see."""
    return box.run("/bin/sh", "-c", FIND, "sh", *map(str, places)).output.splitlines()


@pytest.mark.parametrize(
    "name",
    [
        ".ssh/id_ed25519",
        ".aws/credentials",
        ".netrc",
        ".config/gh/hosts.yml",
        ".codex/auth.json",
        ".cargo/credentials.toml",
        ".local/share/keyrings/login.keyring",
        ".local/share/uv/credentials/credentials.toml",
        ".cache/huggingface/token",
        "projects/other/notes.txt",
    ],
)
def test_the_users_home(site: Site, make_box: MakeBox, write: Write, name: str) -> None:
    """Also beside what of it is shown because it is on PATH, and in a cache that is."""
    secret = write(site.home / name, SECRET)
    write(site.home / ".cache/huggingface/hub/model", "weights\n")
    places = [site.home / place for place in (".local/bin", ".cargo/bin")]
    for place in places:
        write(place / "tool", "#!/bin/sh\necho runs\n").chmod(0o755)
    box = make_box(environ={"PATH": os.pathsep.join([*map(str, places), os.environ["PATH"]])})
    assert box.sh('tool; cat "$HOME"/.cache/huggingface/hub/model').output == "runs\nweights\n"
    assert found(box, secret) == []


def test_the_study_and_everything_of_it(site: Site, make_box: MakeBox, write: Write) -> None:
    places = [
        write(site.study / name, SECRET)
        for name in (".git/config", ".overnight/ledger.db", ".overnight/trials/0001/score.log")
    ]
    places += [write(site.work / "measure-b" / "train.py", SECRET), site.study]
    box = make_box()
    assert found(box, *places) == []
    assert box.sh(f"ls -A {site.work.parent}; ls -A {site.work}").output == "home\nwork\ntree\n"


def test_other_nights(site: Site, make_box: MakeBox, write: Write) -> None:
    """Also those that begin later, where nothing but nights is."""
    nights = site.home.parent / "nights"
    own, earlier, later = (nights / uuid.uuid4().hex for _ in range(3))
    own.mkdir(parents=True)
    write(earlier / "home/auth.json", SECRET)
    box = make_box(work=own)
    write(later / "home/auth.json", SECRET)
    assert found(box, own.parent, earlier, later) == []


def test_exclusive_files_are_for_whom_they_are_granted(
    site: Site, make_box: MakeBox, write: Write
) -> None:
    """Wherever they lie, also in what everybody may read, or behind a link."""
    data = site.home / "data"
    inside, whole = write(data / "holdout.bin", SECRET), write(data / "test/labels", SECRET)
    write(data / "train.bin", "public\n")
    (site.home / "link").symlink_to(inside)
    box = make_box(SandboxTable(read=(str(data),)), exclusive=[site.home / "link", data / "test"])
    assert found(box, data / "train.bin", inside, whole, data / "test") == [str(data / "train.bin")]
    box.usual = replace(box.usual, readable=(*box.usual.readable, site.home / "link"))
    assert found(box, site.home / "link", inside, whole) == [
        str(site.home / "link"),
        str(inside),
    ]


def test_what_the_study_hides_is_hidden_although_it_is_on_path(
    site: Site, make_box: MakeBox, write: Write
) -> None:
    tool = write(site.home / "tools/bin/tool", "#!/bin/sh\necho runs\n")
    tool.chmod(0o755)
    path = f"{tool.parent}:{os.environ['PATH']}"
    assert make_box(environ={"PATH": path}).sh("tool").output == "runs\n"
    hiding = make_box(SandboxTable(hide=("~/tools",)), environ={"PATH": path})
    assert found(hiding, tool.parent) == []


def test_the_machines_secrets(box: Box) -> None:
    places = ["/etc/shadow", "/etc/gshadow", "/etc/ssh", "/etc/ssl/private", "/var/log", "/run"]
    assert found(box, *map(Path, places)) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another user's home")
@pytest.mark.parametrize("parent", ["/home", "/root", "/var/spool", "/media"])
def test_other_homes(make_box: MakeBox, write: Write, parent: str) -> None:
    home = Path(parent, f"overnight-{uuid.uuid4().hex}")
    try:
        secret = write(home / ".ssh/id", SECRET)
        assert found(make_box(), home, secret) == []
    finally:
        discard(home)


@pytest.fixture(params=["/run", "/tmp", "/var/lib"])  # noqa: S108 (looked into from inside)
def service(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A socket file on which somebody listens."""
    directory = Path(request.param, f"overnight-{uuid.uuid4().hex[:8]}")
    try:
        directory.mkdir()
    except OSError:
        pytest.skip(f"only root can make a socket in {directory.parent}")
    with closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(str(directory / "control.sock"))
        listener.listen()
        yield directory / "control.sock"
    discard(directory)


def test_sockets_of_services(service: Path, make_box: MakeBox) -> None:
    """Not even with the whole network."""
    with closing(socket.socket(socket.AF_UNIX)) as outside:
        outside.connect(str(service))
    box = make_box()
    for confinement in (box.usual, box.with_network(ON)):
        assert "connected" not in box.python(CONNECT, str(service), confinement=confinement).output


def test_abstract_sockets(box: Box) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(f"\0overnight-{box.site.name}")
        listener.listen()
        source = CONNECT.replace("sys.argv[1]", f"'\\0overnight-{box.site.name}'")
        assert "connected" not in box.python(source).output


KEYRING = """
import ctypes, sys
call = ctypes.CDLL(None).syscall
for name in sys.argv[1:]:
    if call(249, b"user", name.encode(), None, 0) >= 0:  # request_key
        print("found", name)
    if call(248, b"user", name.encode(), b"payload", 7, -3) >= 0:  # add_key, session keyring
        print("left", name)
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="numbers of another machine's calls")
def test_keys_of_the_kernel(box: Box) -> None:
    """Neither the user's, nor what another command left: no namespace takes keyrings away."""
    mine, theirs = f"mine-{box.site.name}", f"theirs-{box.site.name}"
    call = ctypes.CDLL(None).syscall
    if call(248, b"user", mine.encode(), b"payload", 7, -3) < 0:
        pytest.skip("there are no keyrings here")
    for _ in range(2):
        assert box.python(KEYRING, mine, theirs).output == f"left {mine}\nleft {theirs}\n"


def test_the_harness_itself(box: Box) -> None:
    """Its processes, its environment, and the files that it has open."""
    script = f"ls /proc | grep -cE '^[0-9]+$'; cat /proc/{os.getpid()}/environ; ls -l /proc/self/fd"
    count, *descriptors = box.sh(script).output.splitlines()
    assert int(count) < 10
    assert str(box.site.logs) not in "".join(descriptors)
