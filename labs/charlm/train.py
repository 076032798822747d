"""Train a small byte-level language model with numpy for a few seconds; the one file to edit.

The model reads a window of bytes: their embeddings side by side, those of the n-grams at its end, a
projection, residual blocks, and a softmax over the byte that comes next. Every layer carries its
own backward pass.

Letters in names give shapes: B rows of a batch, C context bytes, K embeddings per window,
N = B * K, R rows of the embedding table, E its width, I inputs and O outputs of a layer,
V vocabulary.
"""
# ruff: noqa: N803, N806 - letters in names give shapes
# ruff: noqa: D102 - Layer says once what forward and backward mean

from prepare import (  # first, since it sets up BLAS before numpy loads it
    MAX_CONTEXT,
    SEED,
    VOCABULARY,
    Bytes,
    Floats,
    TimeBudget,
    evaluate_bpb,
    load_corpus,
    peak_rss_mb,
    print_summary,
    total_seconds,
)

# isort: split
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

# Model
CONTEXT = 16  # bytes the model looks back at; at most 128, at least LONGEST_NGRAM
LONGEST_NGRAM = 4  # the last 2, 3, ... bytes also have an embedding as a whole; 1 means none do
NGRAM_ROWS = 8192  # embeddings that all n-grams share, found by hash
EMBED_WIDTH = 16  # numbers per embedding
EMBED_SCALE = 1.0  # standard deviation of initial embeddings
HIDDEN_WIDTH = 128  # width of the residual stream
EXPANSION = 2  # width inside a residual block, in multiples of HIDDEN_WIDTH
LAYERS = 1  # residual blocks
ACTIVATION = "relu"  # one of relu, relu_squared, silu, tanh
NORMALIZE = True  # scale the input of every block and of the output layer to unit root mean square
USE_BIAS = True  # add a bias in every linear layer
INIT_SCALE = 1.0  # standard deviation of initial weights, in multiples of 1/sqrt(inputs)

# Optimiser
BATCH_SIZE = 256  # windows per step
LEARNING_RATE = 1e-3  # at its peak
BETA1 = 0.9  # decay of the mean of the gradients
BETA2 = 0.999  # decay of the mean of their squares
EPSILON = 1e-8  # added to the root of the latter
WEIGHT_DECAY = 0.01  # per unit of learning rate, on matrices only
GRADIENT_CLIP = 1.0  # largest norm of the whole gradient; 0 switches clipping off
WARMUP = 0.1  # fraction of the budget in which the learning rate rises
WARMDOWN = 0.0  # fraction of the budget in which it falls again
FINAL_LR = 0.0  # where it falls to, as a fraction of the peak

ACTIVATIONS: dict[str, tuple[Callable[[Floats], Floats], Callable[[Floats, Floats], Floats]]] = {
    # name: the function y of x; its derivative, from x and y
    "relu": (lambda x: np.maximum(x, 0), lambda x, _: (x > 0).astype(x.dtype)),
    "relu_squared": (lambda x: np.square(np.maximum(x, 0)), lambda x, _: 2 * np.maximum(x, 0)),
    "silu": (lambda x: x * _sigmoid(x), lambda x, y: y + _sigmoid(x) * (1 - y)),
    "tanh": (np.tanh, lambda _, y: 1 - np.square(y)),
}


class Diverged(ArithmeticError):
    """Training went wrong for good."""


class Clock(Protocol):
    """What tells training how far it is; `TimeBudget`, or steps counted in a test."""

    def fraction(self) -> float:
        """The share of the budget that is spent."""

    def elapsed_s(self) -> float:
        """Seconds since the start."""


@dataclass(frozen=True, slots=True)
class Design:
    """What a model looks like; as the constants say, unless told otherwise."""

    context: int = CONTEXT
    longest_ngram: int = LONGEST_NGRAM
    ngram_rows: int = NGRAM_ROWS
    embed_width: int = EMBED_WIDTH
    hidden_width: int = HIDDEN_WIDTH
    layers: int = LAYERS
    activation: str = ACTIVATION
    normalize: bool = NORMALIZE
    use_bias: bool = USE_BIAS

    def __post_init__(self) -> None:
        if not self.longest_ngram <= self.context <= MAX_CONTEXT:
            raise ValueError(
                f"CONTEXT = {self.context} must lie between LONGEST_NGRAM = {self.longest_ngram} "
                f"and the {MAX_CONTEXT} bytes that the evaluation gives"
            )
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"ACTIVATION = {self.activation!r}; known: {', '.join(ACTIVATIONS)}")


