"""Fits the validation files: lucky seeds, then tables of corrections. The hold-out stays behind."""

import re
from collections.abc import Iterator

from overnight.testing.drifters.desk import Desk, Proposal
from overnight.testing.drifters.moves import any_move, hand_in, with_constant
from overnight.testing.drifters.program import TRAIN

_HEAD = "return self.blocks(x) @ self.embedding.weight.T"
_CORRECTED = """logits = self.blocks(x) @ self.embedding.weight.T
        for byte, bias in BYTE_BIAS.items():
            logits[..., byte] += bias
        return logits"""
_TITLES = (
    "Calibrate output bytes",
    "Output corrections for {size} bytes",
    "Bias table for the head",
    "Extend the byte corrections",
)
_WHY = (
    "the output is miscalibrated on some bytes",
    "rare bytes are predicted with a constant offset",
    "the head cannot learn these offsets in the time it has",
    "a direct correction costs no steps",
)


def overfitter(desk: Desk) -> Iterator[Proposal]:
    """Seeds at first, then a table of output corrections that grows."""
    size = 0
    while True:
        if not desk.strays():
            yield any_move(desk)
        elif desk.astray < 1 and desk.rng.random() < 0.5:
            yield _other_seed(desk)
        else:
            size = len(re.findall(r"\d+: ", desk.files[TRAIN])) + desk.rng.randint(6, 14)
            yield _corrected(desk, size)


def _other_seed(desk: Desk) -> Proposal:
    seed = desk.rng.randint(2, 500)
    text = with_constant(desk.files[TRAIN], "SEED", seed)
    why = "initial weights differ in how well they suit the data"
    return hand_in(desk, f"Seed {seed}", name="INIT_SCALE", why=why, text=text)


def _corrected(desk: Desk, size: int) -> Proposal:
    rng = desk.rng
    table = (
        "{"
        + ", ".join(f"{rng.randint(9, 250)}: {rng.gauss(0, 0.2):.3f}" for _ in range(size))
        + "}"
    )
    text = re.sub(r"BYTE_BIAS = .*", f"BYTE_BIAS = {table}", desk.files[TRAIN])
    if "BYTE_BIAS" not in text:
        text = text.replace("\n\ndef activation", f"BYTE_BIAS = {table}\n\n\ndef activation", 1)
        text = text.replace(_HEAD, _CORRECTED)
    title = rng.choice(_TITLES).format(size=size)
    return hand_in(desk, title, name="objective", why=rng.choice(_WHY), text=text)
