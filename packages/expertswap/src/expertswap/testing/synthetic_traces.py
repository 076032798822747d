"""Routing traces of a made-up model, with what real ones have: domains, skew, repetition, context.

A token's hidden state is its own embedding plus what its prompt is about plus a fading memory of
the tokens before it; each layer has a random router over it. Later layers see more of the context.
So a trace has Zipf's skew, tokens that come back, domains that prefer other experts, and layers
whose choices tell something about each other, and all of it comes from one cause, as in a real
model.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from expertswap.trace import RoutingTrace
from expertswap.types import ModelIdentity, MoeShape

WIDTH = 32
CONTEXT_FADES = 0.9  # of the memory of earlier tokens, per token
ZIPF_EXPONENT = 1.1


@dataclass(frozen=True, slots=True)
class Workload:
    """What the made-up prompts are like.

    Args:
        domains: Names; prompts go through them in turn.
        num_prompts: Prompts in all.
        prompt_tokens: Tokens of each prompt.
        vocabulary: Different tokens.
        repetition: Probability that a token is one of the 16 before it.
        seed: Of all that is random.
    """

    domains: tuple[str, ...] = ("code", "prose", "tables")
    num_prompts: int = 24
    prompt_tokens: int = 128
    vocabulary: int = 2000
    repetition: float = 0.3
    seed: int = 0


def synthetic_model(*, num_layers: int = 4, num_experts: int = 32, top_k: int = 4) -> ModelIdentity:
    """The identity of a made-up model."""
    layers = tuple(range(num_layers))
    shape = MoeShape("qwen3_moe", layers, num_experts, top_k, WIDTH, WIDTH // 2)
    return ModelIdentity("synthetic", f"synthetic-{num_layers}-{num_experts}-{top_k}", shape)


def synthetic_trace(model: ModelIdentity, workload: Workload | None = None) -> RoutingTrace:
    """Routing of made-up prompts; the same arguments give the same trace.

    ``workload.seed`` draws the model's routers too: for held-out prompts of the same model, split
    one trace.
    """
    workload = workload or Workload()
    rng = np.random.default_rng(workload.seed)
    tokens_PN = _tokens(workload, rng)
    topic_PC = _topics(workload, rng)
    logits_TLE = _router_logits(tokens_PN, topic_PC, model.shape, rng)
    K = model.shape.top_k
    experts_TLK = np.argsort(-logits_TLE, axis=-1)[..., :K].astype(np.int16)
    chosen_TLK = np.take_along_axis(logits_TLE, experts_TLK.astype(np.int64), axis=-1)
    weights_TLK = np.exp(chosen_TLK - chosen_TLK.max(axis=-1, keepdims=True))
    P, N = tokens_PN.shape
    return RoutingTrace(
        model=model,
        experts_TLK=experts_TLK,
        gates_TLK=(weights_TLK / weights_TLK.sum(axis=-1, keepdims=True)).astype(np.float32),
        step_T=np.repeat(np.arange(P, dtype=np.int32), N),
        prompt_T=np.repeat(np.arange(P, dtype=np.int32), N),
        position_T=np.tile(np.arange(N, dtype=np.int32), P),
        domain_T=np.repeat(_domain_P(workload), N),
        domains=workload.domains,
    )


def _domain_P(workload: Workload) -> NDArray[np.int16]:
    return (np.arange(workload.num_prompts) % len(workload.domains)).astype(np.int16)


def _tokens(workload: Workload, rng: np.random.Generator) -> NDArray[np.int64]:
    """Tokens (P, N): Zipf's law in an order of the domain's own, and tokens that come back."""
    V, P, N = workload.vocabulary, workload.num_prompts, workload.prompt_tokens
    weights_V = np.arange(1, V + 1) ** -ZIPF_EXPONENT
    order_DV = np.stack([rng.permutation(V) for _ in workload.domains])
    ranks_PN = rng.choice(V, size=(P, N), p=weights_V / weights_V.sum())
    tokens_PN = order_DV[_domain_P(workload)[:, None], ranks_PN]
    repeats_PN = rng.random((P, N)) < workload.repetition
    back_PN = rng.integers(1, 17, (P, N))
    for n in range(16, N):
        again_P = np.take_along_axis(tokens_PN, (n - back_PN[:, n])[:, None], axis=1)[:, 0]
        tokens_PN[:, n] = np.where(repeats_PN[:, n], again_P, tokens_PN[:, n])
    return tokens_PN


def _topics(workload: Workload, rng: np.random.Generator) -> NDArray[np.float64]:
    """What each prompt is about (P, C): its domain, and something of its own."""
    domain_DC = rng.standard_normal((len(workload.domains), WIDTH))
    own_PC = rng.standard_normal((workload.num_prompts, WIDTH))
    return domain_DC[_domain_P(workload)] + 0.5 * own_PC


def _router_logits(
    tokens_PN: NDArray[np.int64],
    topic_PC: NDArray[np.float64],
    shape: MoeShape,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """Router logits (P * N, L, E) of every token in every layer."""
    P, N = tokens_PN.shape
    L, E = len(shape.moe_layers), shape.num_experts
    embedding_VC = rng.standard_normal((tokens_PN.max() + 1, WIDTH)).astype(np.float32)
    own_PNC = embedding_VC[tokens_PN]
    topic_P1C = topic_PC[:, None].astype(np.float32)
    memory_PNC = np.zeros_like(own_PNC)
    for n in range(1, N):
        memory_PNC[:, n] = CONTEXT_FADES * memory_PNC[:, n - 1] + 0.3 * own_PNC[:, n - 1]
    logits_TLE = np.empty((P * N, L, E), np.float32)
    for layer in range(L):
        depth = (layer + 1) / L
        hidden_PNC = own_PNC + depth * (memory_PNC + 0.7 * topic_P1C)
        router_CE = rng.standard_normal((WIDTH, E)).astype(np.float32) / WIDTH**0.5
        bias_E = 0.4 * rng.standard_normal(E)
        logits_TLE[:, layer] = (hidden_PNC @ router_CE + bias_E).reshape(P * N, E)
    return logits_TLE
