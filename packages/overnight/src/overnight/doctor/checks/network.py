"""The network that commands have, or do not have."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit

from overnight.doctor.check import Group, Result, checks, failed, ok, skipped, warning
from overnight.doctor.checks.sandbox import NO_SANDBOX
from overnight.doctor.patient import Patient
from overnight.doctor.words import listed, sentence
from overnight.sandbox.base import OFF, ON, NetworkAccess
from overnight.sandbox.network.allowlist import Endpoint
from overnight.types import SandboxKind

_PORTS = {"http": 80, "https": 443}


def measure_network(patient: Patient) -> Result:
    """The measured command reaches the hosts that it may reach, and no other."""
    return _network(patient, patient.study.measure.network, key="measure.network")


def setup_network(patient: Patient) -> Result:
    """The setup reaches the hosts that it may reach, and no other."""
    setup = patient.study.setup
    if setup is None:
        return skipped("The study has no setup.")
    return _network(patient, setup.network, key="setup.network")


CHECKS = checks(Group.SANDBOX, measure_network, setup_network)


def endpoints(hosts: Sequence[str]) -> list[str]:
    """One endpoint for each entry of an allow-list that means a single host."""
    return [str(_endpoint(host)) for host in hosts if "*" not in host]


def judge_reached(problems: dict[str, str], *, key: str) -> Result | None:
    """What it means that endpoints of an allow-list cannot be reached; None when all can.

    Args:
        problems: Why not, for each endpoint; empty where it can.
    """
    lost = {place: why for place, why in problems.items() if why}
    if not lost:
        return None
    return failed(
        f"{listed(lost)} cannot be reached from inside: {sentence(next(iter(lost.values())))}",
        fix=f"Check the name in {key}, and that this machine reaches it without a proxy:"
        f" `curl -v {next(iter(lost))}`.",
    )


def _network(patient: Patient, network: NetworkAccess, *, key: str) -> Result:
    if patient.study.sandbox.kind is SandboxKind.NONE:
        return skipped(NO_SANDBOX)
    if network == ON:
        return warning(
            f'{key} = "on": programs can send out what they see, and results depend on the net.',
            fix=f"List the hosts that are needed in {key}.",
        )
    hosts = () if isinstance(network, str) else network
    with _neighbour() as neighbour:
        wanted = endpoints(hosts)
        measure = {"network": hosts or OFF}
        answers = patient.ward.probe("reach", neighbour, *wanted, measure=measure)
    if not all(answers.pop(neighbour).values()):
        return failed(
            f"{key} does not hold: a server of this machine that it does not name was reached.",
            fix="Tell us: nothing should lead there.",
        )
    problems = {place: answer["through"] for place, answer in answers.items()}
    return judge_reached(problems, key=key) or _all_is_well(wanted, key)


def _all_is_well(wanted: Sequence[str], key: str) -> Result:
    if not wanted:
        return ok(f"{key} is off, and no server can be reached.")
    return ok(f"{listed(wanted)} can be reached, and nothing else.")


def _endpoint(entry: str) -> Endpoint:
    if "://" not in entry:
        return Endpoint.parse(entry, default_port=_PORTS["https"])
    url = urlsplit(entry)
    return Endpoint.parse(url.netloc.rpartition("@")[2], default_port=_PORTS[url.scheme.lower()])


@contextmanager
def _neighbour() -> Iterator[str]:
    """The endpoint of a server on this machine's loopback, on no list."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"
