"""What an honest researcher may try: other ways to write each function of the program.

Each idea is a function of the program, a name, why it might help, and its new body.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Idea:
    """One way to write one function.

    Attributes:
        why: Half a sentence that goes on after "because".
        body: New statements of the function, indented as in the source.
    """

    function: str
    name: str
    why: str
    body: str


_TABLE = r"""
activation | GELU | a smooth kink passes some gradient below zero
    return F.gelu(x)
activation | SiLU | gating each unit by its own sigmoid is smooth everywhere
    return F.silu(x)
activation | squared ReLU | squaring makes the few active units stand out, at no extra parameters
    return F.relu(x).square()
activation | leaky ReLU | dead units get a way back
    return F.leaky_relu(x, 0.05)
activation | ELU | negative saturation keeps the mean of the hidden units near zero
    return F.elu(x)
activation | tanh units | bounded units may be easier on the short budget
    return torch.tanh(x)
activation | Mish | it is a little smoother than SiLU around zero
    return x * torch.tanh(F.softplus(x))
activation | hard swish | it is nearly SiLU and much cheaper per step
    return x * F.relu6(x + 3) / 6
normalise | RMS normalisation | leaving out the mean saves two reductions per block
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6) * gain
normalise | mean removal only | variance hardly moves at four layers
    return (x - x.mean(-1, keepdim=True)) * gain
normalise | L1 normalisation | absolute values are less upset by outlier channels
    return x / (x.abs().mean(-1, keepdim=True) + 1e-6) * gain
normalise | clipped layer norm | the tail of the activations destabilises the output
    return F.layer_norm(x, x.shape[-1:]).clamp(-4, 4) * gain
normalise | gain of one plus | weight decay should pull the gain to one, not to zero
    return F.layer_norm(x, x.shape[-1:]) * (1 + gain)
initialise | orthogonal initialisation | orthogonal maps keep gradients alive in depth
    nn.init.orthogonal_(weight, gain=INIT_SCALE)
initialise | uniform initialisation | its tails are shorter than those of a normal draw
    bound = INIT_SCALE * math.sqrt(3 / fan_in)
    nn.init.uniform_(weight, -bound, bound)
initialise | truncated normal | large initial weights waste the first steps
    nn.init.trunc_normal_(weight, std=INIT_SCALE / math.sqrt(fan_in), a=-2, b=2)
initialise | depth scaled initialisation | the sum over the blocks should have unit size
    nn.init.normal_(weight, std=INIT_SCALE / math.sqrt(2 * LAYERS * fan_in))
initialise | small initialisation | starting near the identity lets the embedding lead
    nn.init.normal_(weight, std=INIT_SCALE * 0.02)
attend | built-in fused attention | the fused kernel makes more steps in the same time
    return F.scaled_dot_product_attention(queries, keys, values, is_causal=True)
attend | normalised queries and keys | it bounds the logits, so a higher rate becomes safe
    queries, keys = F.normalize(queries, dim=-1), F.normalize(keys, dim=-1)
    scores = 8 * queries @ keys.transpose(-2, -1)
    causal = torch.ones_like(scores).tril().bool()
    return scores.masked_fill(~causal, -math.inf).softmax(dim=-1) @ values
attend | soft capped logits | a cap on attention logits prevents the rare spikes
    scores = queries @ keys.transpose(-2, -1) / math.sqrt(queries.shape[-1])
    scores = 20 * torch.tanh(scores / 20)
    causal = torch.ones_like(scores).tril().bool()
    return scores.masked_fill(~causal, -math.inf).softmax(dim=-1) @ values
attend | distance penalty | bytes mostly depend on near bytes, as in ALiBi
    scores = queries @ keys.transpose(-2, -1) / math.sqrt(queries.shape[-1])
    place = torch.arange(scores.shape[-1])
    scores = scores - 0.02 * (place[:, None] - place[None, :]).abs()
    causal = torch.ones_like(scores).tril().bool()
    return scores.masked_fill(~causal, -math.inf).softmax(dim=-1) @ values
attend | sliding window | long distances cost much and teach little at this size
    scores = queries @ keys.transpose(-2, -1) / math.sqrt(queries.shape[-1])
    near = torch.ones_like(scores).tril().triu(-64).bool()
    return scores.masked_fill(~near, -math.inf).softmax(dim=-1) @ values
