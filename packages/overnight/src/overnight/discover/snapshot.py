"""A repository's committed files as a mapping from path to text; nothing is checked out or run."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from overnight.errors import GitFailed, RepositoryError
from overnight.workspace.git import git

MAX_TEXT_BYTES = 1_000_000
_STAY_OFFLINE = {"GIT_NO_LAZY_FETCH": "1"}
_REGULAR_MODES = (b"100644", b"100755")


class Snapshot(Mapping[str, str]):
    """The regular files of HEAD, read when asked for.

    What is too large to be read by a human, is not text, or is not here, reads as empty.

    Args:
        root: The top directory of the repository.
        overlay: Files that are taken from here and not from HEAD.
    """

    def __init__(self, root: Path, overlay: Mapping[str, str] | None = None) -> None:
        self._root = root
        self._texts = dict(overlay or {})
        self._blobs = _list_blobs(root)

    def __getitem__(self, path: str) -> str:
        if path not in self._texts:
            self._texts[path] = self._read_blob(self._blobs[path])
        return self._texts[path]

    def _read_blob(self, blob: str) -> str:
        size = git("cat-file", "-s", blob, cwd=self._root, env=_STAY_OFFLINE, accept=(0, 128))
        if not size or int(size) > MAX_TEXT_BYTES:
            return ""
        return _decode(git("cat-file", "blob", blob, cwd=self._root))

    def __iter__(self) -> Iterator[str]:
        return iter(self._blobs | self._texts)

    def __len__(self) -> int:
        return len(self._blobs | self._texts)

    def __contains__(self, path: object) -> bool:
        return path in self._blobs or path in self._texts


def open_snapshot(root: Path, *, uncommitted: tuple[str, ...] = ()) -> Snapshot:
    """The committed files of the repository whose top is `root`.

    Args:
        uncommitted: Files to take from the working tree where they stand there.

    Raises:
        RepositoryError: There is no repository, it is bare, has no commit, or `root` is below
            its top.
    """
    _check_is_top(root)
    return Snapshot(root, {name: text for name in uncommitted if (text := _read(root / name))})


def _check_is_top(root: Path) -> None:
    try:
        bare, inside = git(
            "rev-parse", "--is-bare-repository", "--is-inside-work-tree", cwd=root
        ).split()
    except GitFailed as error:
        if "not a git repository" not in error.stderr:
            raise
        raise RepositoryError(
            f"{root} is not in a git repository.",
            fix="Run `git init && git add -A && git commit -m start` first.",
        ) from error
    if bare == b"true" or inside == b"false":
        raise RepositoryError(
            f"{root} is a bare repository or inside a .git directory.",
            fix="Clone it and run `overnight init` in the clone.",
        )
    top = Path(os.fsdecode(git("rev-parse", "--show-toplevel", cwd=root)).rstrip("\n"))
    if top.resolve() != root.resolve():
        raise RepositoryError(
            f"{root} is below the top of its repository.", fix=f"Run `overnight init` in {top}."
        )


def _list_blobs(root: Path) -> dict[str, str]:
    if not git("rev-parse", "--verify", "--quiet", "HEAD^{commit}", cwd=root, accept=(0, 1)):
        raise RepositoryError(
            "The repository has no commit yet.",
            fix="Commit the files to start from: `git add -A && git commit -m start`.",
        )
    blobs = {}
    for entry in git("ls-tree", "-r", "-z", "HEAD", cwd=root).split(b"\0"):
        facts, _, name = entry.partition(b"\t")
        try:
            path = name.decode()
        except UnicodeDecodeError:
            continue  # a study file is UTF-8 and could not name it
        if facts.startswith(_REGULAR_MODES):
            blobs[path] = facts.split()[2].decode()
    return blobs


def _read(path: Path) -> str:
    if not path.is_file() or path.stat().st_size > MAX_TEXT_BYTES:
        return ""
    return _decode(path.read_bytes())


def _decode(content: bytes) -> str:
    return "" if b"\0" in content else content.decode(errors="replace")
