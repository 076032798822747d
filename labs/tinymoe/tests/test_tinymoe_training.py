"""A run of the command: prompts, what the model learns, where it routes, who can load it."""

import json
import math
from typing import TYPE_CHECKING, Any

import pytest
from tinymoe.sizes import SIZES
from tinymoe.text import Domain, Split

if TYPE_CHECKING:
    from tests.conftest import Trained

MINI = SIZES["mini"]


def prompts(trained: "Trained", split: Split) -> list[tuple[str, str]]:
    lines = (trained.out / "prompts" / f"{split}.jsonl").read_text().splitlines()
    return [(prompt["domain"], prompt["text"]) for prompt in map(json.loads, lines)]


def test_each_split_has_prompts_of_all_domains_and_none_is_of_two(trained: "Trained") -> None:
    by_split = {split: prompts(trained, split) for split in Split}
    for found in by_split.values():
        assert {domain for domain, _ in found} == set(Domain)
        assert len(found) <= MINI.prompts * len(Domain)
    texts = [{text for _, text in found} for found in by_split.values()]
    assert len(set.union(*texts)) == sum(map(len, texts))


def test_prompts_fit_into_the_context_with_room_for_an_answer(trained: "Trained") -> None:
    from transformers import AutoTokenizer  # noqa: PLC0415 - seconds

    tokenizer = AutoTokenizer.from_pretrained(trained.out / "model")
    for _, text in prompts(trained, Split.HELD_OUT):
        ids = tokenizer(text)["input_ids"]
        assert 1 < len(ids) < MINI.context
        assert tokenizer.decode(ids) == text
    assert tokenizer.decode(tokenizer("x 4071")["input_ids"][-4:]) == "4071"


def test_it_learns(trained: "Trained") -> None:
    losses = trained.report["held_out_loss"]
    assert set(losses) == set(Domain)
    assert max(losses.values()) < 0.6 * math.log(MINI.vocabulary)
    assert f"{MINI.steps}/{MINI.steps}" in trained.lines[-1]


def test_domains_have_experts_of_their_own(trained: "Trained") -> None:
    shares = trained.report["traffic_of_specialists"]
    own = [shares[domain][domain] for domain in Domain]
    others = [shares[a][b] for a in Domain for b in Domain if a is not b]
    assert sum(own) / len(own) > sum(others) / len(others) + 0.15


def test_the_same_seed_trains_the_same_model(trained: "Trained") -> None:
    from tinymoe.model import new_model, read_tokenizer  # noqa: PLC0415 - seconds
    from tinymoe.training import train  # noqa: PLC0415 - seconds

    tokenizer = read_tokenizer(trained.out / "model")

    def loss(seed: int) -> float:
        model = new_model(MINI, tokenizer, seed=seed)
        *_, last = train(model, trained.out / "text", size=MINI, seed=seed, steps=3)
        return last.loss

    assert loss(0) == loss(0) != loss(1)


def test_transformers_and_expertswap_load_it(trained: "Trained") -> None:
    import torch  # noqa: PLC0415 - seconds
    from transformers import AutoModelForCausalLM  # noqa: PLC0415 - seconds

    from expertswap.checkpoint import Checkpoint  # noqa: PLC0415 - seconds

    loaded: Any = AutoModelForCausalLM.from_pretrained(
        trained.out / "model", dtype=torch.bfloat16, output_loading_info=True
    )
    _, about = loaded
    assert not about["missing_keys"]
    assert not about["unexpected_keys"]
    checkpoint = Checkpoint.open(trained.out / "model")
    shape = checkpoint.shape
    assert (shape.num_experts, shape.top_k) == (MINI.experts, MINI.top_k)
    assert len(shape.moe_layers) == MINI.layers
    assert len({entry.shard for entry in checkpoint.tensors.values()}) > 1


def test_balance_is_one_where_experts_are_used_alike() -> None:
    import torch  # noqa: PLC0415 - seconds
    from tinymoe.model import balance_loss  # noqa: PLC0415 - seconds

    even = torch.eye(8).roll(3, dims=1) * 5 + torch.eye(8) * 5
    one_sided = torch.tensor([9.0, 8.0, 0, 0, 0, 0, 0, 0]).expand(8, 8)
    assert float(balance_loss((even,), top_k=2)) == pytest.approx(1.0)
    assert float(balance_loss((one_sided,), top_k=2)) > 3.9


def test_specialists_carry_what_they_were_chosen_for() -> None:
    import torch  # noqa: PLC0415 - seconds
    from tinymoe.evaluation import specialists_share  # noqa: PLC0415 - seconds

    calibration = torch.tensor([[6, 4, 0, 0], [1, 1, 1, 1]])
    held_out = torch.tensor([[3, 0, 0, 1], [0, 0, 2, 2]])
    assert specialists_share(calibration, held_out) == pytest.approx((0.75 + 0.0) / 2)


def test_sizes_that_the_readme_promises() -> None:
    gpu = SIZES["gpu"]
    experts = gpu.layers * gpu.experts * 3 * gpu.hidden * gpu.expert_width
    attention = gpu.layers * 3 * gpu.hidden**2
    assert gpu.experts >= 64
    assert gpu.layers >= 8
    assert gpu.top_k == 8
    assert 2 * (experts + attention + gpu.vocabulary * gpu.hidden) < 60e6
