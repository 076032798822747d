"""Code that asks a person, or an account, for something: source in, findings out."""

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple


class Prompt(NamedTuple):
    """A place where a run that nobody watches may fail."""

    finding: str
    fix: str


_TRACKERS = {  # module, the variable that makes it quiet, its quiet value, its key
    "wandb": ("WANDB_MODE", "offline", "WANDB_API_KEY"),
    "comet_ml": ("COMET_OFFLINE_DIRECTORY", "/tmp/comet", "COMET_API_KEY"),  # noqa: S108 (inside)
    "neptune": ("NEPTUNE_MODE", "offline", "NEPTUNE_API_TOKEN"),
}
_IMPORT = r"^[ \t]*(?:import|from)[ \t]+{module}\b"
_ASKS = re.compile(r"^(?![ \t]*#).*?\b(input|getpass\.getpass|click\.prompt)\(", re.MULTILINE)


def find_prompts(
    path: str, source: str, *, variables: Collection[str], has_network: bool
) -> Iterator[Prompt]:
    """Where a file asks for input, or logs in to a tracker.

    Args:
        variables: Names in the environment of the run.
        has_network: Whether the run has any.
    """
    for module, (quiet, value, key) in _TRACKERS.items():
        imported = re.search(_IMPORT.format(module=module), source, re.MULTILINE)
        if imported is None or quiet in variables or (has_network and key in variables):
            continue
        lacks = f"the key {key} is not handed to it" if has_network else "it has no network"
        fix = f'Write env = {{ {quiet} = "{value}" }} in [measure]'
        yield Prompt(
            f"{path} imports {module}, which asks for a login: {lacks}.",
            f'{fix}, or pass_env = ["{key}"].' if has_network else f"{fix}.",
        )
    for asking in _ASKS.finditer(source):
        line = source.count("\n", 0, asking.start(1)) + 1
        yield Prompt(
            f"{path}:{line} calls {asking[1]}(), which nobody answers.",
            "Give it a default, or take the value from an argument.",
        )
