"""Makes the variants of one model, by expertswap's own observation, pruning and rounding."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from math import gcd
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from transformers import PreTrainedModel

from expertswap.checkpoint import Checkpoint
from expertswap.observation import Observation, load_observation, save_observation
from expertswap.observe.loading import load_whole
from expertswap.observe.resuming import RunDirectory
from expertswap.observe.run import ObserveSettings, observe
from expertswap.prompts.jsonl import read_prompts
from expertswap.prompts.tokens import load_tokenizer, tokenize
from expertswap.prune.run import Pruning
from expertswap.quantize.packing import dequantize
from expertswap.quantize.rounding import round_to_nearest
from expertswap.quantize.scheme import WeightScheme
from tinymoe.study.variants import FULL_BITS, Variant

LARGEST_GROUP = 128


@dataclass(frozen=True, slots=True)
class Compressor:
    """Makes the variants of a model.

    Args:
        model: Its directory.
        observation: What was seen of it, all domains.
        device: Where variants are loaded to.
    """

    model: Path
    observation: Path
    device: torch.device

    @contextmanager
    def compressed(self, variant: Variant) -> Iterator[PreTrainedModel]:
        """A variant, ready to run; its files are there only in between."""
        with TemporaryDirectory(prefix="tinymoe-") as scratch:
            directory = self._pruned(variant, Path(scratch)) if variant.pruned else self.model
            checkpoint = Checkpoint.open(directory)
            model = load_whole(checkpoint, dtype=torch.bfloat16, device=self.device)
            if variant.bits != FULL_BITS:
                round_experts(model, WeightScheme(variant.bits, group_of(checkpoint)))
            yield model

    def _pruned(self, variant: Variant, scratch: Path) -> Path:
        assert variant.criterion is not None
        seen = load_observation(self.observation)
        selected = scratch / "mix.safetensors"
        save_observation(of_domains(seen, variant.mix.domains(seen.domains)), selected)
        pruning = Pruning.prepare(
            self.model,
            selected,
            criterion=variant.criterion,
            keep=1 - variant.pruned,
            seed=variant.draw,
        )
        pruning.write(scratch / "pruned")
        return scratch / "pruned"


def observe_all(model: Path, prompts: Path, out: Path, *, device: torch.device) -> None:
    """Observe a model on all calibration prompts, unless that is done."""
    if out.exists():
        return
    checkpoint = Checkpoint.open(model)
    length = int(checkpoint.config["max_position_embeddings"])
    tokens = tokenize(read_prompts(prompts), load_tokenizer(model), max_tokens=length)
    settings = ObserveSettings(dtype=torch.bfloat16, device=device, layerwise=False)
    directory = RunDirectory(out.with_suffix(".observing"))
    resume = directory.path.exists()
    found = observe(checkpoint, tokens.prompts, settings, directory=directory, resume=resume)
    save_observation(found, out)
    directory.remove()


def of_domains(observation: Observation, domains: Sequence[str]) -> Observation:
    """The same observation as if the prompts of some domains alone had been observed.

    Only of what is kept by domain: the largest activations and what was used together stay those of
    all prompts, and no criterion here looks at them.
    """
    rows = [observation.domains.index(domain) for domain in domains]
    names = [field.name for field in fields(observation) if "_D" in field.name]
    by_domain = {name: getattr(observation, name)[rows] for name in names}
    return replace(observation, domains=tuple(domains), **by_domain)


def group_of(checkpoint: Checkpoint) -> int:
    """The largest group that fills the rows of all experts, up to the usual one."""
    shape = checkpoint.shape
    return min(LARGEST_GROUP, gcd(shape.hidden_size, shape.expert_width))


@torch.no_grad()
def round_experts(model: PreTrainedModel, scheme: WeightScheme) -> None:
    """Put in place of the experts' weights what few bits can hold of them."""
    for name, weight in model.named_parameters():
        if ".experts." in name:
            weight.copy_(dequantize(round_to_nearest(weight, scheme)))
