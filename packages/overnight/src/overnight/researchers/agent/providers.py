"""Agents that take their model from many providers, each named ``provider/model``."""

import os
from abc import ABC
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from overnight.errors import AgentMisconfigured
from overnight.researchers.agent.agent import Agent
from overnight.researchers.agent.keys import find_key, refuse_odd_key
from overnight.researchers.agent.options import EndpointOptions

NO_KEY = "none"
"""What is sent to an endpoint that wants no key, by clients that insist on one."""


@dataclass(frozen=True, slots=True)
class Provider:
    """Who serves models.

    Attributes:
        key: The variable in which its clients look for a key.
        host: Of its endpoint.
    """

    key: str
    host: str


PROVIDERS: Mapping[str, Provider] = {
    "anthropic": Provider("ANTHROPIC_API_KEY", "api.anthropic.com"),
    "deepseek": Provider("DEEPSEEK_API_KEY", "api.deepseek.com"),
    "groq": Provider("GROQ_API_KEY", "api.groq.com"),
    "mistral": Provider("MISTRAL_API_KEY", "api.mistral.ai"),
    "openai": Provider("OPENAI_API_KEY", "api.openai.com"),
    "openrouter": Provider("OPENROUTER_API_KEY", "openrouter.ai"),
    "xai": Provider("XAI_API_KEY", "api.x.ai"),
}
GOOGLE = "generativelanguage.googleapis.com"


class ProviderAgent(Agent, ABC):
    """An agent whose model is ``provider/model``, or any model behind an OpenAI-compatible URL.

    Attributes:
        providers: Those that it knows, by the names that it has for them.

    Raises:
        AgentMisconfigured: There is no model, or nobody knows where it is.
    """

    providers: ClassVar[Mapping[str, Provider]]

    def __init__(self, options: EndpointOptions, *, model: str | None) -> None:
        super().__init__(options, model=model)
        self.base_url = options.base_url
        self.env_key = options.env_key
        self.name = self._model(model)

    def hosts(self) -> tuple[str, ...]:
        """The endpoint's."""
        return (self._provider.host,) if self.base_url is None else (self.base_url,)

    def key(self) -> str:
        """The variable that has the key."""
        variable = self._variable
        if variable is None:
            return ""
        refuse_odd_key(*find_key([variable], environ=os.environ))
        return variable

    def keys(self) -> dict[str, str]:
        """The key in the variable in which the agent looks for it.

        Raises:
            AuthenticationFailed: There is none.
        """
        variable = self._variable
        handed = self._provider.key if self.base_url is None else "OPENAI_API_KEY"
        if variable is None:
            return {handed: NO_KEY}
        return {handed: find_key([variable], environ=os.environ)[1]}

    @property
    def _variable(self) -> str | None:
        own = self._provider.key if self.base_url is None else None
        return self.env_key or own

    @property
    def _provider(self) -> Provider:
        return self.providers[self.name.partition("/")[0]]

    def _model(self, model: str | None) -> str:
        agent = self.program.agent
        if model is None:
            raise AgentMisconfigured(
                f"researcher.model is missing, and {agent} has no default of ours.",
                fix="Write it as provider/model, such as anthropic/claude-sonnet-4-5.",
            )
        if self.base_url is None and model.partition("/")[0] not in self.providers:
            raise AgentMisconfigured(
                f"researcher.model = {model!r} does not say whose model it is.",
                fix=f"Write provider/model with one of {', '.join(sorted(self.providers))}; or"
                " name an OpenAI-compatible endpoint in researcher.options.base_url.",
            )
        return model
