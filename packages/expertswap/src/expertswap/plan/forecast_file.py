"""What was learned, as a safetensors file beside the plan."""

import hashlib
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from expertswap.errors import PlanError
from expertswap.plan.plan import Forecasts as Named
from expertswap.policies.forecast import Forecasts, LayerForecast
from expertswap.types import MoeShape
from expertswap.whole_file import write_whole

_FIELDS = LayerForecast._fields


def save_forecasts(forecasts: Forecasts, path: Path) -> Named:
    """Write forecasts; ``path`` is either the whole file or untouched."""
    arrays = {
        f"{side}.{layer}.{field}": getattr(known, field)
        for side, layers in (("after", forecasts.after_L), ("before", forecasts.before_L))
        for layer, known in enumerate(layers)
        for field in _FIELDS
    }
    content = save(arrays)
    write_whole(path, content)
    return Named(file=path.name, sha256=hashlib.sha256(content).hexdigest())


def load_forecasts(named: Named, *, beside: Path, shape: MoeShape) -> Forecasts:
    """Read the forecasts of the plan ``beside``.

    Raises:
        PlanError: They are missing, damaged or not those of the plan.
    """
    path = beside.with_name(Path(named.file).name)
    try:
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != named.sha256:
            raise PlanError(
                f"{path} is not what the plan {beside} was made with.", fix="Plan again."
            )
        arrays = load(content)
    except (OSError, SafetensorError) as error:
        raise PlanError(f"The forecasts {path} cannot be read: {error}.") from error

    def side(name: str) -> tuple[LayerForecast, ...]:
        return tuple(
            LayerForecast(*(arrays[f"{name}.{layer}.{field}"] for field in _FIELDS))
            for layer in range(len(shape.moe_layers))
        )

    try:
        found = Forecasts(after_L=side("after"), before_L=side("before"))
    except KeyError as error:
        raise PlanError(f"The forecasts {path} are damaged: {error} is missing.") from error
    if not all(_fits(known, shape) for known in (*found.after_L, *found.before_L)):
        raise PlanError(f"The forecasts {path} are of a model of other sizes.", fix="Plan again.")
    return found


def _fits(known: LayerForecast, shape: MoeShape) -> bool:
    """Whether compiled code may index these arrays with the model's layers and experts."""
    M, E, H, J = len(known.heard_M), shape.num_experts, len(known.hidden_H), len(known.fade_J)
    expected = ((M,), (M, E, H), (E, H), (H,), (H, E), (E,), (J,), (J,))
    return (
        tuple(np.shape(values) for values in known) == expected
        and J > 0
        and all(0 <= layer < len(shape.moe_layers) for layer in known.heard_M.tolist())
    )
