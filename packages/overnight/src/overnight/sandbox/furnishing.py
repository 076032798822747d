"""What has to be on the disk before a sandbox is put up: its own directories and mount points."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from overnight.sandbox.base import Confinement
from overnight.sandbox.mounts import Deed, Mount
from overnight.sandbox.names import existing, links_on_the_way
from overnight.untrusted import make_link, make_real_directories
from overnight.workspace.tree import discard


@contextmanager
def emptied(directory: Path) -> Iterator[Path]:
    """A directory that is empty at first and gone in the end."""
    discard(directory)
    directory.mkdir(parents=True)
    try:
        yield directory
    finally:
        discard(directory)


def resolved(confinement: Confinement) -> Confinement:
    """The same by the names that the kernel gives its paths, without those that are absent.

    Inside of what is writable no link is followed, since a command may have put it there.
    """
    roots = {root: root.resolve() for root in confinement.writable}

    def inside(paths: Iterable[Path]) -> tuple[Path, ...]:
        named = ((path, root) for path in paths for root in roots if root in path.parents)
        real = (roots[root] / path.relative_to(root) for path, root in named)
        return tuple(path for path in real if path.exists() and path == path.resolve())

    return replace(
        confinement,
        writable=existing(confinement.writable),
        readable=existing(confinement.readable),
        hidden=existing(confinement.hidden),
        fixed=inside(confinement.fixed),
        pinned=inside(confinement.pinned),
    )


def links(names: Iterable[Path]) -> list[Mount]:
    """The symbolic links that some names lead through."""
    return [Mount(path, Deed.LINK, target) for path, target in links_on_the_way(names)]


def made_ready(mounts: Sequence[Mount], *, fresh: Path, home: Path | None) -> list[Mount]:
    """Make the directories that mounts need; returns those that are left for bubblewrap.

    In a home of a program's own that program may have left links, which would lead bubblewrap
    somewhere else; so what is to be found below it is made of real directories there.

    Args:
        fresh: Where directories are made that are empty at first.
        home: A program's own home.
    """
    for mount in mounts:
        if mount.source is not None and mount.source.parent == fresh:
            mount.source.mkdir()
            mount.source.chmod(0o1777 if mount.deed is Deed.FRESH else 0o700)
    if home is None:
        return list(mounts)
    make_real_directories(home, Path())
    return [mount for mount in mounts if not _is_made(mount, mounts, home)]


def _is_made(mount: Mount, mounts: Sequence[Mount], home: Path) -> bool:
    """Make what a mount needs in a private home; says whether that is all that it takes."""
    places = {other.path: other.deed for other in mounts}
    above = next((parent for parent in mount.path.parents if parent in places), None)
    if above is None or places[above] is not Deed.HOME:
        return False
    below = mount.path.relative_to(above)
    if mount.deed is Deed.LINK and mount.source is not None:
        make_link(home, below, mount.source)
        return True
    make_real_directories(home, below, is_file=(mount.source or mount.path).is_file())
    return False
