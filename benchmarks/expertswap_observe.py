"""What observing costs beside running every expert on every token, and who is right.

The reference is REAP's observer written plainly from its formula (arXiv:2510.13999, as its authors'
code computes it): beside the model's own forward pass, every expert runs on every token into one
float32 buffer of (E, T, H), and gates and choices come from a softmax over the router's raw logits.
Ours is ``expertswap.observe`` on the same model, weights and tokens. Printed are

1. time: the reference's forward pass over ours (bar: at least E / 2k), and what ours adds to the
   unwatched model,
2. memory beyond what the unwatched forward pass peaks at: the reference's over ours (bar: 10),
3. the experts that each would prune: the same of a softmax router; of a sigmoid router with
   correction biases ours is compared with the truth, computed from the gates the model used.

On a CPU one thread computes, and its own processor time is taken. Run:
``python benchmarks/expertswap_observe.py``, on a GPU machine with ``--device cuda``; ``--quick``
for a smoke run. The exit status is 1 if a bar is missed.
"""

import argparse
import ctypes
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from expertswap.observe.batches import model_inputs
from expertswap.observe.forward import prefill
from expertswap.observe.hook import expert_modules, observing
from expertswap.observe.recording import Recorder
from expertswap.observe.statistics import Statistics
from expertswap.prompts.tokens import TokenizedPrompt

VOCABULARY = 512
MEMORY_BAR = 10.0
PRUNED = 0.5
_M_MMAP_THRESHOLD = -3
Forward = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Size:
    """How large the model and its input are."""

    hidden: int
    width: int
    experts: int
    top_k: int
    layers: int
    prompts: int
    prompt_tokens: int
    rounds: int

    @property
    def time_bar(self) -> float:
        """How many times faster than the reference ours has to be."""
        return self.experts / (2 * self.top_k)


CPU = Size(512, 512, 128, 8, 1, 8, 512, 3)
GPU = Size(2048, 768, 128, 8, 4, 8, 2048, 7)  # a Qwen3-30B-A3B's block
QUICK = Size(64, 32, 32, 2, 2, 4, 32, 2)


def make_model(model_type: str, size: Size, device: torch.device) -> PreTrainedModel:
    """A model with random weights, whose routers have clear favourites."""
    config = AutoConfig.for_model(
        model_type,
        vocab_size=VOCABULARY,
        hidden_size=size.hidden,
        intermediate_size=size.width,
        moe_intermediate_size=size.width,
        num_hidden_layers=size.layers,
        num_attention_heads=8,
        num_key_value_heads=8,
        head_dim=size.hidden // 8,
        num_experts_per_tok=size.top_k,
        norm_topk_prob=True,
        first_k_dense_replace=0,
        n_group=1,
        topk_group=1,
        **{"num_experts" if model_type == "qwen3_moe" else "n_routed_experts": size.experts},
    )
    torch.manual_seed(0)
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    model: Any = AutoModelForCausalLM.from_config(config, dtype=dtype)  # type: ignore[no-untyped-call] # transformers
    with torch.no_grad():
        for name, values in model.state_dict().items():
            if name.endswith("e_score_correction_bias"):
                values.normal_(0, 0.3)
            elif name.endswith("mlp.gate.weight"):
                values.normal_(0, 2 / size.hidden**0.5)
    placed: PreTrainedModel = model.eval().to(device)
    return placed


def random_prompts(size: Size) -> tuple[TokenizedPrompt, ...]:
    """Tokens at random."""
    rng = np.random.default_rng(0)
    shape = (size.prompts, size.prompt_tokens)
    tokens = rng.integers(0, VOCABULARY, shape).astype(np.int32)
    return tuple(TokenizedPrompt(number, "all", row) for number, row in enumerate(tokens))


@dataclass
class Reference:
    """REAP's observer: sums of a layer's saliency, over every expert and token."""

    count_LE: Tensor
    saliency_LE: Tensor

    @torch.inference_mode()
    def see(self, layer: int, experts: Any, hidden_TH: Tensor, logits_TE: Tensor) -> None:
        """Run all experts on all tokens, and add the saliency of the chosen ones."""
        chosen_TK = logits_TE.float().softmax(dim=-1).topk(experts.config.num_experts_per_tok)
        gates_TK = chosen_TK.values / chosen_TK.values.sum(dim=-1, keepdim=True)
        self.add(layer, every_output(experts, hidden_TH), chosen_TK.indices, gates_TK)

    def add(self, layer: int, outputs_ETH: Tensor, experts_TK: Tensor, gates_TK: Tensor) -> None:
        """Add gate times norm of every expert over the tokens that use it."""
        norms_ET = outputs_ETH.norm(dim=-1)
        for expert, norms_T in enumerate(norms_ET):
            token_N, choice_N = torch.where(experts_TK == expert)
            self.count_LE[layer, expert] += len(token_N)
            self.saliency_LE[layer, expert] += (
                gates_TK[token_N, choice_N] * norms_T[token_N]
            ).sum()

    def means(self) -> NDArray[np.float64]:
        """The saliency, (L, E)."""
        means_LE = self.saliency_LE / self.count_LE.clamp(min=1)
        return means_LE.cpu().double().numpy()


