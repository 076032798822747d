"""OpenAI's Codex CLI as a researcher: one ``codex exec`` per proposal."""

from overnight.researchers.codex.researcher import CodexResearcher, create

__all__ = ["CodexResearcher", "create"]
