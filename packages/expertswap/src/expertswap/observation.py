"""What was seen of a model's experts: counts and sums, so that shards add up to the whole.

An observation file is safetensors with one tensor per field of ``Observation``; its metadata hold a
schema version, the model's identity and the domains as JSON.
"""

import json
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from expertswap.errors import ObservationError
from expertswap.trace import identity_from_json
from expertswap.types import ModelIdentity
from expertswap.whole_file import write_whole

SCHEMA_VERSION = 1
_METADATA_KEY = "expertswap.observation"


@dataclass(frozen=True, eq=False, slots=True)
class Observation:
    """Sums over the tokens that were observed; padding is never counted.

    Args:
        model: Of which model.
        domains: Names of the prompts' domains.
        tokens_D: int64 (D,), tokens seen.
        count_DLE: int64 (D, L, E), tokens routed to an expert.
        gate_sum_DLE: float64 (D, L, E), sum of the gates with which it was used.
        norm_sum_DLE: float64 (D, L, E), sum of the L2 norms of its unweighted outputs (EAN).
        gated_norm_sum_DLE: float64 (D, L, E), sum of gate times norm; over the count it is REAP's
            saliency (arXiv:2510.13999).
        max_activation_LE: float32 (L, E), the largest absolute element of its unweighted outputs.
        coactivation_LEE: int64 (L, E, E), tokens that used both experts; the diagonal is the count.
    """

    model: ModelIdentity
    domains: tuple[str, ...]
    tokens_D: NDArray[np.int64]
    count_DLE: NDArray[np.int64]
    gate_sum_DLE: NDArray[np.float64]
    norm_sum_DLE: NDArray[np.float64]
    gated_norm_sum_DLE: NDArray[np.float64]
    max_activation_LE: NDArray[np.float32]
    coactivation_LEE: NDArray[np.int64]

    @property
    def count_LE(self) -> NDArray[np.int64]:
        """Tokens routed to an expert, all domains."""
        total: NDArray[np.int64] = self.count_DLE.sum(axis=0)
        return total


_ARRAYS = tuple(
    field.name for field in fields(Observation) if field.name not in {"model", "domains"}
)


def save_observation(observation: Observation, path: Path) -> None:
    """Write an observation; ``path`` is either the whole file or untouched.

    Raises:
        OutputError: It cannot be written.
    """
    header = {
        "version": SCHEMA_VERSION,
        "domains": observation.domains,
        "model": asdict(observation.model),
    }
    arrays = {name: np.ascontiguousarray(getattr(observation, name)) for name in _ARRAYS}
    write_whole(path, save(arrays, metadata={_METADATA_KEY: json.dumps(header)}))


def load_observation(path: Path) -> Observation:
    """Read an observation.

    Raises:
        ObservationError: The file is missing, damaged, of a later version, or no observation.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            about = (file.metadata() or {}).get(_METADATA_KEY)
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except (OSError, SafetensorError) as error:
        raise ObservationError(f"The observation {path} cannot be read: {error}.") from error
    if about is None or set(arrays) != set(_ARRAYS):
        raise ObservationError(
            f"{path} is not an observation.", fix="Make one with `expertswap observe`."
        )
    header: dict[str, Any] = json.loads(about)
    if header["version"] > SCHEMA_VERSION:
        raise ObservationError(
            f"{path} was written by a later expertswap.", fix="Upgrade expertswap."
        )
    return Observation(
        model=identity_from_json(header["model"]), domains=tuple(header["domains"]), **arrays
    )


def merged(first: Observation, second: Observation) -> Observation:
    """Both observations as one, as if all their prompts had been observed together.

    Raises:
        ObservationError: They are of different models.
    """
    if first.model.fingerprint != second.model.fingerprint:
        raise ObservationError(
            f"Observations of two models cannot be merged: {first.model.name} and"
            f" {second.model.name} have different routers."
        )
    domains = first.domains + tuple(name for name in second.domains if name not in first.domains)
    left, right = _over(first, domains), _over(second, domains)
    sums: dict[str, Any] = {
        name: getattr(left, name) + getattr(right, name)
        for name in _ARRAYS
        if name != "max_activation_LE"
    }
    highest = np.maximum(left.max_activation_LE, right.max_activation_LE)
    return replace(left, max_activation_LE=highest, **sums)


def _over(observation: Observation, domains: tuple[str, ...]) -> Observation:
    """The same observation with its rows where ``domains`` has them."""
    rows = [domains.index(name) for name in observation.domains]

    def spread(values: NDArray[Any]) -> NDArray[Any]:
        wide = np.zeros((len(domains), *values.shape[1:]), values.dtype)
        wide[rows] = values
        return wide

    by_domain: dict[str, Any] = {
        name: spread(getattr(observation, name)) for name in _ARRAYS if "_D" in name
    }
    return replace(observation, domains=domains, **by_domain)
