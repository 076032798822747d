"""The study's repository: the user's own, written by the harness alone and only under our refs.

The user's working tree, index, current branch and configuration are never touched. Kept commits
are on ``overnight/<study>``; every other candidate stays reachable under
``refs/overnight/<study>/trials/NNNN``.
"""

import os
import stat
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from overnight.errors import BranchMoved, GitFailed, RepositoryError
from overnight.types import Change, ChangeKind, DiffStat, EntryKind
from overnight.workspace.git import COMMITTER, git

_MUST_NOT_EXIST = ""
_SUBMODULE = "160000"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A proposal as a commit of the study's repository.

    Attributes:
        changes: How it differs from its parent.
    """

    commit: str
    tree: str
    parent: str
    changes: tuple[Change, ...]
    stat: DiffStat


class Repository:
    """A git repository that carries a study.

    Args:
        root: Its top directory.
        study: The study's name, which names the branch and the refs.
    """

    def __init__(self, root: Path, study: str) -> None:
        self.root = root
        self.branch_ref = f"refs/heads/overnight/{study}"
        self._trial_refs = f"refs/overnight/{study}/trials"
        self.git_dir = self._find_git_dir()

    def _find_git_dir(self) -> Path:
        try:
            answer = git("rev-parse", "--show-toplevel", "--git-common-dir", cwd=self.root)
        except GitFailed as error:
            raise RepositoryError(
                f"{self.root} is not in a git repository.",
                fix="Run `git init && git add -A && git commit -m start` there.",
            ) from error
        top, common = answer.decode(errors="surrogateescape").splitlines()
        if Path(top).resolve() != self.root.resolve():
            raise RepositoryError(
                f"The study file stands in {self.root}, below the top of its repository {top}.",
                fix="Move it to the top; its commands and patterns are relative to there.",
            )
        return (self.root / common).resolve()

    def head(self) -> str:
        """The commit that the user's current branch is at.

        Raises:
            RepositoryError: There is none yet.
        """
        try:
            return git("rev-parse", "--verify", "HEAD^{commit}", cwd=self.root).decode().strip()
        except GitFailed as error:
            raise RepositoryError(
                "The repository has no commit yet.", fix="Commit the files to start from."
            ) from error

    def uncommitted(self) -> list[str]:
        """Tracked paths whose content in the working tree or index differs from HEAD."""
        listing = git("status", "--porcelain", "-z", "--untracked-files=no", cwd=self.root)
        return [os.fsdecode(entry[3:]) for entry in listing.split(b"\0") if entry[2:3] == b" "]

    def branch_head(self) -> str | None:
        """Where the study's branch is, or None when there is no such branch."""
        answer = self._git("rev-parse", "--verify", "--quiet", self.branch_ref, accept=(0, 1))
        return answer.decode().strip() or None

    def move_branch(self, *, old: str | None, new: str) -> None:
        """Advance the study's branch if it is still where we left it.

        Raises:
            BranchMoved: Somebody else moved it.
        """
        try:
            self._git("update-ref", self.branch_ref, new, old or _MUST_NOT_EXIST)
        except GitFailed as error:
            raise BranchMoved(
                f"{self.branch_ref} was moved to {self.branch_head()} by somebody else.",
                fix=f"Put it back with `git update-ref {self.branch_ref} {old}`.",
            ) from error

    def commit_proposal(
        self, *, trial: int, parent: str, message: str, work_tree: Path, changes: Sequence[Change]
    ) -> Candidate | None:
        """Turn the files that a researcher left into a commit under the trial's own ref.

        Nothing of the researcher's ``.git`` is read: the files' bytes are all that counts.

        Returns:
            The candidate, or None when the files' content is the parent's.
        """
        reference = f"{self._trial_refs}/{trial:04d}"
        stream = b"".join(self._fast_import(reference, parent, message, work_tree, changes))
        answer = self._git("fast-import", "--quiet", "--force", stdin=stream).decode()
        commit, listing = answer.splitlines()[:2]
        tree = listing.split()[2]
        true_changes, statistics = self._diff(parent, commit)
        if not true_changes:
            self._git("update-ref", "-d", reference)
            return None
        return Candidate(commit, tree, parent, tuple(true_changes), statistics)

    def candidate(self, *, parent: str, commit: str) -> Candidate:
        """A commit of ours as a candidate; the baseline is one without changes."""
        tree = self._git("rev-parse", f"{commit}^{{tree}}").decode().strip()
        changes, statistics = self._diff(parent, commit)
        return Candidate(commit, tree, parent, tuple(changes), statistics)

    def _fast_import(
        self, reference: str, parent: str, message: str, work_tree: Path, changes: Sequence[Change]
    ) -> Iterator[bytes]:
        files = [change for change in changes if change.entry is EntryKind.FILE]
        blobs = self._store(work_tree, [change.path for change in files])
        yield b"feature done\ncommit %s\nmark :1\n" % reference.encode()
        yield f"committer {COMMITTER} {int(time.time())} +0000\n".encode()
        yield _data(message.encode(errors="replace"))
        yield f"from {parent}\n".encode()
        for change in changes:
            if change.entry is EntryKind.NOTHING:
                yield b"D %s\n" % _quote(change.path)
        for change, blob in zip(files, blobs, strict=True):
            mode = b"100755" if _is_executable(work_tree / change.path) else b"100644"
            yield b"M %s %s %s\n" % (mode, blob, _quote(change.path))
        for change in changes:
            if change.entry is EntryKind.SYMLINK:
                target = os.fsencode((work_tree / change.path).readlink())
                yield b"M 120000 inline %s\n" % _quote(change.path) + _data(target)
        yield b'\nget-mark :1\nls :1 ""\ndone\n'

    def _store(self, work_tree: Path, paths: Sequence[str]) -> list[bytes]:
        if not paths:
            return []
        listing = b"".join(os.fsencode(path) + b"\n" for path in paths)
        answer = git(
            "hash-object",
            "-w",
            "--stdin-paths",
            cwd=work_tree,
            env=self._at(work_tree),
            stdin=listing,
        )
        return answer.split()

    def changes(self, old: str, new: str) -> list[Change]:
        """How two commits differ, renames shown as a deletion and an addition."""
        return self._diff(old, new)[0]

    def _diff(self, old: str, new: str) -> tuple[list[Change], DiffStat]:
        answer = self._git(
            "diff-tree", "-r", "-z", "--raw", "--numstat", "--no-renames", "--no-abbrev", old, new
        )
        changes: list[Change] = []
        added = removed = 0
        fields = iter(answer.split(b"\0"))
        for field in fields:
            if field.startswith(b":"):
                changes.append(_parse_raw(field, next(fields)))
            elif field:
                plus, minus, _ = field.split(b"\t", 2)
                added += int(plus) if plus != b"-" else 0
                removed += int(minus) if minus != b"-" else 0
        return changes, DiffStat(added, removed)

    def patch(self, old: str, new: str) -> bytes:
        """The difference of two commits as a patch that git can apply."""
        return self._git("diff-tree", "-r", "-p", "--binary", "--no-renames", old, new)

    def show(self, commit: str, path: str) -> bytes:
        """The content of a file at a commit."""
        return self._git("show", f"{commit}:{path}")

    def files(self, commit: str) -> Iterator[str]:
        """Every path of a commit; git is asked when the first is wanted."""
        listing = self._git("ls-tree", "-r", "-z", "--name-only", commit)
        yield from (os.fsdecode(path) for path in listing.split(b"\0") if path)

    def submodules(self, commit: str) -> list[str]:
        """Paths of a commit that are submodules, whose files no checkout of ours has."""
        listing = self._git("ls-tree", "-r", "-z", commit).split(b"\0")
        return [
            os.fsdecode(entry.split(b"\t", 1)[1])
            for entry in listing
            if entry.startswith(_SUBMODULE.encode())
        ]

    def write_whole_tree(self, commit: str, destination: Path) -> None:
        """Write every file of a commit into an empty directory."""
        with self._scratch_index(destination) as env:
            git("read-tree", "--reset", "-u", commit, cwd=destination, env=env)

    def write_files(self, commit: str, paths: Sequence[str], destination: Path) -> None:
        """Write some files of a commit into a directory, over what stands there."""
        if not paths:
            return
        listing = b"".join(os.fsencode(path) + b"\0" for path in paths)
        with self._scratch_index(destination) as env:
            git(
                "checkout",
                commit,
                "--pathspec-from-file=-",
                "--pathspec-file-nul",
                cwd=destination,
                env=env,
                stdin=listing,
            )

    def ignored(self, work_tree: Path, paths: Iterable[str]) -> set[str]:
        """Those paths of a tree that its ``.gitignore`` files or the user's excludes name."""
        listing = b"".join(os.fsencode(path) + b"\0" for path in paths)
        if not listing:
            return set()
        answer = git(
            "check-ignore",
            "--no-index",
            "-z",
            "--stdin",
            cwd=work_tree,
            env=self._at(work_tree),
            stdin=listing,
            accept=(0, 1),
        )
        return {os.fsdecode(path) for path in answer.split(b"\0") if path}

    def _git(self, *arguments: str, stdin: bytes = b"", accept: Sequence[int] = (0,)) -> bytes:
        env = {"GIT_DIR": str(self.git_dir)}
        return git(*arguments, cwd=self.git_dir, env=env, stdin=stdin, accept=accept)

    def _at(self, work_tree: Path) -> dict[str, str]:
        return {"GIT_DIR": str(self.git_dir), "GIT_WORK_TREE": str(work_tree)}

    @contextmanager
    def _scratch_index(self, work_tree: Path) -> Iterator[dict[str, str]]:
        with tempfile.TemporaryDirectory(prefix="overnight-index-") as directory:
            yield {
                **self._at(work_tree),
                "GIT_INDEX_FILE": f"{directory}/index",
                "GIT_LITERAL_PATHSPECS": "1",
            }


def _parse_raw(field: bytes, path: bytes) -> Change:
    _, new_mode, _, _, letter = field[1:].decode().split(" ")
    kinds = {"A": ChangeKind.ADDED, "D": ChangeKind.DELETED}
    entries = {
        "000000": EntryKind.NOTHING,
        "120000": EntryKind.SYMLINK,
        _SUBMODULE: EntryKind.NESTED_REPOSITORY,
    }
    return Change(
        path=os.fsdecode(path),
        kind=kinds.get(letter[0], ChangeKind.MODIFIED),
        entry=entries.get(new_mode, EntryKind.FILE),
    )


def _data(content: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(content), content)


def _quote(path: str) -> bytes:
    escaped = os.fsencode(path).replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    return b'"%s"' % escaped.replace(b"\n", b"\\n")


def _is_executable(path: Path) -> bool:
    return bool(path.lstat().st_mode & stat.S_IXUSR)
