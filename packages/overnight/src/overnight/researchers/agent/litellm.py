"""What agents have in common that call models through LiteLLM."""

from collections.abc import Mapping

from overnight.errors import (
    AuthenticationFailed,
    RateLimited,
    RequestRejected,
    ServerFailed,
)
from overnight.researchers.agent.failures import Kind
from overnight.researchers.agent.providers import GOOGLE, PROVIDERS, Provider

LITELLM_PROVIDERS: Mapping[str, Provider] = {
    **PROVIDERS,
    "gemini": Provider("GEMINI_API_KEY", GOOGLE),
}
# Nothing is fetched at the start but what the model answers.
LITELLM_ENV: Mapping[str, str] = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_TELEMETRY": "False",
}
# Its exceptions by name, as they stand in messages; the first that is found decides.
LITELLM_PHRASES: tuple[tuple[str, Kind], ...] = (
    ("authenticationerror", AuthenticationFailed),
    ("permissiondeniederror", AuthenticationFailed),
    ("ratelimiterror", RateLimited),
    ("contextwindowexceedederror", RequestRejected),
    ("notfounderror", RequestRejected),
    ("unprocessableentityerror", RequestRejected),
    ("unsupportedparamserror", RequestRejected),
    ("badrequesterror", RequestRejected),
    ("internalservererror", ServerFailed),
    ("serviceunavailableerror", ServerFailed),
    ("badgatewayerror", ServerFailed),
    ("apiconnectionerror", ServerFailed),
    ("timeout", ServerFailed),
    ("apierror", ServerFailed),
)


def litellm_model(name: str, *, base_url: str | None) -> str:
    """A model's name as LiteLLM wants it: an endpoint of one's own speaks as OpenAI's does."""
    return name if base_url is None else f"openai/{name}"


def litellm_endpoint(base_url: str | None) -> dict[str, str]:
    """The variables that lead LiteLLM to an endpoint of one's own."""
    if base_url is None:
        return {}
    return {"OPENAI_API_BASE": base_url, "OPENAI_BASE_URL": base_url}
