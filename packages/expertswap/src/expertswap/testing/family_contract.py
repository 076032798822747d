"""The contract of families as tests: subclass, say how to make a tiny model, and run pytest.

::

    class TestMine(FamilyContract):
        family = MINE

        @pytest.fixture(scope="class")
        @classmethod
        def original(cls, tmp_path_factory) -> Path:
            path = tmp_path_factory.mktemp("mine")
            MineForCausalLM(MineConfig(num_experts=8, ...)).save_pretrained(path)
            return path

The model needs at least four experts per token's two, and no other axis of a router may be as long
as its experts are many. Give every weight and bias random values, or a forgotten one may pass.
Needs pytest.
"""

# ruff: noqa: D102, S101  # these are tests: made of asserts, with names that say what they show

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
from torch import nn

from expertswap.checkpoint import Checkpoint
from expertswap.families.base import ExpertTensor, Family
from expertswap.prune.choosing import Choice, choose
from expertswap.prune.criterion import Criterion
from expertswap.prune.streaming import pruned_bytes, write_pruned


@dataclass(frozen=True, slots=True)
class Pruned:
    """A model and what was pruned of it.

    Args:
        original: The model.
        choice: Which experts stayed.
        path: The pruned model's directory.
    """

    original: Checkpoint
    choice: Choice
    path: Path


class FamilyContract:
    """What pruning relies on in a family."""

    family: ClassVar[Family | None] = None

    @pytest.fixture(scope="class")
    @classmethod
    def original(cls) -> Path:
        """A tiny model's directory; override it."""
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def pruned(cls, original: Path, tmp_path_factory: pytest.TempPathFactory) -> Pruned:
        """The model without a random half of its experts."""
        checkpoint = Checkpoint.open(original, family=cls.family)
        choice = choose(checkpoint, None, criterion=Criterion.RANDOM, keep=0.5, seed=1)
        path = tmp_path_factory.mktemp("pruned") / "model"
        kept = choice.by_layer(checkpoint)
        half = pruned_bytes(checkpoint, kept) // 2
        write_pruned(checkpoint, path, kept, documents={}, max_shard_bytes=half)
        return Pruned(checkpoint, choice, path)

    def load(self, path: Path) -> tuple[nn.Module, dict[str, Any]]:
        """The model, and what transformers says of its keys; override it for other classes."""
        from transformers import AutoModelForCausalLM  # noqa: PLC0415 - seconds

        loaded: Any = AutoModelForCausalLM.from_pretrained(path, output_loading_info=True)
        return loaded[0].eval(), loaded[1]

    def test_every_layer_agrees_with_its_name(self, pruned: Pruned) -> None:
        original = pruned.original
        for name in original.tensors:
            if found := original.locate(name):
                assert original.family.layer_of(name) == found.layer
            if isinstance(found, ExpertTensor):
                assert found.template.format(expert=found.expert) == name

    def test_the_names_that_stay_are_those_of_a_smaller_model(self, pruned: Pruned) -> None:
        original, num_kept = pruned.original, pruned.choice.num_kept
        expected = {
            name
            for name in original.tensors
            if not isinstance(found := original.locate(name), ExpertTensor)
            or found.expert < num_kept
        }
        after = Checkpoint.open(pruned.path, family=self.family)
        assert set(after.tensors) == expected
        assert after.shape.num_experts == num_kept

    def test_the_size_is_as_predicted(self, pruned: Pruned) -> None:
        after = Checkpoint.open(pruned.path, family=self.family)
        kept = pruned.choice.by_layer(pruned.original)
        written = sum(entry.nbytes for entry in after.tensors.values())
        assert written == pruned_bytes(pruned.original, kept)
        removed = pruned.original.shape.num_experts - pruned.choice.num_kept
        before = sum(entry.nbytes for entry in pruned.original.tensors.values())
        assert before - written >= pruned.original.expert_bytes * removed * len(kept)

    def test_nothing_else_of_the_configuration_changes(self, pruned: Pruned) -> None:
        original, num_experts = pruned.original, pruned.original.shape.num_experts
        config = json.loads((pruned.path / "config.json").read_text())
        again = original.family.with_experts(config, num_experts)
        assert again == original.family.with_experts(original.config, num_experts)
        assert original.family.shape(again) == original.shape

    def test_it_loads_and_computes_what_the_original_does_with_those_experts(
        self, pruned: Pruned
    ) -> None:
        expected, _ = self.load(pruned.original.path)
        restrict(expected, pruned.original, pruned.choice)
        model, said = self.load(pruned.path)
        assert not any(said[kind] for kind in ("missing_keys", "unexpected_keys"))
        assert not said["mismatched_keys"]
        assert torch.equal(_logits(model), _logits(expected))


def restrict(model: nn.Module, checkpoint: Checkpoint, choice: Choice) -> None:
    """Take the experts that do not stay, and their places in the routers, out of a live model.

    It works on the modules as transformers builds them, and so by another way than pruning does.

    Args:
        model: The original, changed in place.
        checkpoint: Where it was loaded from.
        choice: Which experts stay.
    """
    num_experts = checkpoint.shape.num_experts
    blocks = list(_blocks(model))
    assert len(blocks) == len(choice.kept_LK), "every layer with experts is found"
    for block, experts in zip(blocks, torch.from_numpy(choice.kept_LK), strict=True):
        for module in _routing(block):
            for _, values in _own_tensors(module):
                if num_experts in values.shape:
                    axis = values.shape.index(num_experts)
                    values.data = values.data.index_select(axis, experts)
            for name, value in vars(module).items():
                if "expert" in name and value == num_experts:
                    setattr(module, name, len(experts))


def _blocks(model: nn.Module) -> Iterator[nn.Module]:
    """The blocks of router and experts, in the order of the layers."""
    return (
        module
        for module in model.modules()
        if isinstance(experts := getattr(module, "experts", None), nn.Module)
        and any(True for _ in experts.parameters())
    )


def _routing(block: nn.Module) -> Iterator[nn.Module]:
    """A block's modules but for its shared experts."""
    for name, module in block.named_modules():
        if "shared" not in name:
            yield module


def _own_tensors(module: nn.Module) -> list[tuple[str, torch.Tensor]]:
    return [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]


@torch.no_grad()
def _logits(model: nn.Module) -> torch.Tensor:
    tokens = torch.randint(0, 200, (2, 24), generator=torch.Generator().manual_seed(0))
    logits: torch.Tensor = model(tokens).logits
    return logits