def every_output(experts: Any, hidden_TH: Tensor) -> Tensor:
    """What every expert makes of every token, float32 (E, T, H)."""
    E, (T, H) = len(experts.gate_up_proj), hidden_TH.shape
    outputs_ETH = torch.zeros(E, T, H, dtype=torch.float32, device=hidden_TH.device)
    for expert in range(E):
        gate_TI, up_TI = functional.linear(hidden_TH, experts.gate_up_proj[expert]).chunk(2, dim=-1)
        inner_TI = functional.silu(gate_TI) * up_TI
        outputs_ETH[expert] = functional.linear(inner_TI, experts.down_proj[expert])
    return outputs_ETH


def no_reference(size: Size, device: torch.device) -> Reference:
    """A reference that has seen nothing."""
    zeros = torch.zeros(size.layers, size.experts, device=device)
    return Reference(zeros.clone(), zeros.clone())


@contextmanager
def with_reference(model: PreTrainedModel, reference: Reference) -> Iterator[None]:
    """Let the reference see every block, which shows it hidden states and raw logits."""
    handles = []
    for experts, layer in expert_modules(model).items():
        block = model.get_submodule(f"model.layers.{layer}.mlp")
        router: Any = block.gate

        def see(_block: Any, given: Any, _out: Any, *, at: Any = (layer, experts, router)) -> None:
            hidden_TH = given[0].reshape(-1, given[0].shape[-1])
            logits_TE = functional.linear(hidden_TH.float(), at[2].weight.float())
            reference.see(at[0], at[1], hidden_TH, logits_TE)

        handles.append(block.register_forward_hook(see))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def with_truth(model: PreTrainedModel, truth: Reference) -> Iterator[None]:
    """The same sums, by the gates and choices that the model itself made."""
    handles = []
    for experts, layer in expert_modules(model).items():

        def see(module: Any, given: Sequence[Tensor], *, layer: int = layer) -> None:
            hidden_TH, experts_TK, gates_TK = given
            outputs_ETH = every_output(module, hidden_TH)
            truth.add(layer, outputs_ETH, experts_TK, gates_TK.float())

        handles.append(experts.register_forward_pre_hook(see))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@dataclass
