"""Train a small GPT on source code for a fixed time; the one file to edit.

A decoder with rotary positions, RMSNorm, normalised queries and keys, and squared ReLU. Muon trains
its matrices, AdamW embeddings and output layer. The constants are meant for a GPU with 40 GB; on a
smaller device `TIERS` makes less of them, so that a change of one means the same there.

Letters in the documentation give shapes: B rows, T tokens of a row, W width, H heads, D numbers per
head, V vocabulary.
"""

# mypy: disable-error-code="no-any-return, no-untyped-call"
# (torch gives no types to what a module returns, to `backward` and to `unflatten`)

import math
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from prepare import (  # first, since it says where compiled kernels are kept
    SEED,
    Clock,
    TimeBudget,
    best_device,
    evaluate_bpb,
    load_data,
    matmul_peak_flops,
    memory_gb,
    peak_memory_mb,
    print_summary,
    total_seconds,
)

# isort: split
import torch
import torch.nn.functional as F  # noqa: N812 (the name that everybody knows it by)
from torch import Tensor, nn

# Model
DEPTH = 8  # layers
WIDTH = 512  # of the residual stream
HEAD_DIM = 64  # numbers per attention head, or more where WIDTH cannot be divided so
EXPANSION = 4  # width inside an MLP, in multiples of WIDTH
CONTEXT = 1024  # tokens that the model looks back at
WINDOWS = "L"  # of the layers in turn, L all tokens and S the last quarter; one of L, SL, SSSL

# Optimisers
TOTAL_BATCH = 2**16  # tokens per step
HEAD_LR = 0.004  # of the output layer, by AdamW
EMBED_LR = 0.3  # of the embeddings, by AdamW
MATRIX_LR = 0.02  # of everything else, by Muon
LR_SCALE = 1.0  # multiplies all three
BETA1 = 0.8  # decay of AdamW's mean of the gradients
BETA2 = 0.95  # decay of its mean of their squares
WEIGHT_DECAY = 0.2  # by Muon, per unit of learning rate
NESTEROV = True  # Muon looks one step ahead
MOMENTUM = 0.95  # decay of Muon's mean of the gradients
STEPS_OF_MUON = 5  # iterations that make an update orthogonal
MOMENTUM_START = 0.85  # where MOMENTUM begins

# Schedules, in fractions of the budget
MOMENTUM_RAMP = 0.3  # in which MOMENTUM rises
WARMUP = 0.0  # in which the learning rates rise
WARMDOWN = 0.5  # in which they fall
# ... and what is left of them at the end, as a fraction of the peak
FINAL_LR = 0.0

# Devices: least memory in GB; divisor of WIDTH, CONTEXT and, cubed, TOTAL_BATCH; rows at a time
TIERS = ((38, 1, 64), (15, 1, 16), (7, 1, 8), (0.5, 2, 8), (0, 4, 4))