attend | attention sink | a null key lets a head say that nothing is relevant
    scores = queries @ keys.transpose(-2, -1) / math.sqrt(queries.shape[-1])
    causal = torch.ones_like(scores).tril().bool()
    powers = scores.masked_fill(~causal, -math.inf).exp()
    return powers / (1 + powers.sum(-1, keepdim=True)) @ values
attend | linear attention | it is linear in the context, which frees time for steps
    queries, keys = F.elu(queries) + 1, F.elu(keys) + 1
    state = torch.cumsum(keys.unsqueeze(-1) * values.unsqueeze(-2), dim=-3)
    return torch.einsum("...d,...de->...e", queries, state) / keys.cumsum(-2).sum(-1, keepdim=True)
residual | damped residual | scaling each update down makes depth safer
    return x + update / math.sqrt(2 * LAYERS)
residual | growing residual | late blocks need larger strides than early ones
    return x + update * (layer + 1) / LAYERS
residual | highway mixing | a convex mix keeps the stream from growing
    return 0.9 * x + 0.3 * update
residual | stochastic depth | skipping whole updates at random regularises and saves nothing else
    keep = (torch.rand(x.shape[0], 1, 1) > 0.05).float()
    return x + keep * update
residual | clipped updates | one bad block should not drown the stream
    return x + update.clamp(-3, 3)
schedule | cosine decay | a smooth fall spends more time at useful rates
    if progress < WARMUP:
        return progress / WARMUP
    return FINAL_LR + (1 - FINAL_LR) * 0.5 * (1 + math.cos(math.pi * progress))
schedule | inverse square root decay | the rate can fall early and still be large at the end
    return min(progress / WARMUP, math.sqrt(WARMUP / max(progress, 1e-6)))
schedule | linear decay from the start | straight decay to zero was best in several budgets
    if progress < WARMUP:
        return progress / WARMUP
    return max(FINAL_LR, 1 - progress)
schedule | quadratic decay | the last steps profit from very small rates
    if progress < WARMUP:
        return progress / WARMUP
    left = min(1.0, (1 - progress) / WARMDOWN)
    return max(FINAL_LR, left**2)
schedule | stepped decay | three plateaus show whether the fall itself matters
    if progress < WARMUP:
        return progress / WARMUP
    return 1.0 if progress < 0.6 else 0.3 if progress < 0.85 else 0.1
schedule | cyclical rate | two restarts leave shallow minima
    phase = 2 * progress % 1
    return max(FINAL_LR, 0.5 * (1 + math.cos(math.pi * phase)))
schedule | square root warmdown | it stays high for longer and then falls fast
    if progress < WARMUP:
        return progress / WARMUP
    return max(FINAL_LR, math.sqrt(min(1.0, (1 - progress) / WARMDOWN)))
schedule | exponential decay | equal ratios per step treat all phases alike
    if progress < WARMUP:
        return progress / WARMUP
    return max(FINAL_LR, math.exp(-3 * (progress - WARMUP)))
objective | label smoothing | the model is overconfident on rare bytes
    return F.cross_entropy(logits, targets, label_smoothing=0.02)
objective | z-loss | the partition function drifts and wastes range of the logits
    return F.cross_entropy(logits, targets) + 1e-4 * logits.logsumexp(-1).square().mean()
objective | focal weighting | easy bytes dominate the gradient
    losses = F.cross_entropy(logits, targets, reduction="none")
    return (losses * (1 - torch.exp(-losses)).detach()).mean()
objective | capped logits | a soft cap keeps single logits from running away
    return F.cross_entropy(15 * torch.tanh(logits / 15), targets)
objective | clipped losses | outlier positions are noise at this model size
    return F.cross_entropy(logits, targets, reduction="none").clamp(max=6.0).mean()
update | sign updates as in Lion | equal strides for all weights need one state less
    parameter.mul_(1 - rate * WEIGHT_DECAY)
    parameter.sub_(0.3 * rate * torch.sign(mean.lerp(parameter.grad, 1 - BETA1)))
    mean.lerp_(parameter.grad, 1 - BETA2)