@dataclass(eq=False, slots=True)
class Parameter:
    """An array that is learned.

    Attributes:
        grad: What the latest backward pass left.
        mean: Running mean of the gradients, kept by the optimiser.
        square: Running mean of their squares.
    """

    value: Floats
    grad: Floats = field(init=False)
    mean: Floats = field(init=False)
    square: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.grad, self.mean, self.square = (np.zeros_like(self.value) for _ in range(3))


class Layer(Protocol):
    """Part of a model; `backward` belongs to the latest `forward` and overwrites gradients."""

    parameters: list[Parameter]

    def forward(self, x_BI: Floats) -> Floats:
        """The layer's output (B, O)."""

    def backward(self, grad_BO: Floats) -> Floats:
        """From the gradient of the output, that of the input (B, I)."""


class Linear:
    """``x @ weight + bias``; weights start normal with deviation ``scale / sqrt(inputs)``."""

    def __init__(
        self,
        rng: np.random.Generator,
        *,
        inputs: int,
        outputs: int,
        scale: float,
        bias: bool,
        dtype: npt.DTypeLike,
    ) -> None:
        weight_IO = rng.standard_normal((inputs, outputs)) * scale / np.sqrt(inputs)
        self.weight = Parameter(weight_IO.astype(dtype))
        self.bias = Parameter(np.zeros(outputs, dtype)) if bias else None
        self.parameters = [self.weight, self.bias] if self.bias else [self.weight]

    def forward(self, x_BI: Floats) -> Floats:
        self._x_BI = x_BI
        y_BO = x_BI @ self.weight.value
        if self.bias:
            y_BO += self.bias.value
        return y_BO

    def backward(self, grad_BO: Floats) -> Floats:
        np.matmul(self._x_BI.T, grad_BO, out=self.weight.grad)
        if self.bias:
            np.sum(grad_BO, axis=0, out=self.bias.grad)
        return grad_BO @ self.weight.value.T


class Norm:
    """Each row divided by its root mean square, times a learned gain per column."""

    def __init__(self, *, width: int, dtype: npt.DTypeLike) -> None:
        self.gain = Parameter(np.ones(width, dtype))
        self.parameters = [self.gain]

    def forward(self, x_BI: Floats) -> Floats:
        mean_square_B1 = np.square(x_BI).mean(axis=1, keepdims=True)
        self._scale_B1: Floats = 1 / np.sqrt(mean_square_B1 + 1e-6)
        self._unit_BI: Floats = x_BI * self._scale_B1
        y_BO: Floats = self._unit_BI * self.gain.value
        return y_BO

    def backward(self, grad_BO: Floats) -> Floats:
        np.sum(grad_BO * self._unit_BI, axis=0, out=self.gain.grad)
        grad_BI = grad_BO * self.gain.value
        along_B1: Floats = (grad_BI * self._unit_BI).mean(axis=1, keepdims=True)
        return (grad_BI - self._unit_BI * along_B1) * self._scale_B1


class Activation:
    """A function of each element."""

    def __init__(self, name: str) -> None:
        self.parameters: list[Parameter] = []
        self._function, self._derivative = ACTIVATIONS[name]

    def forward(self, x_BI: Floats) -> Floats:
        self._x_BI, self._y_BI = x_BI, self._function(x_BI)
        return self._y_BI

    def backward(self, grad_BO: Floats) -> Floats:
        return grad_BO * self._derivative(self._x_BI, self._y_BI)


