"""What was recorded is used with the model that it was recorded of, and with no other."""

import hashlib

from expertswap.errors import ObservationError, TraceError
from expertswap.observation import Observation
from expertswap.trace import RoutingTrace
from expertswap.types import ModelIdentity

_FIX = "Observe this model, or give the one that was observed."


def require_model(trace: RoutingTrace, model: ModelIdentity) -> None:
    """See that a trace is of a model.

    Raises:
        TraceError: It is of another one.
    """
    if trace.model.fingerprint != model.fingerprint:
        raise TraceError(f"The trace is {_of_another(trace.model, model)}", fix=_FIX)


def require_observed(observation: Observation, model: ModelIdentity) -> None:
    """See that an observation is of a model.

    Raises:
        ObservationError: It is of another one.
    """
    if observation.model.fingerprint != model.fingerprint:
        raise ObservationError(
            f"The observation is {_of_another(observation.model, model)}", fix=_FIX
        )


def digest(trace: RoutingTrace) -> str:
    """Tells one trace from another."""
    found = hashlib.sha256(trace.prompt_T.tobytes())
    found.update(trace.experts_TLK.tobytes())
    return found.hexdigest()


def _of_another(recorded: ModelIdentity, model: ModelIdentity) -> str:
    return (
        f"of another model: of {recorded.name}, not of {model.name}; their shapes or their routers'"
        " weights differ."
    )
