"""Gets a checkpoint's weights into transformers' own model: all of them, or some at a time."""

import logging
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel
from transformers.conversion_mapping import get_model_conversion_mapping
from transformers.core_model_loading import convert_and_load_state_dict_in_model
from transformers.modeling_utils import LoadStateDictConfig
from transformers.utils import logging as transformers_logging

from expertswap.checkpoint.reading import Checkpoint
from expertswap.errors import CheckpointDamaged, CheckpointError, ExpertswapError
from expertswap.observe.memory import give_back_freed

_META = torch.device("meta")
_NO_READING_AHEAD = "HF_DEACTIVATE_ASYNC_LOAD"


def stored_dtype(checkpoint: Checkpoint) -> torch.dtype:
    """The type in which most of the weights are stored; configurations do not always tell it."""
    bytes_by_type = dict.fromkeys((torch.bfloat16, torch.float16, torch.float32), 0)
    for entry in checkpoint.tensors.values():
        if entry.dtype in bytes_by_type:
            bytes_by_type[entry.dtype] += entry.nbytes
    return max(bytes_by_type, key=lambda dtype: bytes_by_type[dtype])


def load_whole(
    checkpoint: Checkpoint, *, dtype: torch.dtype, device: torch.device
) -> PreTrainedModel:
    """The model with all its weights.

    Args:
        checkpoint: What to load.
        dtype: Of the weights.
        device: Where the weights go.

    Raises:
        CheckpointDamaged: Weights are missing or of another shape.
    """
    with _quiet(), _told(checkpoint):
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            checkpoint.path,
            dtype=dtype,
            local_files_only=True,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
        )
    model, about = loaded
    if missing := sorted(about["missing_keys"]) or sorted(map(str, about["mismatched_keys"])):
        raise _missing(checkpoint, missing)
    placed: PreTrainedModel = model.to(device)
    return placed


class Skeleton:
    """A model without weights, which are put in and taken out again module by module.

    Args:
        checkpoint: Where the weights are.
        dtype: Of the weights.
        device: Where the weights go.
    """

    def __init__(self, checkpoint: Checkpoint, *, dtype: torch.dtype, device: torch.device) -> None:
        if "quantization_config" in checkpoint.config:
            raise CheckpointError(
                f"The weights of {checkpoint.path} are quantised, and cannot be loaded layer by"
                " layer.",
                fix="Observe it with --whole, or observe the model that it was made from.",
            )
        with _quiet(), _told(checkpoint), _META:
            config = AutoConfig.from_pretrained(checkpoint.path, local_files_only=True)
            model = AutoModelForCausalLM.from_config(config, dtype=dtype)  # type: ignore[no-untyped-call] # transformers is partly typed
        self.model: PreTrainedModel = model.eval()
        self.device = device
        self._checkpoint = checkpoint
        self._fill_buffers()

    @contextmanager
    def weights_of(self, module: nn.Module, names: Collection[str]) -> Iterator[None]:
        """Hold a module's weights for a while.

        Args:
            module: Of the model.
            names: The checkpoint's tensors of that module.

        Raises:
            CheckpointDamaged: Weights of the module are missing.
        """
        self._load(names)
        own = next(name for name, one in self.model.named_modules() if one is module)
        weights = module.named_parameters(prefix=own)
        lacking = [name for name, weight in weights if weight.device == _META]
        if lacking:
            raise _missing(self._checkpoint, lacking)
        try:
            yield
        finally:
            module.to(_META)
            give_back_freed()

    def _load(self, names: Collection[str]) -> None:
        """As ``from_pretrained`` loads: its renamings, fusions and types, for some tensors."""
        dtype = self.model.dtype
        config = LoadStateDictConfig(
            device_map={"": self.device},
            dtype=dtype,
            dtype_plan=self.model._get_dtype_plan(dtype),
            weight_mapping=get_model_conversion_mapping(self.model),  # type: ignore[arg-type] # as from_pretrained gives it
        )
        lazy = {name: _LazyTensor(self._checkpoint, name) for name in names}
        with _quiet(), _told(self._checkpoint), _one_at_a_time():
            convert_and_load_state_dict_in_model(self.model, lazy, config)
        give_back_freed()

    def _fill_buffers(self) -> None:
        """Compute what no checkpoint holds, such as rotary frequencies."""
        unsaved = {name.rpartition(".")[0] for name, _ in self.model.named_non_persistent_buffers()}
        for name in unsaved:
            module = self.model.get_submodule(name)
            module.to_empty(device=self.device, recurse=False)
            self.model._init_weights(module)  # type: ignore[no-untyped-call] # transformers is partly typed


class _LazyTensor:
    """Stands for a tensor until the loader takes a slice of it."""

    def __init__(self, checkpoint: Checkpoint, name: str) -> None:
        self._checkpoint = checkpoint
        self._name = name

    def __getitem__(self, _everything: Any) -> Tensor:
        return self._checkpoint.read(self._name)


def _missing(checkpoint: Checkpoint, names: Collection[str]) -> CheckpointDamaged:
    first, *_ = sorted(names)
    return CheckpointDamaged(
        f"{checkpoint.path} does not hold all weights of its model: {len(names)} are missing or of"
        f" another shape, for instance {first}."
    )


@contextmanager
def _told(checkpoint: Checkpoint) -> Iterator[None]:
    """What transformers cannot load is one sentence; its errors have no common type."""
    try:
        yield
    except ExpertswapError:
        raise
    except Exception as error:
        told = str(error).strip() or type(error).__name__
        raise CheckpointError(f"transformers cannot load {checkpoint.path}: {told}") from error


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Let transformers read a tensor when it is needed, instead of all of them ahead."""
    before = os.environ.get(_NO_READING_AHEAD)
    os.environ[_NO_READING_AHEAD] = "1"
    try:
        yield
    finally:
        del os.environ[_NO_READING_AHEAD]
        if before is not None:
            os.environ[_NO_READING_AHEAD] = before


@contextmanager
def _quiet() -> Iterator[None]:
    """Without transformers' own progress bars and reports; ours say more."""
    level, bars = (
        transformers_logging.get_verbosity(),
        transformers_logging.is_progress_bar_enabled(),
    )
    transformers_logging.set_verbosity(logging.ERROR)
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call] # transformers is partly typed
    try:
        yield
    finally:
        transformers_logging.set_verbosity(level)
        if bars:
            transformers_logging.enable_progress_bar()  # type: ignore[no-untyped-call] # transformers is partly typed
