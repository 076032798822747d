"""A trace is used with the model that it was recorded of, and with no other."""

from expertswap.errors import TraceError
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
