"""What a command is able to do: nothing that only a privileged one could, not even as root."""

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from overnight.sandbox.base import OFF, ON
from overnight.testing.sandbox_site import Box, Site

MakeBox = Callable[..., Box]
IS_ROOT = os.geteuid() == 0
WRITE_BACK = """
import os, sys
written = []
for top in sys.argv[1:]:
    for place, _, files in os.walk(top):
        for file in files:
            path = os.path.join(place, file)
            try:
                descriptor = os.open(path, os.O_WRONLY)
            except OSError:
                continue
            written.append(path)
            os.close(descriptor)
print(written)
"""
PUSH_INPUT = """
import fcntl, os, termios
try:
    terminal = os.open("/dev/tty", os.O_RDWR)
    fcntl.ioctl(terminal, termios.TIOCSTI, b"x")
    print("pushed")
except OSError as error:
    print(error)
"""


def status(box: Box) -> dict[str, str]:
    lines = box.sh("cat /proc/self/status").output.splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def test_no_capability_and_none_to_be_had(box: Box) -> None:
    found = status(box)
    assert {found[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {
        "0000000000000000"
    }
    assert found["NoNewPrivs"] == "1"


def test_it_stays_the_user_whose_files_it_works_on(box: Box) -> None:
    assert box.sh("id -u; touch made").output == f"{os.geteuid()}\n"
    assert (box.site.tree / "made").stat().st_uid == os.geteuid()


@pytest.mark.parametrize("network", [OFF, ON])
def test_no_setting_of_the_kernel_can_be_written(box: Box, network: str) -> None:
    """Root may write there by his user id alone, whatever capabilities he has lost."""
    confinement = box.with_network(network)
    told = box.python(WRITE_BACK, "/proc/sys", "/proc/irq", "/sys", confinement=confinement)
    assert told.output == "[]\n"
    script = "for file in /proc/*; do [ -f $file ] && [ -w $file ] && : >>$file && echo $file; done"
    assert box.sh(script, confinement=confinement).output == ""


def test_where_core_dumps_go_cannot_be_changed(box: Box) -> None:
    """The hole that ``--cap-drop ALL`` alone leaves open to root: a program run on the host."""
    pattern = Path("/proc/sys/kernel/core_pattern")
    before = pattern.read_text()
    assert box.sh(f"echo '|/bin/true' >{pattern} && echo changed").output == ""
    assert pattern.read_text() == before


def test_nothing_can_be_typed_into_a_terminal(box: Box) -> None:
    assert "pushed" not in box.python(PUSH_INPUT).output
    sid, pid = box.sh("echo $(cut -d' ' -f6 /proc/self/stat) $$").output.split()
    assert int(sid) <= int(pid) < 10, "its session is one of its own"


def test_no_namespace_below_its_own(box: Box) -> None:
    assert box.sh("unshare --user true && echo made").output == ""
    assert box.sh("unshare --user --map-root-user id -u").output == ""


@pytest.mark.skipif(IS_ROOT, reason="without CAP_SETFCAP root can map nobody into a namespace")
def test_who_may_nest_can_make_a_sandbox(box: Box) -> None:
    """As agents do for each command, with a ``/proc`` of its own."""
    nested = replace(box.usual, may_nest=True)
    inner = "bwrap --unshare-all --ro-bind / / --dev /dev --proc /proc"
    assert box.sh(f"{inner} echo nested", confinement=nested).output == "nested\n"


@pytest.mark.skipif(IS_ROOT, reason="without CAP_SETFCAP root can map nobody into a namespace")
def test_who_may_nest_uncovers_nothing(box: Box) -> None:
    """Every mount of the sandbox's is locked for the root of a namespace below it."""
    site = box.site
    (site.tree / "fixed").write_text("as it was\n")
    nested = replace(box.usual, may_nest=True, fixed=(site.tree / "fixed",))
    script = f"""
        umount -l {site.home} {site.work} /tmp /run; cat {site.home}/secret {site.work}/secret
        mount -o remount,rw,bind {site.tree}/fixed; echo other >{site.tree}/fixed
        umount -l {site.tree}/fixed; echo other >{site.tree}/fixed
        mkdir -p new && mount --bind {site.work} new && cat new/secret
        mount -t proc proc /proc && echo '|x' >/proc/sys/kernel/core_pattern && echo wrote
    """
    argv = ("unshare", "--user", "--map-root-user", "--mount", "/bin/sh", "-c", script)
    assert box.run(*argv, confinement=nested).output == ""
    assert (site.tree / "fixed").read_text() == "as it was\n"


def test_what_it_can_fill_in_memory_has_a_size(box: Box) -> None:
    """Memory that is held in files is nobody's, so no count of processes sees it."""
    script = """
        for place in $(awk '$3 ~ /tmpfs/ {print $2}' /proc/self/mounts | sort -u); do
          touch $place/made || continue
          awk -v place=$place '$2 == place {last = $4} END {print place, last}' /proc/self/mounts
        done
    """
    [written] = box.sh(script).output.splitlines()
    place, options = written.split()
    assert place == "/dev/shm"  # noqa: S108 (the sandbox's own)
    assert "size=" in options


def test_no_file_can_be_made_that_is_a_device(box: Box) -> None:
    assert box.sh("mknod null c 1 3 && echo made; mknod /dev/mem2 c 1 1 && echo made").output == ""


@pytest.mark.parametrize("name", ["bwrap", "prlimit", "unshare", "sh", "mount"])
def test_what_puts_it_up_is_not_looked_for_where_it_works(
    site: Site, make_box: MakeBox, name: str
) -> None:
    """A program of the command's own would run outside; so its PATH and libraries do not count."""
    (site.home / ".cache" / "uv").mkdir(parents=True)
    trap = site.tree / name
    trap.write_text(f"#!/bin/sh\necho {name} >>{site.tree}/ran; exit 0\n")
    trap.chmod(0o755)
    for path in ("", ".", "./"):
        env = {"PATH": f"{path}:{os.environ['PATH']}", "LD_LIBRARY_PATH": ".", "BASH_ENV": "x"}
        box = make_box(environ=env)
        assert box.run("/bin/sh", "-c", "echo fine").output == "fine\n"
        assert box.run(sys.executable, "-c", "print('fine')").output == "fine\n"
    assert not (site.tree / "ran").exists()
