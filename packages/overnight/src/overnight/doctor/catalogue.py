"""Every check, in the order in which they are made: what others need comes first."""

from collections.abc import Sequence
from difflib import get_close_matches

from overnight.doctor.check import Check, Group
from overnight.doctor.checks import (
    agent,
    git,
    gpu,
    machine,
    network,
    notify,
    run,
    sandbox,
    study,
    surroundings,
    tools,
)
from overnight.errors import OvernightError

CHECKS: tuple[Check, ...] = (
    *study.CHECKS,
    *git.CHECKS,
    *machine.CHECKS,
    *sandbox.CHECKS,
    *surroundings.CHECKS,
    *network.CHECKS,
    *tools.CHECKS,
    *gpu.CHECKS,
    *agent.CHECKS,
    *run.CHECKS,
    *notify.CHECKS,
)


def select(only: Sequence[str], *, quick: bool) -> list[Check]:
    """The checks that are asked for.

    Args:
        only: Names of checks or groups; none for all.
        quick: Without those that take as long as a run, unless one is named itself.

    Raises:
        OvernightError: A name is not known.
    """
    known = {*Group, *(check.name for check in CHECKS)}
    for name in only:
        if name not in known:
            close = get_close_matches(name, sorted(known), n=1)
            hint = f"Did you mean {close[0]!r}? " if close else ""
            raise OvernightError(
                f"There is no check {name!r}.", fix=f"{hint}`overnight doctor --list` shows all."
            )
    wanted = set(only) or known
    return [
        check
        for check in CHECKS
        if check.name in only
        or (not wanted.isdisjoint((check.name, check.group)) and not (quick and check.slow))
    ]
