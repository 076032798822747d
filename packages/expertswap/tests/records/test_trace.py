from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from expertswap.errors import TraceError
from expertswap.trace import RoutingTrace, load_trace, save_trace
from expertswap.types import ModelIdentity, MoeShape


def small_trace(*, num_tokens: int = 5) -> RoutingTrace:
    shape = MoeShape("qwen3_moe", (1, 3, 4), 16, 2, 8, 4)
    rng = np.random.default_rng(1)
    return RoutingTrace(
        model=ModelIdentity("tiny", "abc", shape),
        experts_TLK=rng.integers(0, 16, (num_tokens, 3, 2)).astype(np.int16),
        gates_TLK=rng.random((num_tokens, 3, 2)).astype(np.float32),
        step_T=np.arange(num_tokens, dtype=np.int32) // 2,
        prompt_T=np.arange(num_tokens, dtype=np.int32) % 2,
        position_T=np.arange(num_tokens, dtype=np.int32) // 2,
        domain_T=(np.arange(num_tokens) % 2).astype(np.int16),
        domains=("code", "prose"),
    )


@pytest.mark.parametrize("num_tokens", [0, 1, 5])
def test_a_trace_comes_back_as_it_was_saved(tmp_path: Path, num_tokens: int) -> None:
    trace = small_trace(num_tokens=num_tokens)
    save_trace(trace, tmp_path / "trace.parquet")
    again = load_trace(tmp_path / "trace.parquet")
    assert again.model == trace.model
    assert again.domains == trace.domains
    for name in ("experts_TLK", "gates_TLK", "step_T", "prompt_T", "position_T", "domain_T"):
        np.testing.assert_array_equal(getattr(again, name), getattr(trace, name))
        assert getattr(again, name).dtype == getattr(trace, name).dtype


def test_a_domain_has_its_own_tokens_alone() -> None:
    prose = small_trace().of_domain("prose")
    assert prose.num_tokens == 2
    assert set(prose.prompt_T) == {1}


def test_a_truncated_trace_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "trace.parquet"
    save_trace(small_trace(), path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(TraceError, match="cannot be read"):
        load_trace(path)


def test_another_parquet_file_is_no_trace(tmp_path: Path) -> None:
    pq.write_table(pa.table({"step": [1]}), tmp_path / "other.parquet")
    with pytest.raises(TraceError, match="not a routing trace"):
        load_trace(tmp_path / "other.parquet")
