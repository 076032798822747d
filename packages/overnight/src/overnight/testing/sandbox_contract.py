"""The contract of sandboxes as tests: subclass, say how to make yours, and run pytest.

::

    class TestMine(SandboxContract):
        def sandbox(self, site: Site) -> Sandbox:
            return Mine(site.processes, hidden=(site.home, site.work))

Needs pytest, and a POSIX shell inside.
"""

# ruff: noqa: S101  # these are tests, and pytest's tests are made of asserts

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from overnight.processes.supervisor import EndedBy, Limits
from overnight.sandbox.base import ON, Refused, Sandbox
from overnight.sandbox.devices import WHOLE_MACHINE, Device, Gpu
from overnight.testing.sandbox_site import PATIENT, Box, Site, device_node, serving

MIB = 2**20
_OUTLIVING = {
    "in the background": "sleep 1000 &",
    "in a session of its own": "setsid sleep 1000 &",
    "as an orphan": "(setsid sh -c 'sleep 1000 & sleep 1000' &)",
    "deaf to signals": "sh -c \"trap '' TERM HUP INT; sleep 1000; sleep 1000\" &",
    "stopped": "sh -c 'kill -STOP $$; sleep 1000' &",
}
_ELSEWHERE = ("/etc", "/usr", "/dev", "/sys/kernel", "/proc/sys/kernel")
_HOG = "import time; held = bytearray(300 << 20); time.sleep(1000)"
_ASK_PROXY = """
import os, sys, urllib.request
proxy = urllib.request.ProxyHandler({"http": os.environ["HTTP_PROXY"]})
try:
    urllib.request.build_opener(proxy).open(f"http://{sys.argv[1]}/", timeout=20)
except OSError as error:
    print("failed:", error)
"""
_FETCH = """
import sys, urllib.request
try:
    print(urllib.request.urlopen(sys.argv[1], timeout=20).read().decode())
except OSError as error:
    print("failed:", error)
"""


