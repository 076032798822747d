"""The routing trace: which experts each token used, in the order in which they were computed.

A trace file is Parquet with one row per token and layer, ascending in step, token and layer::

    step     int32    one forward pass of the model; a prompt's prefill is one step
    prompt   int32    number of the prompt
    domain   dictionary<string>
    token    int32    position in the prompt
    layer    int16    index of the decoder layer
    experts  fixed_size_list<int16>[K]
    gates    fixed_size_list<float>[K]

The file's metadata hold a schema version and the model's identity.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from expertswap.errors import OutputError, TraceError
from expertswap.types import ModelIdentity, MoeShape

if TYPE_CHECKING:
    import pyarrow as pa

SCHEMA_VERSION = 1
_METADATA_KEY = b"expertswap.trace"


@dataclass(frozen=True, eq=False, slots=True)
class RoutingTrace:
    """Every routing decision of some prompts, tokens in the order of computation.

    Args:
        model: Of which model.
        experts_TLK: int16 (T, L, K), the experts used; L follows ``model.shape.moe_layers``.
        gates_TLK: float32 (T, L, K), the weights with which the model summed them.
        step_T: int32 (T,), the forward pass in which a token was computed; never descends.
        prompt_T: int32 (T,), the number of the token's prompt.
        position_T: int32 (T,), the token's place in its prompt.
        domain_T: int16 (T,), index into ``domains``.
        domains: Names of the domains.
    """

    model: ModelIdentity
    experts_TLK: NDArray[np.int16]
    gates_TLK: NDArray[np.float32]
    step_T: NDArray[np.int32]
    prompt_T: NDArray[np.int32]
    position_T: NDArray[np.int32]
    domain_T: NDArray[np.int16]
    domains: tuple[str, ...]

    @property
    def num_tokens(self) -> int:
        """Tokens recorded (T)."""
        return len(self.step_T)

    def of(self, tokens: NDArray[np.bool_] | NDArray[np.int64]) -> "RoutingTrace":
        """The same trace with the chosen tokens alone (a mask or ascending indices)."""
        return RoutingTrace(
            model=self.model,
            experts_TLK=self.experts_TLK[tokens],
            gates_TLK=self.gates_TLK[tokens],
            step_T=self.step_T[tokens],
            prompt_T=self.prompt_T[tokens],
            position_T=self.position_T[tokens],
            domain_T=self.domain_T[tokens],
            domains=self.domains,
        )

    def of_domain(self, domain: str) -> "RoutingTrace":
        """The tokens of one domain."""
        return self.of(self.domain_T == self.domains.index(domain))


class TraceWriter:
    """Writes a trace larger than memory piece by piece; on a failure ``path`` stays untouched.

    Args:
        path: The Parquet file.
        model: Of which model the trace is.
        domains: Names of all domains.
    """

    def __init__(self, path: Path, *, model: ModelIdentity, domains: tuple[str, ...]) -> None:
        import pyarrow.parquet as pq  # noqa: PLC0415 - a third of a second, needed only here

        self._path = path
        self._partial = path.with_name(f".{path.name}.partial")
        schema = _table(_empty(model, domains)).schema
        with _writing(path):
            self._file = pq.ParquetWriter(self._partial, schema, compression="zstd")

    def __enter__(self) -> Self:
        return self

    def add(self, piece: RoutingTrace) -> None:
        """Append some tokens; their steps go on from those before.

        Raises:
            OutputError: It cannot be written.
        """
        with _writing(self._path):
            self._file.write_table(_table(piece))

    def __exit__(self, kind: type[BaseException] | None, *_about: object) -> None:
        try:
            with _writing(self._path):
                self._file.close()
                if kind is None:
                    self._partial.replace(self._path)
        finally:
            self._partial.unlink(missing_ok=True)


def save_trace(trace: RoutingTrace, path: Path) -> None:
    """Write a trace as Parquet; ``path`` is either the whole file or untouched.

    Raises:
        OutputError: It cannot be written.
    """
    with TraceWriter(path, model=trace.model, domains=trace.domains) as writer:
        writer.add(trace)


def load_trace(path: Path) -> RoutingTrace:
    """Read a trace.

    Raises:
        TraceError: The file is missing, damaged, of a later version, or no trace.
    """
    import pyarrow as pa  # noqa: PLC0415 - a third of a second, needed only here
    import pyarrow.parquet as pq  # noqa: PLC0415 - the same

    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise TraceError(f"The trace {path} cannot be read: {error}.") from error
    about = (table.schema.metadata or {}).get(_METADATA_KEY)
    if about is None:
        raise TraceError(
            f"{path} is not a routing trace.", fix="Make one with `expertswap observe --trace`."
        )
    header = json.loads(about)
    if header["version"] > SCHEMA_VERSION:
        raise TraceError(f"{path} was written by a later expertswap.", fix="Upgrade expertswap.")
    return _trace(table, header, path)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(f"The trace {path} cannot be written: {error}.") from error


def _empty(model: ModelIdentity, domains: tuple[str, ...]) -> RoutingTrace:
    shape = (0, len(model.shape.moe_layers), model.shape.top_k)
    return RoutingTrace(
        model=model,
        experts_TLK=np.empty(shape, np.int16),
        gates_TLK=np.empty(shape, np.float32),
        step_T=np.empty(0, np.int32),
        prompt_T=np.empty(0, np.int32),
        position_T=np.empty(0, np.int32),
        domain_T=np.empty(0, np.int16),
        domains=domains,
    )


def _table(trace: RoutingTrace) -> "pa.Table":
    import pyarrow as pa  # noqa: PLC0415 - a third of a second, needed only here

    shape = trace.model.shape
    num_layers, top_k = len(shape.moe_layers), trace.experts_TLK.shape[2]

    def per_layer(values_T: NDArray[Any]) -> NDArray[Any]:
        return np.repeat(values_T, num_layers)

    def lists(values_TLK: NDArray[Any]) -> "pa.FixedSizeListArray":
        return pa.FixedSizeListArray.from_arrays(pa.array(values_TLK.reshape(-1)), top_k)

    header = {"version": SCHEMA_VERSION, "domains": trace.domains, "model": asdict(trace.model)}
    return pa.table(
        {
            "step": per_layer(trace.step_T),
            "prompt": per_layer(trace.prompt_T),
            "domain": pa.DictionaryArray.from_arrays(
                pa.array(per_layer(trace.domain_T)), pa.array(trace.domains, pa.string())
            ),
            "token": per_layer(trace.position_T),
            "layer": np.tile(np.array(shape.moe_layers, np.int16), trace.num_tokens),
            "experts": lists(trace.experts_TLK),
            "gates": lists(trace.gates_TLK),
        }
    ).replace_schema_metadata({_METADATA_KEY: json.dumps(header).encode()})


def _trace(table: "pa.Table", header: dict[str, Any], path: Path) -> RoutingTrace:
    model = identity_from_json(header["model"])
    num_layers = len(model.shape.moe_layers)
    if table.num_rows % num_layers:
        raise TraceError(f"{path} is damaged: its rows are not a multiple of the model's layers.")
    num_tokens = table.num_rows // num_layers
    columns = table.combine_chunks()

    def per_token(name: str, dtype: type) -> NDArray[Any]:
        values_T: NDArray[Any] = columns[name].to_numpy()[::num_layers].astype(dtype)
        return values_T

    def lists(name: str, dtype: type) -> NDArray[Any]:
        flat: NDArray[Any] = columns[name].combine_chunks().flatten().to_numpy()
        return flat.reshape(num_tokens, num_layers, model.shape.top_k).astype(dtype, copy=False)

    domain = columns["domain"].combine_chunks().indices.to_numpy()[::num_layers]
    return RoutingTrace(
        model=model,
        experts_TLK=lists("experts", np.int16),
        gates_TLK=lists("gates", np.float32),
        step_T=per_token("step", np.int32),
        prompt_T=per_token("prompt", np.int32),
        position_T=per_token("token", np.int32),
        domain_T=domain.astype(np.int16),
        domains=tuple(header["domains"]),
    )


def identity_from_json(values: dict[str, Any]) -> ModelIdentity:
    """A model's identity as ``asdict`` made it and JSON kept it."""
    shape = dict(values["shape"])
    shape["moe_layers"] = tuple(shape["moe_layers"])
    return ModelIdentity(
        name=values["name"], fingerprint=values["fingerprint"], shape=MoeShape(**shape)
    )