class Bench:
    """One model and its input, and three ways to run it."""

    model: PreTrainedModel
    size: Size
    device: torch.device

    def __post_init__(self) -> None:
        self.inputs = model_inputs(random_prompts(self.size), domains=["all"], device=self.device)

    @torch.inference_mode()
    def unwatched(self) -> None:
        """The forward pass alone."""
        self.model.base_model(
            input_ids=self.inputs.ids_BT,
            attention_mask=self.inputs.mask_BT,
            position_ids=self.inputs.position_BT,
            use_cache=False,
        )

    @torch.inference_mode()
    def ours(self) -> NDArray[np.float64]:
        """The forward pass, observed; gives the saliency (L, E)."""
        size = self.size
        statistics = Statistics(
            num_layers=size.layers, num_experts=size.experts, num_domains=1, device=self.device
        )
        recorder = Recorder(statistics, {layer: layer for layer in range(size.layers)})
        with observing(self.model, recorder):
            prefill(self.model, self.inputs, recorder)
        sums = statistics.arrays()
        means: NDArray[np.float64] = sums["gated_norm_sum_DLE"][0] / np.maximum(
            sums["count_DLE"][0], 1
        )
        return means

    def reference(self) -> NDArray[np.float64]:
        """The forward pass with the reference; gives its saliency (L, E)."""
        reference = no_reference(self.size, self.device)
        with with_reference(self.model, reference):
            self.unwatched()
        return reference.means()

    def truth(self) -> NDArray[np.float64]:
        """The saliency by the gates that the model used (L, E)."""
        truth = no_reference(self.size, self.device)
        with with_truth(self.model, truth):
            self.unwatched()
        return truth.means()

    def seconds(self, run: Callable[[], object]) -> float:
        """How long a run takes; on a CPU its one thread's own time, whatever else runs there."""
        clock = time.perf_counter if self.device.type == "cuda" else time.process_time
        self._finish()
        begun = clock()
        run()
        self._finish()
        return clock() - begun

    def peak_bytes(self, run: Callable[[], object]) -> int:
        """Most memory that a run holds beyond what is held before it."""
        if self.device.type == "cuda":
            self._finish()
            torch.cuda.reset_peak_memory_stats()
            before = torch.cuda.memory_allocated()
            run()
            return torch.cuda.max_memory_allocated() - before
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        before = _status_bytes("VmRSS")
        run()
        return _status_bytes("VmHWM") - before

    def _finish(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()


@contextmanager
def large_blocks_apart() -> Iterator[None]:
    """Let glibc give large blocks back at once, so that what is resident is what tensors hold."""
    libc = ctypes.CDLL(None)
    libc.mallopt(_M_MMAP_THRESHOLD, 1 << 16)
    try:
        yield
    finally:
        libc.mallopt(_M_MMAP_THRESHOLD, 1 << 25)


def _status_bytes(key: str) -> int:
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    raise LookupError(key)


def pruned(saliency_LE: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which experts would go: the least salient half of each layer."""
    E = saliency_LE.shape[1]
    least_LE = np.argsort(saliency_LE, axis=1, kind="stable")[:, : int(E * PRUNED)]
    gone_LE = np.zeros(saliency_LE.shape, bool)
    np.put_along_axis(gone_LE, least_LE, values=True, axis=1)
    return gone_LE


def agreement(one_LE: NDArray[np.float64], other_LE: NDArray[np.float64]) -> float:
    """The share of the experts that one prunes which the other prunes too."""
    one, other = pruned(one_LE), pruned(other_LE)
    return float((one & other).sum() / one.sum())


def costs(bench: Bench) -> list[tuple[str, float, float]]:
    """Names, ratios and bars of what is to be cheap."""
    runs = (bench.unwatched, bench.ours, bench.reference)
    with large_blocks_apart():
        peaks = [bench.peak_bytes(run) for run in runs]
    taken = [[bench.seconds(run) for run in runs] for _ in range(bench.size.rounds)]
    beyond = [peak - peaks[0] for peak in peaks]
    for name, seconds, peak_bytes in zip(
        ("forward pass alone", "observed by ours", "observed by the reference"),
        map(median, zip(*taken, strict=True)),
        beyond,
        strict=True,
    ):
        print(f"{name:28} {seconds:8.3f} s   {peak_bytes / 1e6:8.1f} MB more at its peak")
    overhead = median(row[1] / row[0] for row in taken) - 1
    print(f"ours adds {overhead:.1%} to the forward pass (median of {bench.size.rounds} rounds)")
    faster = median(row[2] / row[1] for row in taken)
    return [
        ("times faster than the reference", faster, bench.size.time_bar),
        ("times less extra memory", beyond[2] / max(beyond[1], 1), MEMORY_BAR),
    ]


def main() -> None:
    """Run everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--quick", action="store_true", help="a smoke run, too small for ratios")
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    size = QUICK if arguments.quick else GPU if device.type == "cuda" else CPU
    if device.type == "cpu":
        torch.set_num_threads(1)
    print(f"{size} on {device}\n")
    softmax = Bench(make_model("qwen3_moe", size, device), size, device)
    softmax.ours()  # warms up
    found = costs(softmax)
    same = agreement(softmax.ours(), softmax.reference())
    found.append(("softmax router: pruned sets in common", same, 1.0))
    sigmoid = Bench(make_model("glm4_moe", size, device), size, device)
    truth_LE = sigmoid.truth()
    right, wrong = (agreement(run(), truth_LE) for run in (sigmoid.ours, sigmoid.reference))
    found.append(("sigmoid router: ours with the truth", right, 1.0))
    print(f"sigmoid router: the reference with the truth {wrong:.1%}; by chance {PRUNED:.0%}\n")
    if arguments.quick:
        return
    for name, ratio, bar in found:
        print(f"{name:42} {ratio:8.3f}   bar {bar:6.3f}   {'ok' if ratio >= bar else 'MISSED'}")
    if any(ratio < bar for _, ratio, bar in found):
        sys.exit(1)


if __name__ == "__main__":
    main()
