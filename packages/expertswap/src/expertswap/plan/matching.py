"""What was recorded is used with the model that it was recorded of, and with no other."""

import hashlib

from expertswap.errors import ObservationError, TraceError
from expertswap.observation import Observation
from expertswap.trace import RoutingTrace
from expertswap.types import ModelIdentity


def require_model(trace: RoutingTrace, model: ModelIdentity) -> None:
    """See that a trace is of a model.

    Raises:
        TraceError: It is of another one.
    """
    if trace.model.fingerprint != model.fingerprint:
        raise TraceError(
            f"The trace is of another model: of {trace.model.name}"
            f" ({trace.model.fingerprint[:12]}), not of {model.name} ({model.fingerprint[:12]}).",
            fix="Observe this model, or give the one that was observed.",
        )


def require_observed(observation: Observation, model: ModelIdentity) -> None:
    """See that an observation is of a model.

    Raises:
        ObservationError: It is of another one.
    """
    if observation.model.fingerprint != model.fingerprint:
        raise ObservationError(
            f"The observation is of another model: of {observation.model.name}, not of"
            f" {model.name}.",
            fix="Observe this model, or give the one that was observed.",
        )


def digest(trace: RoutingTrace) -> str:
    """Tells one trace from another."""
    found = hashlib.sha256(trace.prompt_T.tobytes())
    found.update(trace.experts_TLK.tobytes())
    return found.hexdigest()
