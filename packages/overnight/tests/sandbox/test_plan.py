"""The plan of a sandbox's file system, over all that can be asked of it."""

from collections.abc import Iterable
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from overnight.sandbox.base import Confinement
from overnight.sandbox.mounts import Deed, Machine, Mount, arguments, plan

FRESH = Path("/fresh")
PATHS = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(lambda p: Path("/", *p))
SETS = st.lists(PATHS, max_size=3, unique=True).map(tuple)
MACHINES = st.builds(Machine, hidden=SETS, readable=SETS, writable=SETS, home=PATHS, temporary=SETS)
CONFINEMENTS = st.builds(
    Confinement,
    writable=SETS,
    readable=SETS,
    hidden=SETS,
    fixed=SETS,
    pinned=SETS,
    home=st.none() | st.just(Path("/own")),
    sealed=st.booleans(),
)
VIEWS = {
    None: "read",
    Deed.HIDE: "nothing",
    Deed.FRESH: "nothing",
    Deed.HOME: "nothing",
    Deed.READ: "read",
    Deed.FIX: "read",
    Deed.WRITE: "write",
    Deed.PIN: "write",
}


def granted(machine: Machine, confinement: Confinement) -> dict[Path, Deed]:
    """What is asked of each path, by the words of `Confinement` and `Machine`."""
    asked = [
        (Deed.HIDE, (*machine.hidden, *confinement.hidden)),
        (Deed.READ, (*machine.readable, *confinement.readable)),
        (Deed.FRESH, machine.temporary),
        (Deed.HOME, (machine.home,)),
        (Deed.READ if confinement.sealed else Deed.WRITE, machine.writable),
        (Deed.WRITE, confinement.writable),
        (Deed.PIN, confinement.pinned),
        (Deed.FIX, confinement.fixed),
    ]
    deeds: dict[Path, Deed] = {}
    for deed, paths in asked:
        for path in paths:
            deeds[path] = max(deed, deeds.get(path, deed))
    return deeds


def view(path: Path, deeds: dict[Path, Deed]) -> str:
    """What can be done with the machine's file at a path: the deepest that holds it decides."""
    return VIEWS[next((deeds[p] for p in (path, *path.parents) if p in deeds), None)]


def deeds_of(mounts: Iterable[Mount]) -> dict[Path, Deed]:
    return {mount.path: mount.deed for mount in mounts}


@given(MACHINES, CONFINEMENTS, PATHS)
def test_the_deepest_path_decides(machine: Machine, confinement: Confinement, path: Path) -> None:
    mounts = plan(machine, confinement, fresh=FRESH)
    assert view(path, deeds_of(mounts)) == view(path, granted(machine, confinement))


@given(MACHINES, CONFINEMENTS)
def test_each_path_once_and_never_before_what_holds_it(
    machine: Machine, confinement: Confinement
) -> None:
    mounts = plan(machine, confinement, fresh=FRESH)
    paths = [mount.path for mount in mounts]
    assert len(set(paths)) == len(paths)
    for place, path in enumerate(paths):
        assert not [later for later in paths[place:] if later in path.parents]


@given(MACHINES, CONFINEMENTS)
def test_what_is_hidden_is_shown_by_nothing_above_it(
    machine: Machine, confinement: Confinement
) -> None:
    """Only by what names itself or a path below it."""
    deeds = deeds_of(plan(machine, confinement, fresh=FRESH))
    asked = granted(machine, confinement)
    for path in (path for path, deed in asked.items() if deed is Deed.HIDE):
        assert view(path, deeds) == "nothing"
        assert view(path / "below", deeds) == "nothing"


@given(MACHINES, CONFINEMENTS)
def test_what_is_fixed_can_be_written_by_nothing(
    machine: Machine, confinement: Confinement
) -> None:
    deeds = deeds_of(plan(machine, confinement, fresh=FRESH))
    assert {view(path, deeds) for path in confinement.fixed} <= {"read"}


@given(MACHINES, CONFINEMENTS, st.dictionaries(PATHS, PATHS, max_size=3))
def test_links_are_made_where_the_machines_own_are_not_seen(
    machine: Machine, confinement: Confinement, links: dict[Path, Path]
) -> None:
    others = [Mount(path, Deed.LINK, target) for path, target in links.items()]
    without = deeds_of(plan(machine, confinement, fresh=FRESH))
    mounts = plan(machine, confinement, fresh=FRESH, others=others)
    for mount in mounts:
        if mount.deed is Deed.LINK:
            assert view(mount.path, without) == "nothing"
    for path in links:
        if view(path, without) != "nothing":
            assert deeds_of(mounts).get(path) is not Deed.LINK


@given(MACHINES, CONFINEMENTS)
def test_every_mount_becomes_one_argument(machine: Machine, confinement: Confinement) -> None:
    """And what is empty cannot be written to, once everything below it is made."""
    mounts = [m for m in plan(machine, confinement, fresh=FRESH) if m.deed is not Deed.HIDE]
    words = arguments(mounts)
    assert len(words) == 3 * len(mounts)
    assert words[2::3] == [str(mount.path) for mount in mounts]
    for option, mount in zip(words[::3], mounts, strict=True):
        is_writable = option == "--bind"
        assert is_writable == (mount.deed not in (Deed.READ, Deed.FIX, Deed.LINK))