class Chain:
    """Layers one after the other."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = layers
        self.parameters = [parameter for layer in layers for parameter in layer.parameters]

    def forward(self, x_BI: Floats) -> Floats:
        for layer in self.layers:
            x_BI = layer.forward(x_BI)
        return x_BI

    def backward(self, grad_BO: Floats) -> Floats:
        for layer in reversed(self.layers):
            grad_BO = layer.backward(grad_BO)
        return grad_BO


class Residual(Chain):
    """The input plus what a chain makes of it."""

    def forward(self, x_BI: Floats) -> Floats:
        return x_BI + super().forward(x_BI)

    def backward(self, grad_BO: Floats) -> Floats:
        return grad_BO + super().backward(grad_BO)


class Embedding:
    """A row of numbers for every byte of a window and for the n-grams at its end, side by side."""

    def __init__(self, rng: np.random.Generator, design: Design, dtype: npt.DTypeLike) -> None:
        rows = VOCABULARY + design.ngram_rows
        table_RE = rng.standard_normal((rows, design.embed_width)) * EMBED_SCALE
        self.table = Parameter(table_RE.astype(dtype))
        self.parameters = [self.table]
        self.design = design

    def forward(self, bytes_BC: Bytes) -> Floats:
        """The rows (B, K * E) of the K = C + n-grams that each window holds."""
        self._row_BK = self._rows(bytes_BC)
        return self.table.value[self._row_BK].reshape(len(bytes_BC), -1)

    def backward(self, grad_BO: Floats) -> None:
        """Sum the gradients of equal rows: sorted, they form runs, which `reduceat` adds up."""
        row_N = self._row_BK.reshape(-1)
        order_N = np.argsort(row_N, kind="stable")
        sorted_N = row_N[order_N]
        starts = np.flatnonzero(np.diff(sorted_N, prepend=-1))
        grad_NE = grad_BO.reshape(len(row_N), -1)[order_N]
        self.table.grad[:] = 0
        self.table.grad[sorted_N[starts]] = np.add.reduceat(grad_NE, starts, axis=0)

    def _rows(self, bytes_BC: Bytes) -> npt.NDArray[np.int32]:
        """Which rows of the table a window reads: one per byte, then one per n-gram."""
        columns: list[npt.NDArray[np.integer[Any]]] = [bytes_BC]
        hash_B = bytes_BC[:, -1].astype(np.uint32)
        for n in range(2, self.design.longest_ngram + 1):
            hash_B = (hash_B * 257 + bytes_BC[:, -n] + n) * np.uint32(2_654_435_761)
            columns.append(VOCABULARY + (hash_B >> 8) % self.design.ngram_rows)
        return np.column_stack(columns).astype(np.int32)


class Model:
    """From windows of bytes to the logits of the byte that follows each."""

    def __init__(
        self, rng: np.random.Generator, design: Design, dtype: npt.DTypeLike = np.float32
    ) -> None:
        self.design = design
        self.embedding = Embedding(rng, design, dtype)
        self.trunk = _trunk(rng, design, dtype)
        self.parameters = self.embedding.parameters + self.trunk.parameters

    def logits(self, bytes_BC: Bytes) -> Floats:
        """Scores (B, V) of the next byte."""
        return self.trunk.forward(self.embedding.forward(bytes_BC))

    def backward(self, grad_BV: Floats) -> None:
        """Leave in every parameter the gradient of what `grad_BV` is the gradient of."""
        self.embedding.backward(self.trunk.backward(grad_BV))

    def logprob(self, context_BC: Bytes) -> Floats:
        """Log-probabilities (B, V) of the byte after contexts of any sufficient length."""
        return log_softmax(self.logits(context_BC[:, -self.design.context :]))

    def num_params(self) -> int:
        """How many numbers are learned."""
        return sum(parameter.value.size for parameter in self.parameters)


class AdamW:
    """Adam with decoupled weight decay (arXiv:1711.05101) and a bound on the gradient's norm."""

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        self.parameters = parameters
        self.steps = 0

    def step(self, rate: float) -> None:
        """Move every parameter against its gradient, with `rate` as the learning rate."""
        self.steps += 1
        clip = self._clip()
        bias1, bias2 = 1 - BETA1**self.steps, 1 - BETA2**self.steps
        for p in self.parameters:
            p.grad *= clip
            p.mean *= BETA1
            p.mean += (1 - BETA1) * p.grad
            p.square *= BETA2
            p.square += (1 - BETA2) * np.square(p.grad)
            if p.value.ndim > 1:
                p.value *= 1 - rate * WEIGHT_DECAY
            p.value -= (rate / bias1) * p.mean / (np.sqrt(p.square / bias2) + EPSILON)

    def _clip(self) -> float:
        """What to multiply gradients by."""
        if not GRADIENT_CLIP:
            return 1.0
        norm = math.sqrt(sum(np.vdot(p.grad, p.grad) for p in self.parameters))
        return min(1.0, GRADIENT_CLIP / max(norm, 1e-12))


