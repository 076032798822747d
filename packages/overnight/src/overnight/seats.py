"""Where a line of work has its programs run: a sandbox of its own, and the device of now."""

from overnight.processes.supervisor import StopSignal, Supervisor
from overnight.progress import Watcher
from overnight.sandbox.base import Sandbox
from overnight.sandbox.devices import Device


class Seat:
    """A sandbox and the device of its commands, which may be another one from turn to turn.

    Attributes:
        stop: Ends what runs here.
        watcher: Is told of it.
        count: How many seats there are at the same time, each with a device of its own.
        device: What commands have for themselves.

    Args:
        supervisor: Starts the sandbox's commands.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        supervisor: Supervisor,
        device: Device,
        *,
        stop: StopSignal,
        watcher: Watcher,
        count: int = 1,
    ) -> None:
        self.sandbox = sandbox
        self.stop = stop
        self.watcher = watcher
        self.count = count
        self._supervisor = supervisor
        self.take(device)

    def take(self, device: Device) -> None:
        """Have later commands run on a device; never while one runs."""
        self.device = device
        self.sandbox.lend(device)
        self._supervisor.pin(device.cpus)

    @property
    def rotates(self) -> bool:
        """Whether values from several devices stand beside each other."""
        return self.count > 1
