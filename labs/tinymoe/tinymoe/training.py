"""Training of one model on prepared text, the same every time on one machine."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import PreTrainedModel

from tinymoe.model import balance_loss, next_token_loss
from tinymoe.prepare import TOKENS
from tinymoe.sizes import Size
from tinymoe.text import Domain

WARM_UP, DECAY = 0.05, 0.5  # shares of the steps, at the beginning and at the end
WEIGHT_DECAY = 0.1
GRADIENT_NORM = 1.0
PROGRESS_LINES = 20


@dataclass(frozen=True, slots=True)
class Progress:
    """Where training is.

    Args:
        step: Steps done.
        loss: Of the next token, in nats, mean since the progress before.
        balance: 1 where all experts are used alike.
        elapsed_s: Since the first step.
    """

    step: int
    loss: float
    balance: float
    elapsed_s: float


class Optimizer:
    """AdamW on float32 copies of the parameters of a model that may compute in bfloat16."""

    def __init__(self, model: nn.Module, *, learning_rate: float) -> None:
        self._parameters: list[Tensor] = list(model.parameters())
        self._masters = [p.detach().float().clone() for p in self._parameters]
        matrices = [p for p in self._masters if p.ndim >= 2]
        vectors = [p for p in self._masters if p.ndim < 2]
        groups = [
            {"params": matrices, "weight_decay": WEIGHT_DECAY},
            {"params": vectors, "weight_decay": 0.0},
        ]
        self._adam = torch.optim.AdamW(groups, lr=learning_rate, betas=(0.9, 0.95), fused=True)
        self._learning_rate = learning_rate

    @torch.no_grad()
    def step(self, *, scale: float) -> None:
        """Change the model by its gradients, at a part of the learning rate, and clear them."""
        for master, parameter in zip(self._masters, self._parameters, strict=True):
            assert parameter.grad is not None
            master.grad = parameter.grad.float()
            parameter.grad = None
        nn.utils.clip_grad_norm_(self._masters, GRADIENT_NORM)
        for group in self._adam.param_groups:
            group["lr"] = self._learning_rate * scale
        self._adam.step()
        torch._foreach_copy_(self._parameters, self._masters)


def train(
    model: PreTrainedModel, prepared: Path, *, size: Size, seed: int, steps: int
) -> Iterator[Progress]:
    """Train a model where it is; gives progress about twenty times."""
    rows = batches(prepared, size=size, seed=seed, device=model.device)
    optimizer = Optimizer(model, learning_rate=size.learning_rate)
    model.train()
    losses, started_s, every = [], time.perf_counter(), max(1, steps // PROGRESS_LINES)
    for step in range(steps):
        tokens_BT = next(rows)
        outputs = model(tokens_BT, use_cache=False, output_router_logits=True)
        loss = next_token_loss(outputs.logits, tokens_BT)
        balance = balance_loss(outputs.router_logits, top_k=size.top_k)
        torch.autograd.backward(loss + size.balance * balance)
        optimizer.step(scale=schedule(step / steps))
        losses.append(torch.stack([loss.detach(), balance.detach()]))
        if (step + 1) % every == 0 or step + 1 == steps:
            mean_loss, mean_balance = torch.stack(losses).mean(dim=0).tolist()
            yield Progress(step + 1, mean_loss, mean_balance, time.perf_counter() - started_s)
            losses = []
    model.train(False)


def schedule(done: float) -> float:
    """The part of the learning rate: linearly up, constant, linearly down to nothing."""
    return min((done + 1e-3) / WARM_UP, 1.0, (1 - done) / DECAY)


def batches(prepared: Path, *, size: Size, seed: int, device: torch.device) -> Iterator[Tensor]:
    """Rows (B, T) from random places, as many of each domain, without end."""
    by_domain = load_file(prepared / TOKENS)
    lengths = torch.tensor([len(by_domain[domain]) for domain in Domain])
    starts = (lengths.cumsum(0) - lengths).to(device)
    tokens = torch.cat([by_domain[domain] for domain in Domain]).to(torch.int32).to(device)
    last = (lengths - size.context).to(device)
    domain_B = torch.arange(size.rows, device=device) % len(Domain)
    within_T = torch.arange(size.context, device=device)
    chance = torch.Generator(device).manual_seed(seed)
    while True:
        place_B = torch.rand(size.rows, generator=chance, device=device) * last[domain_B]
        rows_BT = (starts[domain_B] + place_B.long())[:, None] + within_T
        yield tokens[rows_BT].long()