class SandboxContract:
    """What every sandbox must do; see `overnight.sandbox.base.Sandbox`.

    Attributes:
        confines: Whether it keeps commands from anything at all; one that does not is spared the
            tests of that.
    """

    confines: ClassVar[bool] = True

    def sandbox(self, site: Site) -> Sandbox:
        """The sandbox, as a study at `site` has it; no cache is named."""
        raise NotImplementedError

    @pytest.fixture
    def box(self, tmp_path: Path) -> Iterator[Box]:
        """A sandbox on a site; no process may be left when it is cleared."""
        with device_node() as devices:
            site = Site(tmp_path / "site", devices=devices)
            with site.processes, closing(self.sandbox(site)) as sandbox:
                yield Box(site, sandbox)
                assert site.alive() == [], "the sandbox left processes behind"

    @pytest.fixture
    def confining(self, box: Box) -> Box:
        """A sandbox that confines."""
        if not self.confines:
            pytest.skip("this sandbox confines nothing")
        return box

    # What a command is given.

    def test_it_works_where_it_should(self, box: Box) -> None:
        """In its directory, by the name that it has outside."""
        told = box.sh("pwd; echo made >file; cat file")
        assert told.output == f"{box.site.tree}\nmade\n"
        assert (box.site.tree / "file").read_text(encoding="ascii") == "made\n"

    def test_what_is_readable_is_where_it_was(self, box: Box) -> None:
        """A file and a directory, both below what is hidden otherwise."""
        data = box.site.home / "data"
        (data / "deep").mkdir(parents=True)
        (data / "deep" / "file").write_text("one\n", encoding="ascii")
        (box.site.home / "single").write_text("two\n", encoding="ascii")
        granted = replace(box.usual, readable=(data, box.site.home / "single"))
        told = box.sh(f"cat {data}/deep/file {box.site.home}/single", confinement=granted)
        assert told.output == "one\ntwo\n"

    def test_it_gets_its_environment_and_input(self, box: Box) -> None:
        """Variables as they are given, and text on its standard input."""
        script = 'echo "$ODD"; cat'
        told = box.run("/bin/sh", "-c", script, env={"ODD": "a=b\tc"}, stdin="told\n")
        assert told.output == "a=b\tc\ntold\n"

    def test_output_and_errors_stay_apart(self, box: Box) -> None:
        """Each in its file, byte for byte."""
        told = box.sh("printf 'out\\0\\377'; echo err >&2")
        assert (told.output, told.errors) == ("out\0\udcff", "err\n")

    # How it ends.

    @pytest.mark.parametrize("code", [0, 1, 77, 125, 126, 127, 255])
    def test_its_exit_code_is_told(self, box: Box, code: int) -> None:
        """Also those that programs which start others use for their own failures."""
        ending = box.sh(f"exit {code}").ending
        assert (ending.ended_by, ending.code) == (EndedBy.ITSELF, code)

    def test_a_signal_is_told(self, box: Box) -> None:
        """As a negative number, or as shells tell it."""
        assert box.sh("kill -SEGV $$").ending.code in (-signal.SIGSEGV, 128 + signal.SIGSEGV)

    def test_a_program_that_is_not_there_was_not_started(self, box: Box) -> None:
        """Its name is told."""
        ending = box.run("no-such-program").ending
        assert (ending.ended_by, ending.code) == (EndedBy.NOT_STARTED, None)
        assert "no-such-program" in ending.detail

    def test_a_directory_that_is_not_there_starts_nothing(self, box: Box) -> None:
        """The directory is told."""
        ending = box.run("/bin/sh", "-c", "echo", cwd=box.site.tree / "absent").ending
        assert (ending.ended_by, ending.code) == (EndedBy.NOT_STARTED, None)
        assert "absent" in ending.detail

    @pytest.mark.parametrize("script", _OUTLIVING.values(), ids=_OUTLIVING.keys())
    def test_no_process_outlives_it(self, box: Box, script: str) -> None:
        """However hard it tries."""
        assert box.sh(f"{script}\nsleep 0.1; exit 5").ending.code == 5
        assert box.site.alive() == []

    def test_its_deadline_ends_it(self, box: Box) -> None:
        """With all that it started, after a moment to clean up."""
        script = "sleep 1000 & trap 'echo cleaned up; exit 4' TERM; while :; do sleep 0.01; done"
        told = box.sh(script, limits=Limits(deadline_s=0.5))
        assert (told.ending.ended_by, told.ending.code) == (EndedBy.DEADLINE, 4)
        assert told.output.endswith("cleaned up\n")
        assert box.site.alive() == []

    def test_silence_ends_it(self, box: Box) -> None:
        """Counted from the last byte."""
        told = box.sh("echo; sleep 1000", limits=Limits(deadline_s=60, silence_s=0.4))
        assert told.ending.ended_by is EndedBy.SILENCE

    def test_a_stop_ends_it(self, box: Box) -> None:
        """Promptly, from another thread."""
        timer = threading.Timer(0.3, box.site.stop.set)
        timer.start()
        try:
            told = box.sh("trap '' TERM; while :; do sleep 0.01; done")
        finally:
            timer.cancel()
        assert told.ending.ended_by is EndedBy.STOP

    def test_its_output_is_bounded(self, box: Box) -> None:
        """Beginning and end are kept."""
        limits = replace(PATIENT, output_bytes=1000)
        told = box.sh("echo first; yes | head -c 100000; echo last", limits=limits)
        assert told.output.startswith("first\n")
        assert told.output.endswith("last\n")
        assert len(told.output) < 2000

    # What it may use up.

    def test_memory_is_limited(self, box: Box) -> None:
        """Over all of its processes."""
        limits = replace(PATIENT, memory_bytes=100 * MIB)
        assert box.python(_HOG, limits=limits).ending.ended_by is EndedBy.MEMORY

    def test_processes_are_limited(self, box: Box) -> None:
        """A flood of them ends the command."""
        limits = replace(PATIENT, processes=10)
        script = "for i in $(seq 100); do sleep 1000 & done; wait"
        assert box.sh(script, limits=limits).ending.ended_by is EndedBy.PROCESSES
        assert box.site.alive() == []

    def test_disk_is_limited(self, box: Box) -> None:
        """Over all of its files."""
        limits = replace(PATIENT, disk_bytes=2 * MIB, disk_paths=(box.site.tree,))
        script = "for i in 1 2 3 4; do head -c 1000000 /dev/urandom >$i; done; sleep 1000"
        assert box.sh(script, limits=limits).ending.ended_by is EndedBy.DISK

    # What it is kept from.

    def test_what_is_hidden_is_not_there(self, confining: Box) -> None:
        """The user's home, the study and what lies beside its directory."""
        site = confining.site
        secrets = " ".join(str(place / "secret") for place in (site.home, site.study, site.work))
        told = confining.sh(f"cat {secrets}; ls {site.logs}")
        assert told.output == ""

    def test_more_can_be_hidden(self, confining: Box) -> None:
        """A file and a directory of what is readable."""
        data = confining.site.home / "data"
        (data / "private").mkdir(parents=True)
        for name in ("private/one", "two", "three"):
            (data / name).write_text(f"{name}\n", encoding="ascii")
        hidden = (data / "private", data / "two")
        granted = replace(confining.usual, readable=(data,), hidden=hidden)
        told = confining.sh(f"cd {data}; cat private/one two three", confinement=granted)
        assert told.output == "three\n"

    def test_nothing_else_can_be_written(self, confining: Box) -> None:
        """Neither what is readable nor the system, not even by root."""
        data = confining.site.home / "data"
        data.mkdir()
        granted = replace(confining.usual, readable=(data,))
        places = " ".join((*_ELSEWHERE, str(data)))
        script = f"for place in {places}; do echo >$place/overnight && echo $place; done"
        assert confining.sh(script, confinement=granted).output == ""
        assert not [place for place in (*_ELSEWHERE, data) if Path(place, "overnight").exists()]

    def test_nothing_is_left_for_the_next(self, confining: Box) -> None:
        """Where everybody may write, and at home, a command finds what it wrote itself."""
        name = confining.site.name
        script = (
            'for place in /tmp /var/tmp /dev/shm "$HOME"; do'
            f' [ -e "$place/{name}" ] && echo found; echo >"$place/{name}" && echo made; done'
        )
        for _ in range(2):
            assert confining.sh(script).output == "made\n" * 4
        places = ("/tmp", "/var/tmp", "/dev/shm", confining.site.home)  # noqa: S108 (looked at)
        assert not [place for place in places if Path(place, name).exists()]

    def test_what_is_fixed_stays_as_it_is(self, confining: Box) -> None:
        """It is not written, replaced, removed, or moved away with its directory."""
        tree = confining.site.tree
        (tree / "kept" / "deep").mkdir(parents=True)
        for file in ("kept/deep/file", "single"):
            (tree / file).write_text("as it was\n", encoding="ascii")
        granted = replace(
            confining.usual, fixed=(tree / "kept/deep", tree / "single"), pinned=(tree / "kept",)
        )
        script = """
            for file in kept/deep/file single; do
              echo other >$file; rm -f $file; chmod 777 $file; ln -f other $file
              echo other >other; mv -f other $file; cp -f other $file; sed -i s/as/AS/ $file
            done
            rm -rf kept; mv kept away; mv kept/deep kept/away; echo >kept/deep/new
            echo beside >kept/beside
        """
        confining.sh(script, confinement=granted)
        assert (tree / "kept/deep/file").read_text(encoding="ascii") == "as it was\n"
        assert (tree / "single").read_text(encoding="ascii") == "as it was\n"
        assert sorted(path.name for path in (tree / "kept").iterdir()) == ["beside", "deep"]
        assert [path.name for path in (tree / "kept/deep").iterdir()] == ["file"]

    def test_a_home_of_its_own_lasts(self, confining: Box) -> None:
        """It is found at the user's, and what is left there is found again."""
        own = confining.site.work / "own-home"
        own.mkdir()
        granted = replace(confining.usual, home=own)
        script = 'cat "$HOME/note"; ls -A "$HOME"; echo remembered >"$HOME/note"'
        assert confining.sh(script, confinement=granted).output == ""
        assert confining.sh(script, confinement=granted).output == "remembered\nnote\n"
        assert [path.name for path in confining.site.home.iterdir()] == ["secret"]

    def test_other_processes_cannot_be_seen(self, confining: Box) -> None:
        """Neither the harness nor anybody else, and nothing can be sent to them."""
        told = confining.sh(f"kill -0 {os.getpid()}; cat /proc/{os.getpid()}/cmdline")
        assert told.output == ""
        assert "overnight" not in confining.sh("cat /proc/[0-9]*/comm | grep pytest").output

    # What it reaches.

    def test_without_network_nothing_is_reached(self, confining: Box) -> None:
        """Not even a server on this machine."""
        with serving() as port:
            told = confining.python(_FETCH, f"http://127.0.0.1:{port}/")
        assert told.output.startswith("failed: ")

    def test_with_network_everything_is_reached(self, box: Box) -> None:
        """Such as a server on this machine."""
        with serving() as port:
            granted = box.with_network(ON)
            told = box.python(_FETCH, f"http://127.0.0.1:{port}/", confinement=granted)
        assert told.output == "served\n"

    def test_a_list_lets_its_hosts_through_and_tells_of_others(self, confining: Box) -> None:
        """By the variables that lead programs to a proxy."""
        with serving() as port, serving() as other:
            granted = confining.with_network((f"127.0.0.1:{port}",))
            for number in (port, other):
                url = f"http://127.0.0.1:{number}/"
                told = confining.python(_FETCH, url, confinement=granted)
                assert (told.output == "served\n") == (number == port), told.output
            told = confining.python(_ASK_PROXY, "nowhere.test", confinement=granted)
        assert Refused("nowhere.test:80") in told.refused

    def test_later_commands_have_the_device_that_was_lent(self, box: Box) -> None:
        """By the variable that names it; nobody else's before and after."""
        gpu = Gpu(index=1, uuid="GPU-lent", name="a GPU", minor=1, total_bytes=0)
        told = []
        for device in (Device(gpu), Device(cpus=frozenset({0})), WHOLE_MACHINE):
            box.sandbox.lend(device)
            told.append(box.sh("echo ${CUDA_VISIBLE_DEVICES-not set}").output)
        assert told == ["GPU-lent\n", "\n", "not set\n"]

    def test_a_device_is_there_for_whom_it_is_granted(self, confining: Box) -> None:
        """For nobody else."""
        [node] = confining.site.devices or [None]
        if node is None:
            pytest.skip("only root can make a device node")
        script = f"test -c {node} && echo >{node} && echo open"
        granted, refused = (replace(confining.usual, gpu=gpu) for gpu in (True, False))
        assert confining.sh(script, confinement=granted).output == "open\n"
        assert confining.sh(script, confinement=refused).output == ""
