import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from expertswap.checkpoint import Checkpoint, CheckpointWriter
from expertswap.errors import CheckpointDamaged, CheckpointError, NotMixtureOfExperts, UnknownFamily

INDEX = "model.safetensors.index.json"


@pytest.fixture
def model(tiny_qwen3: Path, tmp_path: Path) -> Path:
    """A model of several shards that a test may spoil."""
    return shutil.copytree(tiny_qwen3, tmp_path / "model")


def shards(model: Path) -> list[Path]:
    return sorted(model.glob("*.safetensors"))


def change_json(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    values = json.loads(path.read_text())
    change(values)
    path.write_text(json.dumps(values))


def write_header(shard: Path, tensors: dict[str, Any], nbytes: int) -> None:
    header = json.dumps(tensors).encode()
    shard.write_bytes(struct.pack("<Q", len(header)) + header + bytes(nbytes))


def test_a_truncated_shard(model: Path) -> None:
    shard = shards(model)[1]
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(CheckpointDamaged, match=f"{shard.name} is truncated"):
        Checkpoint.open(model)


def test_a_shard_with_bytes_too_many(model: Path) -> None:
    shard = shards(model)[1]
    shard.write_bytes(shard.read_bytes() + b"x")
    with pytest.raises(CheckpointDamaged, match=f"{shard.name} is damaged"):
        Checkpoint.open(model)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x01",
        b"\xff" * 64,
        struct.pack("<Q", 5) + b"[1,2]",
        b"<html>Not found",
        struct.pack("<Q", 10**5) + b"[" * 10**5,
    ],
)
def test_a_shard_that_is_none(model: Path, content: bytes) -> None:
    shard = shards(model)[0]
    shard.write_bytes(content)
    with pytest.raises(CheckpointDamaged, match=f"{shard.name} has no safetensors header"):
        Checkpoint.open(model)


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F99", "shape": [2], "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]},
        {"dtype": "F32", "shape": [-2], "data_offsets": [8, 0]},
        {"dtype": "F32", "shape": [-1, -2], "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": [2.0], "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": "2", "data_offsets": [0]},
        {"dtype": "F32", "shape": [2]},
        {"dtype": ["F32"], "shape": [2], "data_offsets": [0, 8]},
        7,
    ],
)
def test_a_header_that_contradicts_itself(model: Path, entry: object) -> None:
    shard = shards(model)[0]
    write_header(shard, {"a": entry}, 8)
    with pytest.raises(CheckpointDamaged, match=f"{shard.name} is damaged"):
        Checkpoint.open(model)


def test_an_index_that_names_a_missing_shard(model: Path) -> None:
    shards(model)[2].unlink()
    with pytest.raises(CheckpointDamaged, match=r"model-00003-of-.* is missing, though"):
        Checkpoint.open(model)


def test_an_index_that_names_a_missing_tensor(model: Path) -> None:
    first = shards(model)[0].name
    change_json(model / INDEX, lambda index: index["weight_map"].update(ghost=first))
    with pytest.raises(CheckpointDamaged, match="does not hold ghost"):
        Checkpoint.open(model)


@pytest.mark.parametrize("shard", ["../elsewhere.safetensors", "/etc/passwd"])
def test_an_index_that_leads_elsewhere(model: Path, shard: str) -> None:
    change_json(model / INDEX, lambda index: index["weight_map"].update(ghost=shard))
    with pytest.raises(CheckpointDamaged, match="outside its directory"):
        Checkpoint.open(model)


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"weight_map": {}}', '{"weight_map": 3}', '{"weight_map": {"a": []}}']
)
def test_an_index_that_is_none(model: Path, text: str) -> None:
    (model / INDEX).write_text(text)
    with pytest.raises(CheckpointDamaged, match=INDEX):
        Checkpoint.open(model)


def test_no_index_and_no_single_file(model: Path) -> None:
    (model / INDEX).unlink()
    with pytest.raises(CheckpointError, match="has neither"):
        Checkpoint.open(model)


def test_no_directory(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"config\.json cannot be read"):
        Checkpoint.open(tmp_path / "nothing")


def test_a_configuration_that_is_no_json(model: Path) -> None:
    (model / "config.json").write_text("model_type: qwen3")
    with pytest.raises(CheckpointDamaged, match=r"config\.json is not JSON"):
        Checkpoint.open(model)


def test_a_dense_model(model: Path) -> None:
    change_json(model / "config.json", lambda config: config.pop("num_local_experts"))
    with pytest.raises(NotMixtureOfExperts):
        Checkpoint.open(model)


def test_an_unknown_family(model: Path) -> None:
    change_json(model / "config.json", lambda config: config.update(model_type="jetmoe"))
    with pytest.raises(UnknownFamily):
        Checkpoint.open(model)


def test_a_count_that_the_weights_contradict(model: Path) -> None:
    change_json(model / "config.json", lambda config: config.update(num_local_experts=16))
    with pytest.raises(CheckpointDamaged, match=r"gate\.weight .* has shape \(8, 32\)"):
        Checkpoint.open(model)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("model.layers.1.mlp.experts.5.up_proj.weight", r"lacks .*1\.mlp\.experts\.5\.up_proj"),
        ("model.layers.0.mlp.gate.weight", "router of layer 0"),
    ],
)
def test_a_tensor_that_is_missing(model: Path, name: str, message: str) -> None:
    weights = {key: value for shard in shards(model) for key, value in load_file(shard).items()}
    for path in (*shards(model), model / INDEX):
        path.unlink()
    del weights[name]
    save_file(weights, model / "model.safetensors")
    with pytest.raises(CheckpointDamaged, match=message):
        Checkpoint.open(model)


def test_a_tensor_that_does_not_exist(model: Path) -> None:
    with pytest.raises(CheckpointError, match="has no tensor ghost"):
        Checkpoint.open(model).read("ghost")


def test_a_shard_that_shrinks_after_it_was_opened(model: Path) -> None:
    checkpoint = Checkpoint.open(model)
    last = [*checkpoint.tensors.values()][-1]
    last.shard.write_bytes(last.shard.read_bytes()[:-1])
    with pytest.raises(CheckpointDamaged, match="ends within"):
        checkpoint.read(last.name)


def test_a_shard_that_goes_away_after_it_was_opened(model: Path, tmp_path: Path) -> None:
    checkpoint = Checkpoint.open(model)
    name, entry = [*checkpoint.tensors.items()][-1]
    entry.shard.unlink()
    with pytest.raises(CheckpointDamaged, match="No such file"):
        checkpoint.read(name)
    with (
        pytest.raises(CheckpointDamaged, match="No such file"),
        CheckpointWriter(tmp_path / "out", like=checkpoint) as writer,
    ):
        writer.copy(name, entry)
    assert not (tmp_path / "out").exists()


def test_a_type_that_torch_lacks(model: Path) -> None:
    checkpoint = Checkpoint.open(model)
    for path in (*shards(model), model / INDEX):
        path.unlink()
    tensors: dict[str, Any] = {}
    end = 0
    for name, entry in checkpoint.tensors.items():
        begin, end = end, end + entry.nbytes
        tensors[name] = {"dtype": "F32", "shape": entry.shape, "data_offsets": [begin, end]}
    tensors["odd"] = {"dtype": "F6_E2M3", "shape": [4], "data_offsets": [end, end + 3]}
    write_header(model / "model.safetensors", tensors, end + 3)
    again = Checkpoint.open(model)
    assert again.read("model.norm.weight").dtype == torch.float32
    with pytest.raises(CheckpointDamaged, match="F6_E2M3, which torch"):
        again.read("odd")
