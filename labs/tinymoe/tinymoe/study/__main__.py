"""Prune and round trained models in many ways, and see what each costs.

In ``labs/tinymoe``::

    python -m tinymoe.study --models SEED0 SEED1 SEED2 --out DIR

Each model is a directory that ``python -m tinymoe`` made. ``DIR`` gets ``quality.md``, the tables;
``quality.csv``, every figure; and ``measured.jsonl``, by which an interrupted study goes on.
"""

import argparse
import platform
from pathlib import Path

import torch
import transformers

from tinymoe.evaluation import encoded
from tinymoe.model import read_tokenizer
from tinymoe.prepare import read_prompts
from tinymoe.study.compressing import Compressor, observe_all
from tinymoe.study.measuring import (
    Measured,
    append,
    batches_of,
    likeliest,
    read_measured,
    scores,
)
from tinymoe.study.statistics import frame
from tinymoe.study.tables import write_csv, write_tables
from tinymoe.study.variants import FULL, variants
from tinymoe.text import Split


def main() -> None:
    """Measure what is missing, and write the tables."""
    options = parse()
    options.out.mkdir(parents=True, exist_ok=True)
    for model in options.models:
        measure(model, options.out, most=options.prompts, rows=options.rows)
    found = list(read_measured(options.out / "measured.jsonl"))
    machines = sorted({one.machine for one in found})
    write_csv(frame(found), options.out / "quality.csv")
    write_tables(frame(found), options.out / "quality.md", about="; ".join(machines))
    print(options.out / "quality.md")


def parse() -> argparse.Namespace:
    """The options."""
    parser = argparse.ArgumentParser(prog="tinymoe.study", description="What pruning costs.")
    parser.add_argument("--models", type=Path, nargs="+", required=True, help="trained ones")
    parser.add_argument("--out", type=Path, required=True, help="where the tables go")
    parser.add_argument("--prompts", type=int, help="held-out ones of each domain, at most")
    parser.add_argument("--rows", type=int, default=32, help="prompts at a time")
    return parser.parse_args()


def measure(model: Path, out: Path, *, most: int | None, rows: int) -> None:
    """Measure those variants of one model that are not measured yet.

    Args:
        model: As ``python -m tinymoe`` made it.
        out: Where the study is.
        most: Held-out prompts of each domain; None for all.
        rows: Prompts at a time.
    """
    path = out / "measured.jsonl"
    done = {one.variant for one in read_measured(path) if one.model == model.name}
    held_out = read_prompts(model / "prompts" / f"{Split.HELD_OUT}.jsonl")
    missing = [variant for variant in variants(sorted(held_out)) if variant not in done]
    if not missing:
        return
    some = {domain: texts[:most] for domain, texts in held_out.items()}
    batches = batches_of(encoded(some, read_tokenizer(model / "model")), rows=rows)
    compressor = observed(model, out)
    with compressor.compressed(FULL) as full:
        reference = likeliest(full, batches)
    for variant in missing:
        with compressor.compressed(variant) as compressed:
            found = scores(compressed, batches, reference)
        measured = Measured(model.name, machine(), variant, found)
        append(path, measured)
        print(told(measured), flush=True)


def observed(model: Path, out: Path) -> Compressor:
    """What makes variants of a model, which is observed on all its calibration prompts."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    observation = out / f"{model.name}-{Split.CALIBRATION}.safetensors"
    prompts = model / "prompts" / f"{Split.CALIBRATION}.jsonl"
    observe_all(model / "model", prompts, observation, device=device)
    return Compressor(model / "model", observation, device)


def told(measured: Measured) -> str:
    """What was measured, as a line."""
    by_domain = (
        f"{domain} {score.nats:.3f} {score.agreement:.1%}"
        for domain, score in measured.scores.items()
    )
    return f"{measured.model}  {measured.variant.name}:  {'  '.join(by_domain)}"


def machine() -> str:
    """On what and with what is measured."""
    cuda = torch.cuda.is_available()
    device = torch.cuda.get_device_name() if cuda else f"processor ({platform.machine()})"
    return f"{device}, torch {torch.__version__}, transformers {transformers.__version__}"


if __name__ == "__main__":
    main()
