"""Finds researchers by name: our own, and those that installed packages offer.

A stranger's package adds one with an entry point in the group ``overnight.researchers`` whose
object is a factory: ``create(settings: ResearcherSettings) -> Researcher``.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import cast

from overnight.errors import AgentMissing, StudyFileError
from overnight.researchers.base import Researcher, ResearcherFactory, ResearcherSettings

ENTRY_POINT_GROUP = "overnight.researchers"

BUILT_IN: Mapping[str, str] = {
    "aider": "overnight.researchers.aider:create",
    "chat": "overnight.researchers.chat.researcher:create",
    "claude": "overnight.researchers.claude:create",
    "codex": "overnight.researchers.codex:create",
    "command": "overnight.researchers.command:create",
    "gemini": "overnight.researchers.gemini:create",
    "mini-swe-agent": "overnight.researchers.mini_swe_agent:create",
    "opencode": "overnight.researchers.opencode:create",
    "replay": "overnight.researchers.replay:create",
    "scripted": "overnight.researchers.scripted:create",
    "tune": "overnight.researchers.tune:create",
}


def names() -> list[str]:
    """Every researcher kind that can be used here."""
    foreign = {point.name for point in entry_points(group=ENTRY_POINT_GROUP)}
    return sorted(foreign | set(BUILT_IN))


def create(settings: ResearcherSettings) -> Researcher:
    """Make the researcher of a study.

    Raises:
        StudyFileError: There is no such kind.
        AgentMissing: The package that offers it is broken.
        AgentMisconfigured: Its options cannot work.
    """
    return _factory(settings.kind)(settings)


def refuse_unknown(kind: str) -> None:
    """Refuse a kind that cannot be used here.

    Raises:
        StudyFileError: There is no such kind; says which is meant.
    """
    if kind not in names():
        close = get_close_matches(kind, names(), n=1)
        hint = f"Did you mean {close[0]!r}?" if close else f"Known kinds: {', '.join(names())}."
        raise StudyFileError(f"researcher.kind = {kind!r} is not known.", fix=hint)


def _factory(kind: str) -> ResearcherFactory:
    target = BUILT_IN.get(kind)
    if target is not None:
        module, name = target.split(":")
        return cast("ResearcherFactory", getattr(import_module(module), name))
    refuse_unknown(kind)
    [point, *_] = entry_points(group=ENTRY_POINT_GROUP, name=kind)
    return _load(point)


def _load(point: EntryPoint) -> ResearcherFactory:
    try:
        return cast("ResearcherFactory", point.load())
    except (ImportError, AttributeError) as error:
        raise AgentMissing(
            f"The researcher {point.name!r} ({point.value}) cannot be loaded: {error}.",
            fix="Install its package again, or ask its authors.",
        ) from error
