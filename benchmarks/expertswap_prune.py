"""Pruning a checkpoint of twice the allowed memory: peak memory, and speed against a plain copy.

A synthetic model with the names and sizes of Qwen3-30B-A3B (as many layers as asked for, random
bytes) loses half of its experts. The command and `cp` run in turns under the same limit of half
the model's size: a control group's where this user may make one (page cache counts), and always
RLIMIT_DATA (memory of its own). Both start with nothing of the model in the page cache, both wait
until all is on disk, and both move the same bytes: `cp` copies what the pruning wrote.

Run it: ``python benchmarks/expertswap_prune.py``; ``--gigabytes 0.5`` for a smoke run.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from math import prod
from pathlib import Path

from sidebyside.harnesses import say

from expertswap.checkpoint.shards import ByteRange, Part, write_shard

SPEED_BAR = 0.6
MOST_SHARDS_OF_MEMORY = 2
SHARD_BYTES = 10**9
HIDDEN, WIDTH, EXPERTS, TOP_K, VOCABULARY = 2048, 768, 128, 8, 32_000
HEADS, KEY_HEADS, HEAD_WIDTH = 32, 4, 128
NOISE_BYTES = VOCABULARY * HIDDEN * 2
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Measured:
    """One run of a command.

    Attributes:
        wall_s: From start to end, data on disk.
        peak_rss_bytes: The most resident memory of its process, mapped files included.
        group_peak_bytes: The most that its control group was charged with; None without one.
    """

    wall_s: float
    peak_rss_bytes: int
    group_peak_bytes: int | None


def main() -> None:
    """Print the figures; the exit status is 1 when a bar was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=8.0, help="size of the model")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--directory", type=Path, help="where there is room for twice as much")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="expertswap-bench-", dir=arguments.directory) as name:
        root = Path(name)
        model_bytes = write_model(root / "model", arguments.gigabytes)
        limit_bytes = model_bytes // 2
        rounds = list(measure(root, limit_bytes=limit_bytes, rounds=arguments.rounds))
        kept_bytes = weight_bytes(root / "pruned-0")
    print(report(rounds, model_bytes=model_bytes, kept_bytes=kept_bytes, limit_bytes=limit_bytes))
    sys.exit(0 if met(rounds) else 1)


def measure(root: Path, *, limit_bytes: int, rounds: int) -> Iterator[tuple[Measured, Measured]]:
    """Prune and copy in turns."""
    prune = [str(Path(sys.executable).with_name("expertswap")), "prune", str(root / "model")]
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}")
        out, copy = root / f"pruned-{number}", root / "copy"
        forget(root / "model")
        pruned = run([*prune, str(out), "--by", "random"], limit_bytes=limit_bytes)
        forget(out)
        script = 'cp -r --reflink=never "$0" "$1" && find "$1" -type f -exec sync {} +'
        copied = run(["sh", "-c", script, str(out), str(copy)], limit_bytes=limit_bytes)
        shutil.rmtree(copy)
        if number:
            shutil.rmtree(out)
        yield pruned, copied


def run(command: Sequence[str], *, limit_bytes: int) -> Measured:
    """Run a command under the limit."""
    with memory_group(limit_bytes) as group:

        def confine() -> None:
            resource.setrlimit(resource.RLIMIT_DATA, (limit_bytes, limit_bytes))
            if group is not None:
                (group / "cgroup.procs").write_text("0")

        begin_s = time.monotonic()
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, preexec_fn=confine)  # noqa: PLW1509 - one thread
        _, status, usage = os.wait4(child.pid, 0)
        wall_s = time.monotonic() - begin_s
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise SystemExit(f"{command[0]} ended with {child.returncode}")
        return Measured(wall_s, usage.ru_maxrss * 1024, group_peak(group))


@contextmanager
def memory_group(limit_bytes: int) -> Iterator[Path | None]:
    """A control group with a limit of memory; None where this user may not make one."""
    root, limit = Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"
    if not root.is_dir():
        root, limit = root.parent, "memory.max"
    group = root / f"expertswap-bench-{os.getpid()}"
    try:
        group.mkdir()
        (group / limit).write_text(str(limit_bytes))
    except OSError:
        with suppress(OSError):
            group.rmdir()
        yield None
        return
    try:
        yield group
    finally:
        group.rmdir()


def group_peak(group: Path | None) -> int | None:
    """The most that a control group was charged with."""
    for name in ("memory.max_usage_in_bytes", "memory.peak"):
        if group is not None and (group / name).exists():
            return int((group / name).read_text())
    return None