@dataclass(frozen=True, slots=True)
class Sizes:
    """What the constants come to on one device.

    Attributes:
        rows: B of one pass.
        passes: Passes per step, their gradients added up.
    """

    depth: int
    width: int
    heads: int
    context: int
    rows: int
    passes: int

    @property
    def tokens(self) -> int:
        """Tokens per step."""
        return self.rows * self.context * self.passes

    @classmethod
    def on(cls, memory_gb: float) -> "Sizes":
        """The sizes for a device with so much memory; 0 stands for a processor."""
        shrink, rows = next(tier[1:] for tier in TIERS if memory_gb >= tier[0])
        width, context = WIDTH // shrink, CONTEXT // shrink
        rows_per_step = max(1, TOTAL_BATCH // shrink**3 // context)
        passes = math.ceil(rows_per_step / rows)
        heads = next(n for n in range(max(1, width // HEAD_DIM), 0, -1) if width % n == 0)
        return cls(
            depth=DEPTH if shrink == 1 else max(1, DEPTH // 2),
            width=width,
            heads=heads,
            context=context,
            rows=rows_per_step // passes,
            passes=passes,
        )


class Diverged(ArithmeticError):
    """Training went wrong for good."""


# --- Model ---------------------------------------------------------------------------------------


def norm(x: Tensor) -> Tensor:
    """Each vector divided by its root mean square."""
    return F.rms_norm(x, (x.size(-1),))


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn pairs of numbers by an angle that grows with the position; x is (B, H, T, D).

    Source: Su et al. 2021, RoFormer, arXiv:2104.09864.
    """
    a, b = x.chunk(2, dim=-1)
    return torch.cat((a * cos - b * sin, a * sin + b * cos), dim=-1)


def attend(q: Tensor, k: Tensor, v: Tensor, *, window: int) -> Tensor:
    """Causal attention (B, H, T, D) of each token to itself and the `window - 1` before it.

    A window cuts the row into blocks of its size. Each block looks at itself and the one before, so
    the cost grows with T and not with its square. T is a multiple of the window, or not above it.
    """
    if window >= q.size(2):
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)
    q, k, v = (x.unflatten(2, (-1, window)) for x in (q, k, v))
    rows, heads, blocks = q.shape[:3]
    k, v = (torch.cat((F.pad(x, (0, 0, 0, 0, 1, 0))[:, :, :-1], x), dim=3) for x in (k, v))
    query = torch.arange(window, device=q.device)[:, None]
    key = torch.arange(-window, window, device=q.device)
    near = (key <= query) & (key > query - window)
    there = (key >= 0) | (torch.arange(blocks, device=q.device) > 0)[:, None, None, None]
    q, k, v = (x.permute(2, 0, 1, 3, 4).flatten(1, 2) for x in (q, k, v))
    y = F.scaled_dot_product_attention(q, k, v, attn_mask=near & there)
    return y.unflatten(1, (rows, heads)).permute(1, 2, 0, 3, 4).flatten(2, 3)


class Linear(nn.Linear):
    """A matrix that is kept in single precision and multiplies in that of its input."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(..., inputs) to (..., outputs)."""
        return F.linear(x, self.weight.to(x.dtype))


class Attention(nn.Module):
    """Looks at the tokens before; window: how many of them."""

    def __init__(self, sizes: Sizes, *, window: int) -> None:
        super().__init__()
        self.window = window
        self.heads = sizes.heads
        self.query, self.key, self.value, self.out = (
            Linear(sizes.width, sizes.width) for _ in range(4)
        )

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """(B, T, W) to (B, T, W)."""
        q, k, v = (
            layer(x).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        )
        q, k = norm(rotate(q, cos, sin)), norm(rotate(k, cos, sin))
        y = attend(q, k, v, window=self.window)
        return self.out(y.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """Attention and an MLP, each added to the residual stream."""

    def __init__(self, sizes: Sizes, *, window: int) -> None:
        super().__init__()
        self.attention = Attention(sizes, window=window)
        self.up = Linear(sizes.width, EXPANSION * sizes.width)
        self.down = Linear(EXPANSION * sizes.width, sizes.width)

    def forward(self, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        """(B, T, W) to (B, T, W)."""
        x = x + self.attention(norm(x), cos, sin)
        return x + self.down(F.relu(self.up(norm(x))).square())


class Readout(nn.Module):
    """Scores of the token that comes next."""

    def __init__(self, width: int, vocabulary: int) -> None:
        super().__init__()
        self.linear = Linear(width, vocabulary)

    def logits(self, x: Tensor) -> Tensor:
        """(B, T, W) to scores (B, T, V) in single precision."""
        return self.linear(norm(x)).float()

    def forward(self, x: Tensor, targets: Tensor) -> Tensor:
        """The mean cost in nats of the targets (B, T)."""
        return F.cross_entropy(self.logits(x).flatten(0, 1), targets.flatten())


class GPT(nn.Module):
    """The model, which computes in `dtype`."""

    cos: Tensor
    sin: Tensor

    def __init__(self, sizes: Sizes, *, vocabulary: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.sizes, self.dtype = sizes, dtype
        self.embedding = nn.Embedding(vocabulary, sizes.width)
        self.blocks = nn.ModuleList(
            Block(sizes, window=window_of(layer, sizes)) for layer in range(sizes.depth)
        )
        self.readout = Readout(sizes.width, vocabulary)
        half = sizes.width // sizes.heads // 2
        speeds = 10_000.0 ** (-torch.arange(half) / half)
        angles = torch.outer(torch.arange(sizes.context), speeds)
        self.register_buffer("cos", angles.cos().to(dtype), persistent=False)
        self.register_buffer("sin", angles.sin().to(dtype), persistent=False)
        self.start()

    def start(self) -> None:
        """Set the weights: at first no block adds anything, and all tokens have the same score."""
        nn.init.normal_(self.embedding.weight)
        for name, matrix in self.matrices().items():
            spread = 0.0 if name.endswith(("out.weight", "down.weight")) else 1.0
            nn.init.normal_(matrix, std=spread / math.sqrt(matrix.size(1)))
        nn.init.zeros_(self.readout.linear.weight)

    def matrices(self) -> dict[str, nn.Parameter]:
        """The weights of all blocks by their names."""
        return dict(self.blocks.named_parameters())

    def forward(self, tokens: Tensor) -> Tensor:
        """The residual stream (B, T, W) after the last block, from tokens (B, T)."""
        length = tokens.size(1)
        x = norm(self.embedding(tokens).to(self.dtype))
        for block in self.blocks:
            x = block(x, self.cos[:length], self.sin[:length])
        return x

    def loss(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """Mean cost in nats of the targets, the token after each of (B, T)."""
        return self.readout(self(tokens), targets)

    def logits(self, tokens: Tensor) -> Tensor:
        """Scores (B, T, V) of the token after each of (B, T)."""
        return self.readout.logits(self(tokens))

    def flops_per_token(self) -> float:
        """Operations of a step per token, forward and backward, embeddings not counted."""
        weights = [*self.matrices().values(), self.readout.linear.weight]
        keys = 0.0  # that a token looks at on average, over all layers
        for layer in range(self.sizes.depth):
            window = window_of(layer, self.sizes)
            keys += window - window * (window - 1) / (2 * self.sizes.context)
        return 6 * sum(int(weight.numel()) for weight in weights) + 12 * self.sizes.width * keys


def window_of(layer: int, sizes: Sizes) -> int:
    """How many tokens a layer looks at; the last one always at all of them."""
    is_short = WINDOWS[layer % len(WINDOWS)] == "S" and layer < sizes.depth - 1
    return max(1, sizes.context // 4) if is_short else sizes.context


# --- Optimisers ----------------------------------------------------------------------------------


def orthogonalize(matrices: Tensor, *, dtype: torch.dtype) -> Tensor:
    """Matrices (N, rows, columns) with the same singular vectors and singular values near 1.

    Five steps take singular values from 0.003 of the largest on to between 0.7 and 1.2.

    Source: Jordan et al. 2024, Muon, https://kellerjordan.github.io/posts/muon; a Newton-Schulz
    iteration with the coefficients given there.
    """
    is_tall = matrices.size(1) > matrices.size(2)
    x = matrices.mT if is_tall else matrices
    x = (x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)).to(dtype)
    for _ in range(STEPS_OF_MUON):
        square = x @ x.mT
        series = torch.baddbmm(square, square, square, beta=-4.7750, alpha=2.0315)
        x = torch.baddbmm(x, series, x, beta=3.4445)
    return (x.mT if is_tall else x).to(matrices.dtype)


class Muon:
    """Moves matrices along their mean gradient made orthogonal; matrices of one shape together."""

    def __init__(self, matrices: Iterable[nn.Parameter], *, dtype: torch.dtype) -> None:
        self._dtype = dtype
        by_shape: defaultdict[torch.Size, list[nn.Parameter]] = defaultdict(list)
        for matrix in matrices:
            by_shape[matrix.shape].append(matrix)
        self._groups = [
            (group, torch.zeros(len(group), *shape, device=group[0].device))
            for shape, group in by_shape.items()
        ]

    def step(self, *, lr: float, momentum: float, weight_decay: float) -> None:
        """Move every matrix once."""
        with torch.no_grad():
            for group, mean in self._groups:
                grads = torch.stack([matrix.grad for matrix in group])  # type: ignore[misc] # all have one
                mean.lerp_(grads, 1 - momentum)
                direction = grads.lerp_(mean, momentum) if NESTEROV else mean
                updates = orthogonalize(direction, dtype=self._dtype)
                reach = lr * math.sqrt(max(1.0, mean.size(1) / mean.size(2)))
                for matrix, update in zip(group, updates, strict=True):
                    matrix.mul_(1 - lr * weight_decay).sub_(update, alpha=reach)


class Optimizers:
    """Muon for a model's blocks, AdamW for its embeddings and output layer."""

    def __init__(self, model: GPT) -> None:
        self._muon = Muon(model.matrices().values(), dtype=model.dtype)
        self._peaks = (EMBED_LR * LR_SCALE, HEAD_LR * LR_SCALE)
        self._adamw = torch.optim.AdamW(
            [{"params": model.embedding.parameters()}, {"params": model.readout.parameters()}],
            betas=(BETA1, BETA2),
            eps=1e-10,
            weight_decay=0.0,
            fused=model.embedding.weight.device.type == "cuda",
        )

    def step(self, done: float) -> None:
        """Apply the gradients as the schedule says.

        Args:
            done: The share of the budget that is spent.
        """
        factor = lr_factor(done)
        for group, peak in zip(self._adamw.param_groups, self._peaks, strict=True):
            group["lr"] = peak * factor
        self._adamw.step()
        self._muon.step(
            lr=MATRIX_LR * LR_SCALE * factor, momentum=momentum(done), weight_decay=WEIGHT_DECAY
        )


def lr_factor(done: float) -> float:
    """Rises from 0 to 1, holds, falls to `FINAL_LR`; `done` is the share of the budget spent."""
    if done < WARMUP:
        return done / WARMUP
    if done > 1 - WARMDOWN:
        left = max(0.0, 1 - done) / WARMDOWN
        return FINAL_LR + (1 - FINAL_LR) * left
    return 1.0


def momentum(done: float) -> float:
    """Muon's, which rises to `MOMENTUM`."""
    risen = min(1.0, done / MOMENTUM_RAMP) if MOMENTUM_RAMP else 1.0
    return MOMENTUM_START + (MOMENTUM - MOMENTUM_START) * risen


# --- Training ------------------------------------------------------------------------------------


class Batches:
    """Draws rows from anywhere in the training text."""

    def __init__(self, tokens: Tensor, sizes: Sizes) -> None:
        self._tokens, self._sizes = tokens, sizes
        self._random = torch.Generator().manual_seed(SEED)
        self._offsets = torch.arange(sizes.context + 1, device=tokens.device)

    def draw(self) -> tuple[Tensor, Tensor]:
        """Tokens and the one after each, (B, T)."""
        places = len(self._tokens) - len(self._offsets) + 1
        starts = torch.randint(places, (self._sizes.rows, 1), generator=self._random)
        rows = self._tokens[starts.to(self._tokens.device) + self._offsets]
        return rows[:, :-1], rows[:, 1:].long()


def train(model: GPT, optimizers: Optimizers, *, batches: Batches, clock: Clock) -> int:
    """Train until the clock has run out, and give the number of steps.

    Raises:
        Diverged: The loss is beyond hope, or no number any more.
    """
    steps, smoothed, report_at = 0, math.nan, 0.0
    while (done := clock.fraction()) < 1:
        loss = accumulate(model, batches)
        if not loss < 100:  # so that NaN is caught too; knowing nothing costs 8
            raise Diverged(f"the loss is {loss} at step {steps}")
        optimizers.step(done)
        model.zero_grad(set_to_none=True)
        smoothed = smoothed + 0.05 * (loss - smoothed) if steps else loss
        steps += 1
        if done >= report_at:
            report_at = done + 0.02
            print(
                f"step={steps} elapsed_s={clock.elapsed_s():.2f} train_loss={smoothed:.4f} "
                f"lr_factor={lr_factor(done):.3f}",
                flush=True,
            )
    return steps


def accumulate(model: GPT, batches: Batches) -> float:
    """Add up the gradients of one step, and give its loss."""
    passes = model.sizes.passes
    total = torch.zeros((), device=model.embedding.weight.device)
    for _ in range(passes):
        loss = model.loss(*batches.draw()) / passes
        loss.backward()
        total += loss.detach()
    return float(total)


def compile_where_it_helps(model: GPT) -> None:
    """Compile the layers one by one on a CUDA device, so that they share what is compiled.

    It happens at the first pass, which is made here, on tokens that say nothing: the clock has not
    started, and no weight changes.
    """
    device = model.embedding.weight.device
    if device.type == "cuda":
        for layer in (*model.blocks, model.readout):
            layer.compile(dynamic=False)
    tokens = torch.zeros(model.sizes.rows, model.sizes.context, dtype=torch.long, device=device)
    model.loss(tokens.int(), tokens).backward()
    model.zero_grad(set_to_none=True)


def main() -> int:
    """Train, evaluate, print the summary; 0, or 1 if training diverged."""
    device = best_device()
    torch.manual_seed(SEED)
    torch.set_float32_matmul_precision("high")
    is_bfloat16 = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    dtype = torch.bfloat16 if is_bfloat16 else torch.float32
    data = load_data(device)
    sizes = Sizes.on(memory_gb(device))
    print(f"device={device} dtype={dtype} text={data.digest[:12]} {sizes}", flush=True)
    model = GPT(sizes, vocabulary=data.vocabulary, dtype=dtype).to(device)
    compile_where_it_helps(model)
    optimizers, batches = Optimizers(model), Batches(data.train, sizes)
    clock = TimeBudget(device)
    try:
        steps = train(model, optimizers, batches=batches, clock=clock)
    except Diverged as reason:
        print(f"FAIL: {reason}", flush=True)
        return 1
    training_s = clock.elapsed_s()
    peak_mb = peak_memory_mb(device)
    with torch.compiler.set_stance("force_eager"):  # the shapes of the evaluation are others
        val_bpb = evaluate_bpb(model.logits, data, context=sizes.context)
    flops = model.flops_per_token() * sizes.tokens * steps / training_s
    mfu = flops / matmul_peak_flops(device, dtype)
    print_summary(
        {
            "val_bpb": val_bpb,
            "training_seconds": training_s,
            "total_seconds": total_seconds(),
            "peak_vram_mb": peak_mb,
            "mfu_percent": 100 * mfu,
            "total_tokens_M": steps * sizes.tokens / 1e6,
            "num_steps": steps,
            "num_params_M": sum(weight.numel() for weight in model.parameters()) / 1e6,
            "depth": sizes.depth,
        }
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
