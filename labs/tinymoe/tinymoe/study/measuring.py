"""Measures variants of models: perplexity by domain, and how often they say what the full one says.

What is measured stays in ``measured.jsonl``, a line for each variant of each model, so that a study
that was interrupted goes on where it was.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the name that everybody knows it by
from torch import Tensor
from transformers import PreTrainedModel

from expertswap.prune.criterion import Criterion
from tinymoe.evaluation import same_lengths
from tinymoe.study.variants import Mix, Variant

Batches = Mapping[str, Sequence[Tensor]]


@dataclass(frozen=True, slots=True)
class Score:
    """Of one domain.

    Args:
        nats: Cost of a token, mean.
        agreement: Share of the tokens for which the likeliest is the full model's.
    """

    nats: float
    agreement: float


@dataclass(frozen=True, slots=True)
class Measured:
    """A variant of a model, and its scores by domain.

    Args:
        model: Which, by the name of its directory.
        machine: On what and with what it was measured.
        variant: Of it.
        scores: By domain.
    """

    model: str
    machine: str
    variant: Variant
    scores: Mapping[str, Score]


def batches_of(prompts: Mapping[str, Sequence[Tensor]], *, rows: int) -> dict[str, list[Tensor]]:
    """Token ids (B, T) by domain, without padding."""
    return {domain: list(same_lengths(ids, rows=rows)) for domain, ids in prompts.items()}


@torch.inference_mode()
def likeliest(model: PreTrainedModel, batches: Batches) -> dict[str, list[Tensor]]:
    """The tokens (B, T - 1) that a model would choose in place of each but the first."""
    return {
        domain: [_logits(model, tokens_BT).argmax(dim=-1).cpu() for tokens_BT in of_domain]
        for domain, of_domain in batches.items()
    }


@torch.inference_mode()
def scores(model: PreTrainedModel, batches: Batches, reference: Batches) -> dict[str, Score]:
    """Scores by domain.

    Args:
        model: Which to score.
        batches: Token ids (B, T).
        reference: What the full model would choose, (B, T - 1).
    """
    found = {}
    for domain, of_domain in batches.items():
        nats, agreed, predicted = 0.0, 0, 0
        for tokens_BT, chosen_BT in zip(of_domain, reference[domain], strict=True):
            logits = _logits(model, tokens_BT)
            targets = tokens_BT[:, 1:].to(model.device)
            loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum")
            nats += float(loss)
            agreed += int((logits.argmax(dim=-1).cpu() == chosen_BT).sum())
            predicted += targets.numel()
        found[domain] = Score(nats / predicted, agreed / predicted)
    return found


def _logits(model: PreTrainedModel, tokens_BT: Tensor) -> Tensor:
    """Scores (B, T - 1, vocabulary) of each token but the first, float32."""
    logits: Tensor = model(tokens_BT.to(model.device), use_cache=False).logits
    return logits[:, :-1].float()


def append(path: Path, measured: Measured) -> None:
    """Add a line."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(measured)) + "\n")


def read_measured(path: Path) -> Iterator[Measured]:
    """What is measured already; a line that was cut off counts as missing."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    for line in lines:
        try:
            values: dict[str, Any] = json.loads(line)
        except json.JSONDecodeError:
            continue
        variant = dict(values["variant"])
        variant["mix"] = Mix(**variant["mix"])
        variant["criterion"] = variant["criterion"] and Criterion(variant["criterion"])
        found = {domain: Score(**score) for domain, score in values["scores"].items()}
        yield Measured(values["model"], values["machine"], Variant(**variant), found)