def _trunk(rng: np.random.Generator, design: Design, dtype: npt.DTypeLike) -> Chain:
    """All layers between the embeddings and the logits; the last starts at zero."""
    width, inner = design.hidden_width, design.hidden_width * EXPANSION

    def linear(inputs: int, outputs: int, scale: float = INIT_SCALE) -> Layer:
        return Linear(
            rng, inputs=inputs, outputs=outputs, scale=scale, bias=design.use_bias, dtype=dtype
        )

    def norm() -> list[Layer]:
        return [Norm(width=width, dtype=dtype)] if design.normalize else []

    def activation() -> Layer:
        return Activation(design.activation)

    def block() -> Layer:
        return Residual([*norm(), linear(width, inner), activation(), linear(inner, width)])

    inputs = (design.context + design.longest_ngram - 1) * design.embed_width
    return Chain(
        [
            linear(inputs, width),
            activation(),
            *(block() for _ in range(design.layers)),
            *norm(),
            linear(width, VOCABULARY, scale=0.0),
        ]
    )


def _sigmoid(x: Floats) -> Floats:
    y: Floats = 1 / (1 + np.exp(-x))
    return y


def log_softmax(logits_BV: Floats) -> Floats:
    """Log-probabilities from scores."""
    shifted_BV: Floats = logits_BV - logits_BV.max(axis=1, keepdims=True)
    total_B1: Floats = np.exp(shifted_BV).sum(axis=1, keepdims=True)
    return shifted_BV - np.log(total_B1)


def cross_entropy(logits_BV: Floats, target_B: Bytes) -> tuple[float, Floats]:
    """Mean loss in nats and its gradient with respect to the logits."""
    rows = np.arange(len(target_B))
    logprob_BV = log_softmax(logits_BV)
    loss = -float(logprob_BV[rows, target_B].mean())
    grad_BV = np.exp(logprob_BV)
    grad_BV[rows, target_B] -= 1
    grad_BV /= len(target_B)
    return loss, grad_BV


def learning_rate(done: float) -> float:
    """Rises linearly, holds, falls linearly; `done` is the fraction of the budget spent."""
    if done < WARMUP:
        return LEARNING_RATE * (done / WARMUP)
    if done > 1 - WARMDOWN:
        left = (1 - done) / WARMDOWN
        return LEARNING_RATE * (FINAL_LR + (1 - FINAL_LR) * left)
    return LEARNING_RATE


def train(model: Model, text: Bytes, *, clock: Clock, rng: np.random.Generator) -> int:
    """Train on random windows of the text until the clock has run out; the steps taken.

    Raises:
        Diverged: The loss is no longer a number.
    """
    windows = np.lib.stride_tricks.sliding_window_view(text, model.design.context + 1)
    optimizer = AdamW(model.parameters)
    smoothed, report_at = float(np.log(VOCABULARY)), 0.0
    while (done := clock.fraction()) < 1:
        batch = windows[rng.integers(len(windows), size=BATCH_SIZE)]
        loss, grad_BV = cross_entropy(model.logits(batch[:, :-1]), batch[:, -1])
        if not np.isfinite(loss):
            raise Diverged(f"the loss is {loss} at step {optimizer.steps}")
        model.backward(grad_BV)
        rate = learning_rate(done)
        optimizer.step(rate)
        smoothed += 0.05 * (loss - smoothed)
        if done >= report_at:
            report_at += 0.1
            print(
                f"step={optimizer.steps} elapsed_s={clock.elapsed_s():.2f} "
                f"train_loss={smoothed:.4f} lr={rate:.2e}",
                flush=True,
            )
    return optimizer.steps


def main() -> int:
    """Train, evaluate, print the summary; 0, or 1 if training diverged."""
    text = load_corpus().train
    rng = np.random.default_rng(SEED)
    model = Model(rng, Design())
    clock = TimeBudget()
    try:
        steps = train(model, text, clock=clock, rng=rng)
    except Diverged as reason:
        print(f"FAIL: {reason}", flush=True)
        return 1
    training_s = clock.elapsed_s()
    val_bpb = evaluate_bpb(model.logprob)
    print_summary(
        {
            "val_bpb": val_bpb,
            "training_seconds": training_s,
            "total_seconds": total_seconds(),
            "peak_rss_mb": peak_rss_mb(),
            "num_steps": steps,
            "num_params": model.num_params(),
            "tokens_per_second": steps * BATCH_SIZE / training_s,
        }
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
