"""The files of a checkpoint in Hugging Face's layout: configuration, index and shards."""

import json
from pathlib import Path
from typing import Any

from expertswap.checkpoint.headers import TensorEntry, read_header
from expertswap.errors import CheckpointDamaged, CheckpointError

CONFIG = "config.json"
INDEX = "model.safetensors.index.json"
SINGLE = "model.safetensors"
_WHAT_TO_GIVE = "Give the directory of a model in safetensors."


def read_config(path: Path) -> dict[str, Any]:
    """What ``config.json`` of a model's directory holds.

    Raises:
        CheckpointError: There is none.
        CheckpointDamaged: It is not JSON.
    """
    return _json(path / CONFIG, fix=_WHAT_TO_GIVE)


def read_index(path: Path) -> dict[str, TensorEntry]:
    """All tensors of a model's directory in the order of its files.

    Raises:
        CheckpointError: The directory holds no safetensors.
        CheckpointDamaged: The index and the shards do not agree, or one is damaged.
    """
    index = path / INDEX
    if not index.exists():
        if not (path / SINGLE).exists():
            raise CheckpointError(f"{path} has neither {INDEX} nor {SINGLE}.", fix=_WHAT_TO_GIVE)
        return {entry.name: entry for entry in read_header(path / SINGLE)}
    weight_map = _weight_map(index)
    tensors = {
        entry.name: entry
        for shard in sorted(set(weight_map.values()))
        for entry in read_header(_shard(path, shard))
        if weight_map.get(entry.name) == shard
    }
    if missing := weight_map.keys() - tensors.keys():
        name = min(missing)
        raise CheckpointDamaged(
            f"{path / weight_map[name]} does not hold {name}, as {INDEX} says;"
            f" {len(missing)} tensors are missing so."
        )
    return tensors


def _weight_map(index: Path) -> dict[str, str]:
    """By a tensor's name, the name of its shard."""
    weight_map = _json(index).get("weight_map")
    if (
        not isinstance(weight_map, dict)
        or not weight_map
        or not all(isinstance(shard, str) for shard in weight_map.values())
    ):
        raise CheckpointDamaged(f"{index} has no sound weight_map.", fix="Download it again.")
    return weight_map


def _shard(path: Path, name: str) -> Path:
    """A shard's path; an index may name files of its own directory alone."""
    if Path(name).name != name:
        raise CheckpointDamaged(f"{path / INDEX} names a shard outside its directory: {name!r}.")
    shard = path / name
    if not shard.is_file():
        raise CheckpointDamaged(
            f"{shard} is missing, though {INDEX} names it.", fix="Download it again."
        )
    return shard


def _json(path: Path, *, fix: str | None = None) -> dict[str, Any]:
    try:
        values = json.loads(path.read_bytes())
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}.", fix=fix) from error
    except (ValueError, RecursionError) as error:
        raise CheckpointDamaged(f"{path} is not JSON: {error}.") from error
    if not isinstance(values, dict):
        raise CheckpointDamaged(f"{path} is not a JSON object.")
    return values
