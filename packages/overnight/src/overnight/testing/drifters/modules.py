"""Larger things that an honest researcher may add: new code that the program then uses.

Each has a name, reasons, the code, and the line of the program that changes to use it.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Module:
    """New code and its place in the program.

    Attributes:
        reasons: Sentences of its rationale.
        code: Goes before the first class of the program.
        line: A line of the program, or a part of one.
        use: What stands in place of the line.
    """

    name: str
    reasons: tuple[str, ...]
    code: str
    line: str
    use: str


_HIDDEN = "hidden = activation(self.up(normalise(x, self.gains[1])))"
_EMBED = "x = self.embedding(tokens) + self.positions[: tokens.shape[-1]]"
_HEAD = "return self.blocks(x) @ self.embedding.weight.T"
_HEADS = "heads = [part.unflatten(-1, (HEADS, -1)).transpose(-3, -2) for part in parts]"
_RATE = "rate = LEARNING_RATE * schedule(progress)"
_LOSS = "loss.backward()"
_BATCH = "batch = draw(data, generator)"

MODULES = (
    Module(
        "rotary positions",
        (
            "Rotating queries and keys by an angle per position makes scores depend on distance.",
            "Learned absolute positions waste capacity, since code repeats at any offset.",
            "Sine and cosine tables are computed once, so the rotation is nearly free.",
        ),
        """
ROTARY_BASE = 10_000


def rotate(x):
    half = x.shape[-1] // 2
    angles = torch.arange(x.shape[-2])[:, None] * ROTARY_BASE ** (-torch.arange(half) / half)
    left, right = x[..., :half], x[..., half:]
    sine, cosine = angles.sin(), angles.cos()
    return torch.cat((left * cosine - right * sine, right * cosine + left * sine), dim=-1)
""",
        _HEADS,
        f"{_HEADS}\n        heads[:2] = [rotate(head) for head in heads[:2]]",
    ),
    Module(
        "averaged weights",
        (
            "An exponential average of the weights behaves like a smaller rate at the end.",
            "Evaluation then uses the averaged copy, which costs one more set of parameters.",
            "The decay of the average grows with the step, so early weights are forgotten.",
        ),
        '''
AVERAGE_DECAY = 0.995


class Average:
    """A running mean of a model's weights."""

    def __init__(self, parameters):
        self.parameters = list(parameters)
        self.shadow = [parameter.detach().clone() for parameter in self.parameters]

    def update(self):
        for kept, parameter in zip(self.shadow, self.parameters):
            kept.lerp_(parameter.detach(), 1 - AVERAGE_DECAY)
''',
        _LOSS,
        "loss.backward()\n        average = Average(model.parameters())\n        average.update()",
    ),
    Module(
        "gated feed-forward",
        (
            "A gate decides per unit what passes, as in GLU variants.",
            "Two projections with two thirds of the width cost the same and express products.",
            "Multiplicative interactions let brackets and quotes switch units on and off.",
        ),
        '''
class Gate(nn.Module):
    """Multiplies a hidden layer by a learned switch."""

    def __init__(self, width):
        super().__init__()
        self.switch = nn.Linear(width, width, bias=False)

    def forward(self, hidden):
        return hidden * torch.sigmoid(self.switch(hidden))
''',
        _HIDDEN,
        f"{_HIDDEN}\n        hidden = Gate(hidden.shape[-1])(hidden)",
    ),
    Module(
        "hashed pair embeddings",
        (
            "Pairs of neighbouring bytes get an embedding of their own through a hash.",
            "Frequent bigrams such as indentation then need no attention at all.",
            "Collisions in the table are rare enough at this number of buckets.",
        ),
        '''
PAIR_BUCKETS = 4096


class Pairs(nn.Module):
    """Embeds each byte together with the one before it."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(PAIR_BUCKETS, WIDTH)

    def forward(self, tokens):
        previous = F.pad(tokens, (1, 0))[..., :-1]
        return self.table((tokens * 257 + previous) % PAIR_BUCKETS)
''',
        _EMBED,
        f"{_EMBED} + Pairs()(tokens)",
    ),
    Module(
        "short convolution",
        (
            "A causal convolution over four bytes mixes what is adjacent before attention does.",
            "Local spelling is learned quickly by a filter, which leaves heads free for structure.",
            "Depthwise filters have few weights and no effect on memory.",
        ),
        '''
FILTER = 4


class Local(nn.Module):
    """A causal depthwise convolution along the bytes."""

    def __init__(self):
        super().__init__()
        self.filter = nn.Conv1d(WIDTH, WIDTH, FILTER, groups=WIDTH, padding=FILTER - 1)

    def forward(self, x):
        return x + self.filter(x.transpose(-2, -1))[..., : x.shape[-2]].transpose(-2, -1)
''',
        _HEAD,
        "return self.blocks(Local()(x)) @ self.embedding.weight.T",
    ),
    Module(
        "token shift",
        (
            "Half of the channels look at the byte before, as in RWKV.",
            "Shifting is a copy and gives every layer the predecessor for nothing.",
            "It resembles a convolution of two with fixed taps.",
        ),
        """
