"""Learns from a trace how soon each expert is needed again.

For each layer one small network (``policies.forecast``) learns the discount until an expert's next
use, ``DISCOUNT`` to the power of the calls until then: one for the next call, towards nothing for
one that is long unused. Whoever evicts the lowest evicts, in expectation, whom Belady would.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, islice, repeat
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from expertswap.plan.lessons import Lesson, lesson
from expertswap.policies.forecast import Forecasts, LayerForecast
from expertswap.simulate.calls import Calls

FADES = (0.0, 0.5, 0.8, 0.9, 0.98)


@dataclass(frozen=True, slots=True)
class Teaching:
    """How the networks are taught.

    Args:
        reach: Layers on either side that a layer hears.
        hidden: Hidden units.
        epochs: Times that every call is seen, at least.
        least_steps: Steps, at least; a short trace is seen more often.
        discount: Of one call until the next use.
        batch: Calls of one step.
        learning_rate: The highest.
        weight_decay: Of AdamW.
        dropout: Of hidden units.
        seed: Of first weights and of the order.
    """

    reach: int = 8
    hidden: int = 128
    epochs: int = 6
    least_steps: int = 500
    discount: float = 0.9
    batch: int = 256
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    dropout: float = 0.2
    seed: int = 0


class Network(nn.Module):
    """The network of one layer, as torch trains it; ``LayerForecast`` is what comes of it.

    Shapes: B calls, N experts heard, R different ones, E experts, H hidden units, J clocks.
    """

    def __init__(self, *, heard: int, num_experts: int, teaching: Teaching) -> None:
        super().__init__()
        E, H = num_experts, teaching.hidden
        self.heard = nn.Parameter(torch.randn(heard * E, H) * 0.05)
        self.slow = nn.Linear(E, H)
        self.worth = nn.Linear(H, E)
        self.clock = nn.Parameter(torch.full((len(FADES),), 1.0))
        self.dropout = nn.Dropout(teaching.dropout)

    @torch.no_grad()
    def begin(self, frequency_E: Tensor) -> None:
        """Begin with what is right on average."""
        self.worth.bias.copy_(torch.logit(frequency_E, eps=1e-3))
        self.worth.weight.mul_(0.1)

    def groups(self, teaching: Teaching) -> list[dict[str, Any]]:
        """The parameters by how they learn: a clock is one number, and may move further."""
        few = [self.clock]
        many = [value for value in self.parameters() if value is not self.clock]
        rate = teaching.learning_rate
        return [
            {"params": many, "lr": rate, "weight_decay": teaching.weight_decay},
            {"params": few, "lr": 10 * rate, "weight_decay": 0.0},
        ]

    def forward(self, heard_BN: Tensor, clocks_BJE: Tensor) -> Tensor:
        """Logits (B, E)."""
        used_BR = torch.zeros(len(heard_BN), len(self.heard) + 1).scatter_(1, heard_BN, 1.0)
        summed_BH = used_BR[:, :-1] @ self.heard  # faster than an embedding bag on a processor
        hidden_BH = self.dropout(torch.relu(summed_BH + self.slow(clocks_BJE[:, -1])))
        own_BE = torch.einsum("bje,j->be", clocks_BJE, self.clock)
        logits_BE: Tensor = self.worth(hidden_BH) + own_BE
        return logits_BE


Progress = Callable[[int, int], None]
"""Takes how many networks are taught, and of how many."""


def learned(
    calls: Calls, *, teaching: Teaching | None = None, progress: Progress = lambda *_: None
) -> Forecasts:
    """Teach every layer's networks from the calls of a workload; the same calls teach the same."""
    teaching = teaching or Teaching()
    L = len(calls.start_LS1)
    taught: dict[bool, list[LayerForecast]] = {False: [], True: []}
    for layer in range(L):
        heard = range(max(0, layer - teaching.reach), min(L, layer + teaching.reach + 1))
        for before in (False, True):
            subject = lesson(
                calls, layer, heard=heard, fades=FADES, discount=teaching.discount, before=before
            )
            taught[before].append(_taught(subject, teaching))
            progress(2 * layer + 1 + before, 2 * L)
    return Forecasts(after_L=tuple(taught[False]), before_L=tuple(taught[True]))


def _taught(subject: Lesson, teaching: Teaching) -> LayerForecast:
    E, S = subject.target_SE.shape[1], len(subject.target_SE)
    with torch.random.fork_rng():
        torch.manual_seed(teaching.seed)
        network = Network(heard=len(subject.heard_M), num_experts=E, teaching=teaching)
        network.begin(subject.target_SE.mean(dim=0))
        optimizer = torch.optim.AdamW(network.groups(teaching))
        each = -(-S // teaching.batch)
        steps = max(teaching.epochs * each, teaching.least_steps)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
        for chosen_B in _batches(S, size=teaching.batch, count=steps):
            logits_BE = network(*subject.inputs(chosen_B))
            loss = binary_cross_entropy_with_logits(logits_BE, subject.target_SE[chosen_B])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call] # torch
            optimizer.step()
            schedule.step()
    return _frozen(network, subject)


def _batches(total: int, *, size: int, count: int) -> Iterator[Tensor]:
    """So many batches of indices, each index once before any comes again."""
    endless = chain.from_iterable(torch.split(torch.randperm(total), size) for _ in repeat(None))
    return islice(endless, count)


def _frozen(network: Network, subject: Lesson) -> LayerForecast:
    """The network as arrays."""
    M, (H, E) = len(subject.heard_M), network.slow.weight.shape
    arrays = {name: value.detach().numpy() for name, value in network.named_parameters()}
    return LayerForecast(
        heard_M=subject.heard_M,
        heard_MEH=np.ascontiguousarray(arrays["heard"].reshape(M, E, H)),
        slow_EH=np.ascontiguousarray(arrays["slow.weight"].T),
        hidden_H=arrays["slow.bias"],
        worth_HE=np.ascontiguousarray(arrays["worth.weight"].T),
        prior_E=arrays["worth.bias"],
        fade_J=np.array(FADES, np.float32),
        clock_J=arrays["clock"],
    )