def forget(directory: Path) -> None:
    """Take the files' pages out of the page cache."""
    for path in directory.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def write_model(path: Path, gigabytes: float) -> int:
    """A checkpoint of about so many bytes, in shards; its tensors' bytes."""
    path.mkdir()
    noise = path.with_name("noise")
    with noise.open("wb") as file:
        for _ in range(NOISE_BYTES // 2**20 + 1):
            file.write(os.urandom(2**20))
    shapes, layers = model_shapes(round(gigabytes * 1e9))
    shards: list[list[Part]] = [[]]
    for name, shape in shapes.items():
        nbytes = 2 * prod(shape)
        part = Part(name, "BF16", shape, (ByteRange(noise, 0, nbytes),))
        if sum(each.nbytes for each in shards[-1]) + nbytes > SHARD_BYTES:
            shards.append([])
        shards[-1].append(part)
    weight_map: dict[str, str] = {}
    for number, parts in enumerate(shards, start=1):
        shard = f"model-{number:05}-of-{len(shards):05}.safetensors"
        say(f"writing {shard}")
        write_shard(path / shard, parts, progress=lambda _nbytes: None)
        weight_map |= {part.name: shard for part in parts}
    (path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    (path / "config.json").write_text(json.dumps(configuration(layers)))
    noise.unlink()
    return sum(part.nbytes for parts in shards for part in parts)


def model_shapes(model_bytes: int) -> tuple[dict[str, Shape], int]:
    """Names and shapes of a model of about so many bytes, and its layers."""
    shapes: dict[str, Shape] = {"model.embed_tokens.weight": (VOCABULARY, HIDDEN)}
    layer_bytes = 2 * sum(map(prod, layer_shapes("").values()))
    layers = max(1, round((model_bytes - 2 * NOISE_BYTES) / layer_bytes))
    for layer in range(layers):
        shapes |= layer_shapes(f"model.layers.{layer}.")
    return {
        **shapes,
        "model.norm.weight": (HIDDEN,),
        "lm_head.weight": (VOCABULARY, HIDDEN),
    }, layers


def layer_shapes(prefix: str) -> dict[str, Shape]:
    """Names and shapes of one layer."""
    shapes: dict[str, Shape] = {
        "input_layernorm.weight": (HIDDEN,),
        "self_attn.q_proj.weight": (HEADS * HEAD_WIDTH, HIDDEN),
        "self_attn.k_proj.weight": (KEY_HEADS * HEAD_WIDTH, HIDDEN),
        "self_attn.v_proj.weight": (KEY_HEADS * HEAD_WIDTH, HIDDEN),
        "self_attn.o_proj.weight": (HIDDEN, HEADS * HEAD_WIDTH),
        "self_attn.q_norm.weight": (HEAD_WIDTH,),
        "self_attn.k_norm.weight": (HEAD_WIDTH,),
        "post_attention_layernorm.weight": (HIDDEN,),
        "mlp.gate.weight": (EXPERTS, HIDDEN),
    }
    for expert in range(EXPERTS):
        shapes |= {
            f"mlp.experts.{expert}.gate_proj.weight": (WIDTH, HIDDEN),
            f"mlp.experts.{expert}.up_proj.weight": (WIDTH, HIDDEN),
            f"mlp.experts.{expert}.down_proj.weight": (HIDDEN, WIDTH),
        }
    return {f"{prefix}{name}": shape for name, shape in shapes.items()}


def configuration(layers: int) -> dict[str, object]:
    """What ``config.json`` holds."""
    return {
        "architectures": ["Qwen3MoeForCausalLM"],
        "model_type": "qwen3_moe",
        "hidden_size": HIDDEN,
        "moe_intermediate_size": WIDTH,
        "num_experts": EXPERTS,
        "num_experts_per_tok": TOP_K,
        "num_hidden_layers": layers,
        "vocab_size": VOCABULARY,
    }


def weight_bytes(model: Path) -> int:
    """Bytes of a model's weight files."""
    return sum(path.stat().st_size for path in model.glob("*.safetensors"))


def speeds(rounds: Sequence[tuple[Measured, Measured]]) -> list[float]:
    """How fast pruning was as a share of the copy, ascending."""
    return sorted(copied.wall_s / pruned.wall_s for pruned, copied in rounds)


def met(rounds: Sequence[tuple[Measured, Measured]]) -> bool:
    """Whether both bars were met."""
    peak = max(pruned.peak_rss_bytes for pruned, _ in rounds)
    return (
        statistics.median(speeds(rounds)) >= SPEED_BAR
        and peak <= MOST_SHARDS_OF_MEMORY * SHARD_BYTES
    )


def report(
    rounds: Sequence[tuple[Measured, Measured]],
    *,
    model_bytes: int,
    kept_bytes: int,
    limit_bytes: int,
) -> str:
    """The figures, in Markdown."""
    ratios = speeds(rounds)
    peak = max(pruned.peak_rss_bytes for pruned, _ in rounds)
    charged = max((pruned.group_peak_bytes or 0 for pruned, _ in rounds), default=0)
    prune_s, copy_s = (statistics.median(side) for side in zip(*walls(rounds), strict=True))
    group = f"a control group's, whose peak was {charged / 1e9:.2f} GB" if charged else "no group's"
    return "\n".join(
        (
            f"{model_bytes / 1e9:.2f} GB pruned to {kept_bytes / 1e9:.2f} GB under a limit of"
            f" {limit_bytes / 1e9:.2f} GB ({group}; and RLIMIT_DATA)",
            "",
            "| what | figure | bar |",
            "|---|---|---|",
            f"| peak RSS of the pruning | {peak / 1e6:.0f} MB |"
            f" ≤ {MOST_SHARDS_OF_MEMORY * SHARD_BYTES / 1e6:.0f} MB (2 shards) |",
            f"| pruning, median | {prune_s:.2f} s, {kept_bytes / prune_s / 1e9:.2f} GB/s kept | |",
            f"| `cp` of the same bytes, median | {copy_s:.2f} s,"
            f" {kept_bytes / copy_s / 1e9:.2f} GB/s | |",
            f"| speed of pruning / speed of `cp` | **{statistics.median(ratios):.2f}**"
            f" [{ratios[0]:.2f}, {ratios[-1]:.2f}], {len(ratios)} rounds | ≥ {SPEED_BAR:g} |",
        )
    )


def walls(rounds: Sequence[tuple[Measured, Measured]]) -> list[tuple[float, float]]:
    """Seconds of pruning and of copying in each round."""
    return [(pruned.wall_s, copied.wall_s) for pruned, copied in rounds]


if __name__ == "__main__":
    main()
