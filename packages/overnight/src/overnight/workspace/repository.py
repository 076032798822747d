"""The study's repository: the user's own, written by the harness alone and only under our refs.

The user's working tree, index, current branch and configuration are never touched. Kept commits
are on ``overnight/<study>``; every other candidate stays reachable under
``refs/overnight/<study>/trials/NNNN``.
"""

import os
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from overnight.errors import BranchMoved, GitFailed, RepositoryError
from overnight.types import Change, ChangeKind, DiffStat, EntryKind
from overnight.workspace.candidates import Candidate, recipe_of
from overnight.workspace.git import git
from overnight.workspace.plumbing import Entry, Plumbing

_SUBMODULE = "160000"
_MOST_TEXT_BYTES = 2**20


class Repository:
    """A git repository that carries a study.

    Args:
        root: Its top directory.
        study: The study's name, which names the branch and the refs.
        branch: The branch of an arm of a comparison, below ``overnight/``; in place of the study's.
    """

    def __init__(self, root: Path, study: str, *, branch: str | None = None) -> None:
        self.root = root
        self.branch_ref = f"refs/heads/overnight/{branch or study}"
        self._trial_refs = f"refs/overnight/{study}/trials"
        self.git_dir = self._find_git_dir()
        self._plumbing = Plumbing(self.git_dir)
        self._recent: deque[Candidate] = deque(maxlen=4)

    def close(self) -> None:
        """End the git processes that were kept running."""
        self._plumbing.close()

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

    def branch_is_checked_out(self) -> bool:
        """Whether some working tree of the user is on the study's branch."""
        listing = git("worktree", "list", "--porcelain", cwd=self.root).splitlines()
        return f"branch {self.branch_ref}".encode() in listing

    def move_branch(self, *, old: str | None, new: str) -> None:
        """Move the study's branch if it is still where we left it, or moved already.

        Raises:
            BranchMoved: Somebody else moved it.
        """
        try:
            self._plumbing.move(self.branch_ref, old=old, new=new)
        except GitFailed as error:
            head = self.branch_head()
            if head == new:
                return
            raise BranchMoved(
                f"{self.branch_ref} was moved to {head} by somebody else.",
                fix=f"Put it back with `git update-ref {self.branch_ref} {old or new}`.",
            ) from error

    def commit_proposal(
        self, *, trial: int, parent: str, message: str, work_tree: Path, changes: Sequence[Change]
    ) -> Candidate | None:
        """Turn the files that a researcher left into a commit under the trial's own ref.

        Nothing of the researcher's ``.git`` is read: the files' bytes are all that counts, and
        no filter (Git LFS, line endings) changes them.

        Args:
            changes: Files, links and deletions; the caller has refused anything else.

        Returns:
            The candidate, or None when the files' content is the parent's.

        Raises:
            OSError: A file cannot be read.
        """
        recipe = recipe_of(work_tree, changes, parent=parent, message=message)
        written = self._plumbing.write_files(recipe)
        real = tuple(
            replace(change, kind=_kind(written.before[change.path], written.after[change.path]))
            for change in changes
            if written.before[change.path] != written.after[change.path]
        )
        if not real:
            return None
        commit = self._plumbing.write_commit(recipe, tree=written.tree)
        self._plumbing.set(f"{self._trial_refs}/{trial:04d}", commit)
        recipe = recipe.only({change.path for change in real})
        candidate = Candidate(commit, written.tree.decode(), parent, real, recipe)
        self._recent.append(candidate)
        return candidate

    def recent(self, commit: str) -> Candidate | None:
        """One of the last candidates made, with its recipe; None when it is not among them."""
        return next((found for found in self._recent if found.commit == commit), None)

    def candidate(self, *, parent: str, commit: str) -> Candidate:
        """A commit of ours as a candidate; the baseline is one without changes."""
        tree = self._git("rev-parse", f"{commit}^{{tree}}").decode().strip()
        return Candidate(commit, tree, parent, tuple(self.changes(parent, commit)))

    def without(self, incumbent: str, *, parent: str, commit: str, name: str) -> Candidate | None:
        """A commit like the incumbent with one earlier change taken out of it.

        Args:
            parent: What the change was made to.
            commit: The change.
            name: Of the ref that keeps the new commit.

        Returns:
            The candidate; None where the change cannot be taken out cleanly.
        """
        patch, _ = self.patch(parent, commit)
        with self._scratch_index(self.root) as env:
            git("read-tree", incumbent, cwd=self.root, env=env)
            try:
                git("apply", "-R", "--cached", "-", cwd=self.root, env=env, stdin=patch)
            except GitFailed:
                return None
            tree = git("write-tree", cwd=self.root, env=env).decode().strip()
        message = f"Without {commit[:12]}"
        made = self._git("commit-tree", tree, "-p", incumbent, "-m", message).decode().strip()
        self._plumbing.set(f"{self._trial_refs.rpartition('/')[0]}/audits/{name}", made)
        return Candidate(made, tree, incumbent, tuple(self.changes(incumbent, made)))

    def changes(self, old: str, new: str) -> list[Change]:
        """How two commits differ, renames shown as a deletion and an addition."""
        answer = self._git("diff-tree", "-r", "-z", "--raw", "--no-renames", old, new)
        fields = [field for field in answer.split(b"\0") if field]
        return [_parse_raw(*pair) for pair in zip(fields[::2], fields[1::2], strict=True)]

    def patch(self, old: str, new: str) -> tuple[bytes, DiffStat]:
        """The difference of two commits as a patch that git can apply, and its size."""
        answer = self._git(
            "diff-tree", "-r", "--numstat", "--patch", "--binary", "--no-renames", old, new
        )
        numbers, _, patch = answer.partition(b"\n\n")
        added = removed = 0
        for line in numbers.splitlines():
            plus, minus, _ = line.split(b"\t", 2)
            added += int(plus) if plus != b"-" else 0
            removed += int(minus) if minus != b"-" else 0
        return patch, DiffStat(added, removed)

    def files(self, commit: str) -> Iterator[str]:
        """Every path of a commit; git is asked when the first is wanted."""
        listing = self._git("ls-tree", "-r", "-z", "--name-only", commit)
        yield from (os.fsdecode(path) for path in listing.split(b"\0") if path)

    def text(self, commit: str, path: str) -> str:
        """A file's text in a commit; empty where there is none, or none that is UTF-8."""
        content = self._plumbing.read_file(commit, path)
        if content is None or len(content) > _MOST_TEXT_BYTES:
            return ""
        try:
            return content.decode()
        except UnicodeDecodeError:
            return ""

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
        # Behind "./" a name that begins like a pathspec's magic, ":(exclude)", is only a name.
        listing = b"".join(b"./" + os.fsencode(path) + b"\0" for path in paths)
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
        return {os.fsdecode(path.removeprefix(b"./")) for path in answer.split(b"\0") if path}

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


def _kind(old: Entry | None, new: Entry | None) -> ChangeKind:
    if old is None:
        return ChangeKind.ADDED
    return ChangeKind.DELETED if new is None else ChangeKind.MODIFIED
