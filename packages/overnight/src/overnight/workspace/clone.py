"""The researcher's clone: an ordinary repository with the history of kept commits only.

The clone's ``.git`` is the researcher's to use and to break. The harness never reads it: proposals
are taken from the files, and before each use the ``.git`` is brought back to a template that no
researcher can reach by a path of its clone.
"""

from pathlib import Path

from overnight.patterns import PathPatterns
from overnight.workspace.git import git
from overnight.workspace.mirror import Mirror
from overnight.workspace.plumbing import Plumbing
from overnight.workspace.repository import Repository
from overnight.workspace.tree import Tree, discard


class Clone:
    """A working tree with a private history.

    Args:
        repository: The study's repository.
        directory: Holds the clone in ``clone`` and its history's template in ``history``.
        branch: Name of the only branch in the clone.
        editable: Files that are likely to change.
    """

    def __init__(
        self, repository: Repository, directory: Path, *, branch: str, editable: PathPatterns
    ) -> None:
        self.tree = Tree(repository, directory / "clone", cached=editable)
        self._history = directory / "history"
        self._branch = branch
        self._repository = repository
        self._used = False
        self._plumbing = Plumbing(self._history / ".git")
        self._git = Mirror(self._history / ".git", self.root / ".git")

    @property
    def root(self) -> Path:
        """Where the researcher works."""
        return self.tree.root

    def create(self, *, baseline: str, incumbent: str) -> None:
        """Make the clone, its history beginning at the baseline."""
        discard(self._history)
        self._history.mkdir(parents=True)
        git("init", "--quiet", "--template=", cwd=self._history)
        git("symbolic-ref", "HEAD", f"refs/heads/{self._branch}", cwd=self._history)
        self._fetch(baseline, "--depth=1")
        self.tree.create(incumbent)
        self._git.restore()
        self._advance(incumbent)

    def close(self) -> None:
        """End the git processes that were kept running."""
        self._plumbing.close()

    def hand_out(self, incumbent: str) -> Tree:
        """The clone at the incumbent, brought back to it if it was handed out before."""
        self.refresh(incumbent)
        self._used = True
        return self.tree

    def refresh(self, incumbent: str) -> None:
        """Bring files and history back to the incumbent, whatever was done to them."""
        if self._used:
            self.tree.restore()
            self._git.restore()
            self._used = False
        if self.tree.commit != incumbent:
            self._advance(incumbent)
            self.tree.move_to(incumbent)

    def _advance(self, incumbent: str) -> None:
        """Add the incumbent to the history and make it the branch's head."""
        reference = f"refs/heads/{self._branch}"
        known = self._repository.recent(incumbent)
        if known is not None and known.recipe is not None and known.parent == self.tree.commit:
            written = self._plumbing.write_files(known.recipe)
            self._plumbing.write_commit(known.recipe, tree=written.tree)
            self._plumbing.set(reference, incumbent)
        else:
            self._fetch(incumbent)
            git("update-ref", reference, incumbent, cwd=self._history)
        git("read-tree", "HEAD", cwd=self._history)
        self._git.update()

    def _fetch(self, commit: str, *options: str) -> None:
        source = self._repository.git_dir.as_uri()
        allow = ("-c", "protocol.file.allow=always")
        serve = "git -c uploadpack.allowAnySHA1InWant=true upload-pack"
        git(
            *allow,
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            f"--upload-pack={serve}",
            *options,
            source,
            commit,
            cwd=self._history,
        )
