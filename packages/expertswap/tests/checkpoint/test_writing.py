import json
import resource
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from expertswap.checkpoint import ByteRange, Checkpoint, CheckpointWriter
from expertswap.checkpoint.whole_directory import check_output
from expertswap.errors import CheckpointDamaged, OutputError

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - another file system, used through tempfile


@contextmanager
def no_file_larger_than(nbytes: int) -> Iterator[None]:
    """What a full disk does, by a limit that the system enforces on this process."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (nbytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def write_copy(source: Path, out: Path, *, max_shard_bytes: int = 30_000) -> None:
    checkpoint = Checkpoint.open(source)
    with CheckpointWriter(out, like=checkpoint, max_shard_bytes=max_shard_bytes) as writer:
        for name, entry in checkpoint.tensors.items():
            writer.copy(name, entry)


@pytest.mark.parametrize("max_shard_bytes", [30_000, 10**9])
def test_a_copy_has_the_same_tensors_and_files(
    tiny_qwen3: Path, tmp_path: Path, max_shard_bytes: int
) -> None:
    write_copy(tiny_qwen3, tmp_path / "out", max_shard_bytes=max_shard_bytes)
    before, after = Checkpoint.open(tiny_qwen3), Checkpoint.open(tmp_path / "out")
    assert after.fingerprint == before.fingerprint
    assert set(after.tensors) == set(before.tensors)
    for name in before.tensors:
        assert torch.equal(after.read(name), before.read(name))
    others = {path.name for path in tiny_qwen3.iterdir() if "safetensors" not in path.name}
    assert others <= {path.name for path in (tmp_path / "out").iterdir()}
    sizes = [path.stat().st_size for path in (tmp_path / "out").glob("*.safetensors")]
    assert all(size < max_shard_bytes + 10_000 for size in sizes)


def test_tensors_in_memory_and_copied_parts_stand_side_by_side(
    tiny_qwen3: Path, tmp_path: Path
) -> None:
    checkpoint = Checkpoint.open(tiny_qwen3)
    odd = torch.arange(3, dtype=torch.int8)
    router = "model.layers.0.mlp.gate.weight"
    entry = checkpoint.tensors[router]
    row = entry.nbytes // 8
    with CheckpointWriter(tmp_path / "out", like=checkpoint) as writer:
        writer.add("odd", odd)
        writer.add("empty", torch.empty(0, 4, dtype=torch.bfloat16))
        ranges = [ByteRange(entry.shard, entry.offset + i * row, row) for i in (5, 2)]
        writer.copy("rows", entry, shape=(2, 32), ranges=ranges)
        writer.config = {"anything": 1}
        writer.documents["more.json"] = [1]
    written = load_file(tmp_path / "out" / "model.safetensors")
    assert torch.equal(written["odd"], odd)
    assert written["empty"].shape == (0, 4)
    assert torch.equal(written["rows"], checkpoint.read(router)[[5, 2]])
    assert json.loads((tmp_path / "out" / "config.json").read_text()) == {"anything": 1}
    assert json.loads((tmp_path / "out" / "more.json").read_text()) == [1]


@pytest.mark.skipif(not SHARED_MEMORY.is_dir(), reason="needs a second file system")
def test_bytes_go_from_one_file_system_to_another(tiny_qwen3: Path) -> None:
    with tempfile.TemporaryDirectory(dir=SHARED_MEMORY) as other:
        out = Path(other) / "out"
        write_copy(tiny_qwen3, out)
        before, after = Checkpoint.open(tiny_qwen3), Checkpoint.open(out)
        assert all(torch.equal(after.read(name), before.read(name)) for name in before.tensors)


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([torch.bfloat16, torch.float32, torch.uint8, torch.int64, torch.bool]),
            st.lists(st.integers(0, 3), max_size=3),
        ),
        max_size=6,
    )
)
def test_safetensors_reads_any_mixture(
    tmp_path_factory: pytest.TempPathFactory,
    tiny_qwen3: Path,
    kinds: list[tuple[torch.dtype, list[int]]],
) -> None:
    out = tmp_path_factory.mktemp("mixture") / "out"
    tensors = {f"t{i}": torch.ones(shape).to(dtype) for i, (dtype, shape) in enumerate(kinds)}
    with CheckpointWriter(out, like=Checkpoint.open(tiny_qwen3)) as writer:
        for name, tensor in tensors.items():
            writer.add(name, tensor)
    written = load_file(out / "model.safetensors")
    assert set(written) == set(tensors)
    assert all(torch.equal(written[name], tensors[name]) for name in tensors)


def test_a_name_is_given_once(tiny_qwen3: Path, tmp_path: Path) -> None:
    checkpoint = Checkpoint.open(tiny_qwen3)
    with (
        pytest.raises(ValueError, match="added before"),
        CheckpointWriter(tmp_path / "out", like=checkpoint) as writer,
    ):
        writer.add("twice", torch.ones(1))
        writer.add("twice", torch.ones(1))
    assert list(tmp_path.iterdir()) == []


def test_an_existing_output_is_refused(tiny_qwen3: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(OutputError, match="exists"):
        write_copy(tiny_qwen3, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_disk_without_room_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"out has 909\.5 TiB, and .* free"):
        check_output(tmp_path / "deep" / "out", nbytes=10**15)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_nothing(tiny_qwen3: Path, tmp_path: Path) -> None:
    with no_file_larger_than(20_000), pytest.raises(OutputError, match="could not be written"):
        write_copy(tiny_qwen3, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_an_interruption_leaves_nothing(tiny_qwen3: Path, tmp_path: Path) -> None:
    checkpoint = Checkpoint.open(tiny_qwen3)

    def interrupt(nbytes: int) -> None:
        assert any(path.name.startswith(".out.partial") for path in tmp_path.iterdir())
        raise KeyboardInterrupt

    with (
        pytest.raises(KeyboardInterrupt),
        CheckpointWriter(tmp_path / "out", like=checkpoint, progress=interrupt) as writer,
    ):
        for name, entry in checkpoint.tensors.items():
            writer.copy(name, entry)
    assert list(tmp_path.iterdir()) == []


def test_a_source_that_shrinks_meanwhile_is_noticed(tiny_qwen3: Path, tmp_path: Path) -> None:
    write_copy(tiny_qwen3, tmp_path / "source", max_shard_bytes=10**9)
    checkpoint = Checkpoint.open(tmp_path / "source")
    shard = tmp_path / "source" / "model.safetensors"
    shard.write_bytes(shard.read_bytes()[:-100])
    with (
        pytest.raises(CheckpointDamaged, match="ended while"),
        CheckpointWriter(tmp_path / "out", like=checkpoint) as writer,
    ):
        for name, entry in checkpoint.tensors.items():
            writer.copy(name, entry)
    assert not (tmp_path / "out").exists()


def test_weights_of_other_formats_do_not_come_along(tiny_qwen3: Path, tmp_path: Path) -> None:
    write_copy(tiny_qwen3, tmp_path / "source")
    (tmp_path / "source" / "pytorch_model.bin").write_bytes(b"x")
    for folder, name in (("original", "weights.pt"), ("templates", "chat.jinja")):
        (tmp_path / "source" / folder).mkdir()
        (tmp_path / "source" / folder / name).write_text("x")
    write_copy(tmp_path / "source", tmp_path / "out")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert "templates" in names
    assert names.isdisjoint({"pytorch_model.bin", "original"})
