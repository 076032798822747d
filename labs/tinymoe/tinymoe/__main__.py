"""Train a model: its text, its weights, and what came of it.

In ``labs/tinymoe``::

    python -m tinymoe --size tiny --out DIR
    python -m tinymoe --size gpu --out DIR --seed 1 --text PREPARED

``DIR`` gets ``model/``, which transformers and expertswap load, ``prompts/`` with one file for each
split, and ``training.json``. With ``--text`` the text is prepared there once and found there by the
next seeds.
"""

import argparse
import json
import platform
import shutil
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from tinymoe.evaluation import encoded, expert_counts, losses, specialists_share
from tinymoe.model import new_model, read_tokenizer
from tinymoe.prepare import TooLittleText, is_prepared, prepare, read_prompts
from tinymoe.sizes import SIZES, Size
from tinymoe.text import Split
from tinymoe.training import Progress, train


def main() -> None:
    """Prepare, train, measure and save."""
    options = parse()
    size, prepared = SIZES[options.size], options.text or options.out / "text"
    if not is_prepared(prepared):
        prepare(size, prepared)
    tokenizer = read_tokenizer(prepared / "tokenizer")
    if len(tokenizer) > size.vocabulary:
        sys.exit(f"{prepared} was prepared for a larger size; name another folder with --text.")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    model = new_model(size, tokenizer, seed=options.seed)
    nn.Module.to(model, device, dtype)  # transformers types its own wrongly
    print(f"parameters: {model.num_parameters():,} on {device}", flush=True)
    steps = options.steps or size.steps
    for progress in train(model, prepared, size=size, seed=options.seed, steps=steps):
        print(told(progress, steps=steps, size=size), flush=True)
    save(model, tokenizer, options.out, size=size)
    shutil.copytree(prepared / "prompts", options.out / "prompts", dirs_exist_ok=True)
    about = {"size": options.size, "seed": options.seed, "steps": steps}
    report = {
        **about,
        "progress": asdict(progress),
        **machine(device),
        **measured(model, tokenizer, prepared),
    }
    (options.out / "training.json").write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    print(json.dumps(report, indent=2))


def parse() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(prog="tinymoe", description="Train a small MoE model.")
    parser.add_argument("--size", choices=SIZES, default="tiny")
    parser.add_argument("--out", type=Path, required=True, help="where the model goes")
    parser.add_argument("--seed", type=int, default=0, help="of weights and batches")
    parser.add_argument("--steps", type=int, help="in place of those of the size")
    parser.add_argument("--text", type=Path, help="a folder of prepared text, made if missing")
    return parser.parse_args()


def told(progress: Progress, *, steps: int, size: Size) -> str:
    """Progress as a line."""
    rate = progress.step * size.rows * size.context / progress.elapsed_s
    left_s = progress.elapsed_s / progress.step * (steps - progress.step)
    return (
        f"step {progress.step}/{steps}  loss {progress.loss:.4f}  balance {progress.balance:.3f}"
        f"  {rate:,.0f} tokens/s  {left_s:.0f} s left"
    )


def save(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, out: Path, *, size: Size
) -> None:
    """Write the model in bfloat16 with its tokenizer."""
    nn.Module.to(model, dtype=torch.bfloat16)  # transformers types its own wrongly
    model.save_pretrained(out / "model", max_shard_size=size.shard_bytes)
    tokenizer.save_pretrained(out / "model")


def machine(device: torch.device) -> dict[str, Any]:
    """What it was trained on and with."""
    card = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    versions = {"torch": torch.__version__, "transformers": transformers.__version__}
    return {"device": card, "python": platform.python_version(), **versions}


def measured(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, prepared: Path
) -> dict[str, Any]:
    """Held-out loss by domain, and how much of a domain's traffic another's experts carry."""
    calibration, held_out = (
        encoded(read_prompts(prepared / "prompts" / f"{split}.jsonl"), tokenizer)
        for split in (Split.CALIBRATION, Split.HELD_OUT)
    )
    chosen, traffic = expert_counts(model, calibration), expert_counts(model, held_out)
    shares = {
        specialists: {
            domain: round(specialists_share(chosen[specialists], traffic[domain]), 3)
            for domain in traffic
        }
        for specialists in chosen
    }
    return {"held_out_loss": losses(model, held_out), "traffic_of_specialists": shares}


if __name__ == "__main__":
    try:
        main()
    except TooLittleText as error:
        sys.exit(str(error))
