"""No sandbox: commands run with the user's rights; an explicit choice that every report shows."""

from dataclasses import replace
from pathlib import Path

from overnight.processes.supervisor import Command, Limits
from overnight.sandbox.base import Confined, Confinement, Processes
from overnight.sandbox.devices import WHOLE_MACHINE, Device
from overnight.types import SandboxKind


class Unconfined:
    """Runs commands as they are.

    Args:
        processes: Runs them.
        device: What they have for themselves at first.
    """

    kind = SandboxKind.NONE

    def __init__(self, processes: Processes, *, device: Device = WHOLE_MACHINE) -> None:
        self._processes = processes
        self._device = device

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
        device_env = self._device.env if confinement.gpu else {"CUDA_VISIBLE_DEVICES": ""}
        env = {**command.env, **device_env}
        ending = self._processes.run(
            replace(command, env=env),
            output=output,
            limits=limits,
            errors=errors,
            children=children,
        )
        return Confined(ending)

    def lend(self, device: Device) -> None:
        """Give later commands another device."""
        self._device = device

    def close(self) -> None:
        """Nothing is held."""
