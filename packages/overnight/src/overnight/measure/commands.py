"""A study's four commands on a checkout, each in a room of its own."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from overnight.config import ScoreTable, Study
from overnight.errors import DeviceMissing, ScorerFailed
from overnight.measure.execution import Execution, execute
from overnight.measure.rooms import Rooms
from overnight.processes.supervisor import Limits
from overnight.sandbox.base import Room
from overnight.sandbox.devices import Gpu, GpuMeter
from overnight.sandbox.environment import without_secrets
from overnight.workspace.pool import Checkout, Workspaces

_MIB = 2**20


@dataclass(frozen=True, slots=True)
class Logs:
    """Where the output of a trial's commands goes."""

    directory: Path
    prefix: str = ""

    def file(self, name: str) -> Path:
        """One of them: ``setup``, ``output``, ``children``, ``score`` or ``holdout``."""
        return self.directory / f"{self.prefix}{name}.log"


class StudyCommands:
    """Runs what a study file names.

    Args:
        environ: The user's environment; what looks like a secret is not handed on.
        gpu: Tells the GPU that commands have now, if they have one.
    """

    def __init__(
        self,
        study: Study,
        rooms: Rooms,
        *,
        environ: Mapping[str, str],
        gpu: Callable[[], Gpu | None],
    ) -> None:
        self._study = study
        self._rooms = rooms
        self._gpu = gpu
        self._environ = without_secrets(environ, keep=study.measure.pass_env)
        self._scorers_set_up: set[Path] = set()

    def set_up(
        self, root: Path, output_dir: Path, log: Path, *, kept: Path | None = None
    ) -> Execution | None:
        """Prepare a fresh tree; None where the study has no setup.

        Args:
            kept: Keeps what is written to package managers' caches. Without it the tree must not
                lead into those, so uv copies what it installs.
        """
        setup = self._study.setup
        if setup is None:
            return None
        apart = {} if kept is not None else {"UV_LINK_MODE": "copy"}
        return execute(
            setup.command,
            room=self._rooms.setup(root, output_dir, kept=kept),
            cwd=root,
            env={**self._environ, "OVERNIGHT_REPOSITORY": str(self._study.root), **apart},
            log=log,
            limits=self._limits(setup.deadline_s),
            output_dir=output_dir,
        )

    def train(
        self, checkout: Checkout, *, logs: Logs, seed: int | None
    ) -> tuple[Execution, int | None]:
        """Run the measured command.

        Args:
            seed: For the study's seed variable; None leaves it alone.

        Returns:
            How it went, and the most bytes of the leased GPU that it was seen to use.

        Raises:
            DeviceMissing: The GPU was lost under it.
        """
        table = self._study.measure
        variable = table.seed_variable
        seeded = {variable: str(seed)} if variable is not None and seed is not None else {}
        own = {"OVERNIGHT_ARTEFACTS": str(checkout.artefacts)}
        with GpuMeter(self._gpu()) as meter:
            execution = execute(
                table.command,
                room=self._rooms.measured(checkout, network=table.network),
                cwd=checkout.root,
                env={**self._environ, **table.env, **seeded, **own},
                log=logs.file("output"),
                limits=self._limits(table.deadline_s),
                output_dir=checkout.output_dir,
                children=logs.file("children") if self.is_strict else None,
            )
        if meter.lost and execution.failure is not None:
            raise DeviceMissing(f"The GPU was lost: {meter.lost}.", fix="Look at `nvidia-smi`.")
        return execution, meter.peak_bytes

    @property
    def is_strict(self) -> bool:
        """Whether the program's own output is told apart from its children's."""
        return self._study.measure.strict and self._study.score is None

    def score(
        self, table: ScoreTable, checkout: Checkout, workspaces: Workspaces, *, logs: Logs
    ) -> Execution:
        """Run protected code on what a candidate left.

        Raises:
            ScorerFailed: The scorer's own tree cannot be set up.
        """
        root = self._scorers_tree(workspaces, logs)
        output_dir = workspaces.score_output()
        room = self._rooms.score(root, output_dir, candidate=checkout)
        return self._apart(table, checkout, room, root, log=logs.file("score"))

    def hold_out(
        self, table: ScoreTable, checkout: Checkout, workspaces: Workspaces, *, logs: Logs
    ) -> Execution:
        """Run the hold-out's command on a measured checkout.

        Without a scorer it runs in the checkout itself.

        Raises:
            ScorerFailed: The scorer's own tree cannot be set up.
        """
        has_scorer = self._study.score is not None
        root = self._scorers_tree(workspaces, logs) if has_scorer else checkout.root
        output_dir = workspaces.score_output()
        room = self._rooms.holdout(root, output_dir, candidate=checkout)
        return self._apart(table, checkout, room, root, log=logs.file("holdout"))

    def _apart(
        self,
        table: ScoreTable,
        checkout: Checkout,
        room: Room,
        root: Path,
        *,
        log: Path,
    ) -> Execution:
        own = {
            "OVERNIGHT_ARTEFACTS": str(checkout.artefacts),
            "OVERNIGHT_CANDIDATE": str(checkout.root),
        }
        return execute(
            table.command,
            room=room,
            cwd=root,
            env={**self._environ, **table.env, **own},
            log=log,
            limits=self._limits(table.deadline_s),
            output_dir=room.confinement.writable[0],
        )

    def _scorers_tree(self, workspaces: Workspaces, logs: Logs) -> Path:
        """The baseline's tree, set up once; no candidate has a part in it."""
        root = workspaces.scorer()
        if root in self._scorers_set_up:
            return root
        log = logs.file("score-setup")
        execution = self.set_up(root, workspaces.score_output(), log)
        if execution is not None and execution.failure is not None:
            raise ScorerFailed(
                f"The scorer's tree could not be set up: {execution.failure.reason}",
                fix=f"Its output is in {log}.",
            )
        self._scorers_set_up.add(root)
        return root

    def _limits(self, deadline_s: float) -> Limits:
        return Limits(deadline_s=deadline_s, output_bytes=int(self._study.measure.output_mb * _MIB))
