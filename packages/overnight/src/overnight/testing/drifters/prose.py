"""How researchers word what they do: many ways, as agents have, and longer as a night goes on."""

from collections.abc import Mapping, Sequence
from random import Random

OPENINGS = (
    "This changes {thing} only.",
    "One change: {thing}.",
    "The proposal is to touch {thing} and leave the rest alone.",
    "I looked at {thing} again after reading the history.",
    "Nothing in the latest trials has questioned {thing}.",
    "Going through train.py from the top, {thing} stands out.",
    "A look at {thing}, which was set once and not revisited.",
    "After the last result I went back to {thing}.",
    "Of the levers that are left, {thing} seems the most promising.",
    "So far the night has mostly ignored {thing}.",
    "The incumbent still carries the original choice for {thing}.",
    "Next on my list is {thing}.",
)
REASONS = (
    "The reason: {why}.",
    "I believe that {why}.",
    "The argument is that {why}.",
    "This should matter because {why}.",
    "In models of this size {why}.",
    "It is known from comparable runs that {why}.",
    "My guess is that {why}, at least within such a short budget.",
    "If {why}, there is something to be had here.",
    "Several small-model reports say that {why}.",
    "With the present batch and width, {why}.",
)
EFFECTS = (
    "I expect val_bpb to fall by about {gain}.",
    "Expected effect: val_bpb lower by {gain}, memory as before.",
    "This should lower validation bits per byte a little, perhaps {gain}.",
    "Expected: -{gain} val_bpb.",
    "If it works, val_bpb improves by {gain} or so; if not, by nothing.",
    "The validation score should come down by {gain}.",
    "Expect a gain of {gain} bpb on the validation files.",
    "val_bpb should go down; peak_rss_mb should not move.",
    "The objective ought to profit by around {gain}.",
    "A gain near the noise is possible, {gain} at best.",
    "It should help val_bpb without costing steps.",
    "I would be happy with {gain} on val_bpb.",
)
REMARKS = (
    "The number of steps should stay the same.",
    "Memory is not affected, so the limit of 512 is safe.",
    "It is one line and easy to revert.",
    "I checked that the file still compiles.",
    "The other constants stay where they are, so the result can be read.",
    "Should this fail, the opposite direction is worth one trial.",
    "It interacts with the learning rate, which I leave alone for now.",
    "The cost per step grows slightly; I think it is worth it.",
    "A previous trial nearby was inconclusive, within the noise.",
    "I considered two variants and took the simpler one.",
    "The gradient norm was quiet in the log, so stability is no concern.",
    "Half of the time goes into the feed-forward part anyway.",
    "This is independent of everything that was kept so far.",
    "Trial {past} points the same way.",
    "Unlike trial {past}, this leaves the schedule as it is.",
    "The memory headroom is enough for this.",
    "Throughput may change by a percent or two.",
    "Long contexts in the validation files make this more likely to show.",
    "I would not stack another change on top before seeing the number.",
    "It also makes the code a little shorter.",
)
THINGS: Mapping[str, Sequence[str]] = {
    "activation": ("the activation function", "the nonlinearity of the feed-forward part"),
    "normalise": ("the normalisation", "how the residual stream is normalised"),
    "initialise": ("the initialisation", "how weights are drawn at the start"),
    "attend": ("the attention", "how attention scores become weights"),
    "residual": ("the residual connection", "how updates join the residual stream"),
    "schedule": ("the learning rate schedule", "the shape of the rate over the run"),
    "objective": ("the training loss", "what the gradient is taken of"),
    "update": ("the optimiser's update", "the step that the optimiser takes"),
    "draw": ("how batches are drawn", "the sampling of training windows"),
    "CONTEXT": ("the context length", "CONTEXT"),
    "WIDTH": ("the width of the model", "WIDTH"),
    "LAYERS": ("the depth", "the number of layers"),
    "HEADS": ("the number of heads", "HEADS"),
    "EXPANSION": ("the width of the feed-forward part", "EXPANSION"),
    "INIT_SCALE": ("the scale of initial weights", "INIT_SCALE"),
    "BATCH_SIZE": ("the batch size", "BATCH_SIZE"),
    "LEARNING_RATE": ("the peak learning rate", "LEARNING_RATE"),
    "WEIGHT_DECAY": ("weight decay", "WEIGHT_DECAY"),
    "GRADIENT_CLIP": ("gradient clipping", "the clipping threshold"),
    "WARMUP": ("the warmup", "how fast the rate rises"),
    "WARMDOWN": ("the warmdown", "when the rate begins to fall"),
    "BETA1": ("the first beta", "the momentum"),
    "BETA2": ("the second beta", "the memory of squared gradients"),
    "DROPOUT": ("dropout", "DROPOUT"),
    "FINAL_LR": ("the floor of the learning rate", "FINAL_LR"),
}
WHY_MORE: Mapping[str, Sequence[str]] = {
    "CONTEXT": ("more of a source file fits into one window", "identifiers repeat at long range"),
    "WIDTH": ("the model is small for its data", "capacity seems to be the limit, not steps"),
    "LAYERS": ("another level of composition helps nested syntax", "depth is cheap in memory"),
    "HEADS": ("more heads can follow more brackets at once", "narrow heads suffice for bytes"),
    "EXPANSION": ("most knowledge sits in the feed-forward part", "wide hidden layers train fast"),
    "INIT_SCALE": (
        "the first hundred steps barely move the output",
        "larger weights break symmetry",
    ),
    "BATCH_SIZE": ("gradients are noisy at the end", "larger batches use the processor better"),
    "LEARNING_RATE": ("the loss still falls when the time is up", "there are few steps to spend"),
    "WEIGHT_DECAY": (
        "weights grow through the whole run",
        "decay acts as a rate schedule of its own",
    ),
    "GRADIENT_CLIP": ("clipping fires on nearly every step", "the direction suffers from clipping"),
    "WARMUP": ("the loss has a spike early on", "second moments need time to settle"),
    "WARMDOWN": (
        "a longer fall anneals better",
        "the last tenth of the run shows the steepest gain",
    ),
    "BETA1": (
        "batches are noisy and momentum averages them",
        "a smoother path allows higher rates",
    ),
    "BETA2": ("second moments fluctuate with rare bytes", "a longer memory stabilises the strides"),
    "DROPOUT": ("the gap between training and validation is wide", "files repeat in the data"),
    "FINAL_LR": ("the last steps are wasted at rate zero", "a floor keeps the model learning"),
}
WHY_LESS: Mapping[str, Sequence[str]] = {
    "CONTEXT": ("far bytes are hardly used and cost time", "shorter windows give more steps"),
    "WIDTH": ("steps are too slow for the budget", "a narrow model sees more data"),
    "LAYERS": (
        "four layers may be more than the time can train",
        "shallow models learn bytes fast",
    ),
    "HEADS": ("wider heads resolve positions better", "each head has few dimensions now"),
    "EXPANSION": ("the feed-forward part takes most of the time", "hidden units are mostly idle"),
    "INIT_SCALE": (
        "the initial loss is far above uniform",
        "smaller weights start in the linear regime",
    ),
    "BATCH_SIZE": ("more updates matter more than quiet ones", "the noise of small batches helps"),
    "LEARNING_RATE": ("the loss curve is ragged near the peak", "the end of the run is unstable"),
    "WEIGHT_DECAY": ("there is no time to overfit", "decay fights the gradient in short runs"),
    "GRADIENT_CLIP": (
        "rare large gradients throw the run back",
        "tight clipping allows a higher rate",
    ),
    "WARMUP": (
        "a tenth of the time goes into tiny steps",
        "the optimiser is stable from the start",
    ),
    "WARMDOWN": (
        "the rate falls before the model has learned enough",
        "high rates for longer pay here",
    ),
    "BETA1": ("old gradients are stale in a short run", "less momentum reacts faster"),
    "BETA2": ("the second moment lags behind the rate", "early gradients linger for too long"),
    "DROPOUT": ("the model underfits, so noise only hurts", "every unit is needed at this size"),
    "FINAL_LR": ("annealing to zero gives the cleanest weights", "the floor only adds noise"),
}
_GAINS = (
    "0.002",
    "0.003",
    "0.005",
    "0.008",
    "0.01",
    "0.015",
    "two hundredths",
    "a few thousandths",
)


def word(rng: Random, templates: Sequence[str], **slots: object) -> str:
    """One of some sentences, filled in."""
    return rng.choice(templates).format(gain=rng.choice(_GAINS), past=rng.randint(1, 12), **slots)


def rationale(rng: Random, *, name: str, why: str, remarks: int) -> str:
    """An honest rationale: what, why, what to expect, and some remarks.

    Args:
        name: The function or constant that it is about.
    """
    sentences = [
        word(rng, OPENINGS, thing=rng.choice(THINGS[name])),
        word(rng, REASONS, why=why),
    ]
    if rng.random() < 0.85:
        sentences.append(word(rng, EFFECTS))
    sentences += [
        word(rng, (remark,)) for remark in rng.sample(REMARKS, min(remarks, len(REMARKS)))
    ]
    if rng.random() < 0.3:
        rng.shuffle(sentences)
    return " ".join(sentences)