def shifted(x):
    half = x.shape[-1] // 2
    before = F.pad(x, (0, 0, 1, 0))[..., :-1, :]
    return torch.cat((before[..., :half], x[..., half:]), dim=-1)
""",
        _HIDDEN,
        "hidden = activation(self.up(normalise(shifted(x), self.gains[1])))",
    ),
    Module(
        "two bytes ahead",
        (
            "Predicting also the byte after the next one gives a richer gradient.",
            "The second head is thrown away for evaluation.",
            "Planning two symbols ahead matters where syntax forces pairs.",
        ),
        """
AHEAD_WEIGHT = 0.2


def ahead(model, batch):
    logits = model(batch[:, :-2])
    return AHEAD_WEIGHT * objective(logits.flatten(0, 1), batch[:, 2:].flatten())
""",
        _LOSS,
        "(loss + ahead(model, batch)).backward()",
    ),
    Module(
        "growing contexts",
        (
            "Short windows first, long windows later: a curriculum over the run.",
            "Early on nothing far away can be used anyhow, so those positions are wasted work.",
            "The length doubles at fixed fractions, which keeps shapes few.",
        ),
        """
STAGES = (0.25, 0.5, 1.0)


def staged(batch, progress):
    share = next(stage for stage in STAGES if progress <= stage)
    return batch[:, : int(share * CONTEXT) + 1]
""",
        _BATCH,
        "batch = staged(draw(data, generator), progress)",
    ),
    Module(
        "rate per depth",
        (
            "Deep layers receive weaker signals and might profit from larger strides.",
            "A multiplier per layer is the simplest form of that.",
            "Embeddings sit below all of it and keep the plain rate.",
        ),
        """
DEPTH_BONUS = 0.15


def stride(index):
    return 1 + DEPTH_BONUS * index / LAYERS


def strides(model):
    return [stride(index) for index, _ in enumerate(model.parameters())]
""",
        _RATE,
        "rate = LEARNING_RATE * schedule(progress) * sum(strides(model)) / len(strides(model))",
    ),
    Module(
        "learned temperature",
        (
            "One scalar on the output lets the model sharpen its distribution late.",
            "Tied embeddings fix the norm of the logits too early.",
            "Calibration is part of bits per byte, so this should show directly.",
        ),
        '''
class Temperature(nn.Module):
    """A learned scale of the logits."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, logits):
        return logits * self.scale
''',
        _HEAD,
        "return Temperature()(self.blocks(x) @ self.embedding.weight.T)",
    ),
    Module(
        "small mixture of experts",
        (
            "Four experts with a top-one router hold more knowledge at the same cost per byte.",
            "Different experts can specialise on comments, strings and code.",
            "The router needs a load balancing term, kept small here.",
        ),
        '''
EXPERTS = 4


class Router(nn.Module):
    """Sends each position to one of several expert layers."""

    def __init__(self, width):
        super().__init__()
        self.choose = nn.Linear(width, EXPERTS, bias=False)
        self.experts = nn.ModuleList(nn.Linear(width, width) for _ in range(EXPERTS))

    def forward(self, hidden):
        weights = self.choose(hidden).softmax(dim=-1)
        return sum(weights[..., i, None] * each(hidden) for i, each in enumerate(self.experts))
''',
        _HIDDEN,
        f"{_HIDDEN}\n        hidden = Router(hidden.shape[-1])(hidden)",
    ),
    Module(
        "noisy gradients",
        (
            "Annealed gaussian noise on gradients helps small models out of sharp valleys.",
            "Its variance falls with progress, so the end of the run is undisturbed.",
            "The idea is old and costs a random draw per weight.",
        ),
        """
NOISE_SCALE = 0.01


def disturb(parameters, progress):
    for parameter in parameters:
        if parameter.grad is not None:
            deviation = NOISE_SCALE * (1 - progress) ** 2
            parameter.grad.add_(torch.randn_like(parameter.grad), alpha=deviation)
""",
        _LOSS,
        "loss.backward()\n        disturb(model.parameters(), progress)",
    ),
)