update | Nesterov momentum | looking ahead costs nothing and damps oscillation
    mean.lerp_(parameter.grad, 1 - BETA1)
    square.lerp_(parameter.grad.square(), 1 - BETA2)
    ahead = mean.lerp(parameter.grad, 1 - BETA1)
    parameter.mul_(1 - rate * WEIGHT_DECAY)
    parameter.sub_(rate * ahead / (square.sqrt() + 1e-8))
update | AMSGrad | the second moment should never forget a large gradient
    mean.lerp_(parameter.grad, 1 - BETA1)
    square.copy_(torch.maximum(square * BETA2, parameter.grad.square() * (1 - BETA2)))
    parameter.mul_(1 - rate * WEIGHT_DECAY)
    parameter.sub_(rate * mean / (square.sqrt() + 1e-8))
update | decay on matrices only | gains and positions should not shrink
    mean.lerp_(parameter.grad, 1 - BETA1)
    square.lerp_(parameter.grad.square(), 1 - BETA2)
    if parameter.ndim > 1:
        parameter.mul_(1 - rate * WEIGHT_DECAY)
    parameter.sub_(rate * mean / (square.sqrt() + 1e-8))
update | plain momentum | adaptivity may not be worth its memory traffic here
    mean.mul_(BETA1).add_(parameter.grad)
    parameter.mul_(1 - rate * WEIGHT_DECAY)
    parameter.sub_(rate * mean)
update | larger epsilon | tiny second moments make wild strides early on
    mean.lerp_(parameter.grad, 1 - BETA1)
    square.lerp_(parameter.grad.square(), 1 - BETA2)
    parameter.mul_(1 - rate * WEIGHT_DECAY)
    parameter.sub_(rate * mean / square.add(1e-6).sqrt())
update | clipped strides | no weight should move by more than three rates in one step
    mean.lerp_(parameter.grad, 1 - BETA1)
    square.lerp_(parameter.grad.square(), 1 - BETA2)
    stride = (mean / (square.sqrt() + 1e-8)).clamp(-3, 3)
    parameter.mul_(1 - rate * WEIGHT_DECAY)
    parameter.sub_(rate * stride)
draw | contiguous batches | neighbouring windows read memory in order and cost less
    first = torch.randint(len(data) - BATCH_SIZE * CONTEXT - 1, (1,), generator=generator)
    return data[first : first + BATCH_SIZE * (CONTEXT + 1)].view(BATCH_SIZE, CONTEXT + 1)
draw | starts at line ends | a window that begins with a line wastes no context
    ends = (data == 10).nonzero().flatten()[: -CONTEXT - 1]
    starts = ends[torch.randint(len(ends), (BATCH_SIZE,), generator=generator)]
    return torch.stack([data[start : start + CONTEXT + 1] for start in starts])
draw | shuffled epochs | drawing without replacement sees more distinct bytes
    order = torch.randperm((len(data) - 1) // CONTEXT, generator=generator)[:BATCH_SIZE]
    return torch.stack([data[i * CONTEXT : (i + 1) * CONTEXT + 1] for i in order])
draw | skewed to late files | the later files resemble the validation distribution more
    place = torch.rand(BATCH_SIZE, generator=generator).sqrt()
    starts = (place * (len(data) - CONTEXT - 1)).long()
    return torch.stack([data[start : start + CONTEXT + 1] for start in starts])
draw | two thirds context windows | shorter windows train the positions that matter
    length = CONTEXT if torch.rand(1, generator=generator) > 0.3 else CONTEXT * 2 // 3
    starts = torch.randint(len(data) - length - 1, (BATCH_SIZE,), generator=generator)
    return torch.stack([data[start : start + length + 1] for start in starts])
"""


def _read(table: str) -> tuple[Idea, ...]:
    found: list[Idea] = []
    for line in table.strip().splitlines():
        if line.startswith("    "):
            last = found.pop()
            found.append(Idea(last.function, last.name, last.why, f"{last.body}{line}\n"))
        else:
            function, name, why = line.split(" | ")
            found.append(Idea(function, name, why, ""))
    return tuple(found)


IDEAS = _read(_TABLE)
