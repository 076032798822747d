"""What was learned, as a safetensors file beside the plan."""

import hashlib
from pathlib import Path

from safetensors import SafetensorError
from safetensors.numpy import load, save

from expertswap.errors import PlanError
from expertswap.plan.plan import Forecasts as Named
from expertswap.plan.whole_file import write_whole
from expertswap.policies.forecast import Forecasts, LayerForecast

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


def load_forecasts(named: Named, *, beside: Path) -> Forecasts:
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
        layers = sum(key.startswith(f"{name}.") for key in arrays) // len(_FIELDS)
        return tuple(
            LayerForecast(*(arrays[f"{name}.{layer}.{field}"] for field in _FIELDS))
            for layer in range(layers)
        )

    return Forecasts(after_L=side("after"), before_L=side("before"))
