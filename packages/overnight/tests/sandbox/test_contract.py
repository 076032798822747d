"""Both sandboxes against the contract."""

from overnight.config import SandboxTable
from overnight.sandbox.base import Sandbox
from overnight.sandbox.bubblewrap import Bubblewrap
from overnight.sandbox.machine import describe_machine
from overnight.sandbox.none import Unconfined
from overnight.testing.sandbox_contract import SandboxContract
from overnight.testing.sandbox_site import Site


class TestBubblewrap(SandboxContract):
    def sandbox(self, site: Site) -> Sandbox:
        machine = describe_machine(
            SandboxTable(),
            root=site.study,
            exclusive=(),
            work=site.work,
            devices=site.devices,
            environ=site.environ,
        )
        return Bubblewrap(machine, processes=site.processes, scratch=site.work / "sandbox")


class TestUnconfined(SandboxContract):
    confines = False

    def sandbox(self, site: Site) -> Sandbox:
        return Unconfined(site.processes)
