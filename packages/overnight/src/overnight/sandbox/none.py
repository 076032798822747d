"""No sandbox: commands run with the user's rights; an explicit choice that every report shows."""

from dataclasses import replace
from pathlib import Path

from overnight.processes.supervisor import Command, Limits
from overnight.sandbox.base import Confined, Confinement, Processes
from overnight.types import SandboxKind


class Unconfined:
    """Runs commands as they are.

    Args:
        processes: Runs them.
        device_env: Variables that name the leased device.
    """

    kind = SandboxKind.NONE

    def __init__(self, processes: Processes, *, device_env: dict[str, str] | None = None) -> None:
        self._processes = processes
        self._device_env = device_env or {}

    def run(
        self,
        command: Command,
        confinement: Confinement,
        *,
        output: Path,
        limits: Limits,
        errors: Path | None = None,
        children: Path | None = None,
    ) -> Confined:
        """Run a command to its end; of its confinement only the device counts."""
        device_env = self._device_env if confinement.gpu else {"CUDA_VISIBLE_DEVICES": ""}
        env = {**command.env, **device_env}
        ending = self._processes.run(
            replace(command, env=env),
            output=output,
            limits=limits,
            errors=errors,
            children=children,
        )
        return Confined(ending)

    def close(self) -> None:
        """Nothing is held."""
