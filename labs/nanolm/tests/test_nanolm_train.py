"""The model, its optimisers and its schedule, on a processor."""

import math
import re
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def _same_numbers_every_time(torch: ModuleType) -> None:
    torch.manual_seed(5)


class Steps:
    """A clock that runs out after a number of steps."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.taken = -1

    def fraction(self) -> float:
        self.taken += 1
        return self.taken / self.total

    def elapsed_s(self) -> float:
        return float(self.taken)


def test_fresh_model_spreads_its_bets(train: ModuleType, torch: ModuleType) -> None:
    model = _model(train, torch, vocabulary=97)
    tokens = torch.randint(97, (2, 32))
    assert model.loss(tokens, tokens).item() == pytest.approx(math.log(97), rel=1e-5)


def test_overfits_a_small_batch(
    train: ModuleType, torch: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "LR_SCALE", 3.0)
    model = _model(train, torch)
    optimizers = train.Optimizers(model)
    tokens = torch.randint(97, (2, 17))
    for step in range(50):
        loss = model.loss(tokens[:, :-1], tokens[:, 1:])
        loss.backward()
        optimizers.step(step / 50)
        model.zero_grad(set_to_none=True)
    assert loss.item() < 0.05


@pytest.mark.parametrize("windows", ["L", "SL", "SSSL"])
def test_no_token_sees_what_comes_after_it(
    train: ModuleType, torch: ModuleType, monkeypatch: pytest.MonkeyPatch, windows: str
) -> None:
    monkeypatch.setattr(train, "WINDOWS", windows)
    model = _shaken(train, torch)
    tokens = torch.randint(97, (2, 32))
    before = model.logits(tokens)
    for place in (1, 8, 21, 31):
        other = tokens.clone()
        other[:, place] = (other[:, place] + 1) % 97
        change = (model.logits(other) - before).detach().abs().amax(dim=(0, 2))
        assert float(change[:place].max()) == 0
        assert float(change[place]) > 1e-3


@pytest.mark.parametrize("window", [1, 4, 8, 16, 100])
def test_attention_is_that_of_a_mask(train: ModuleType, torch: ModuleType, window: int) -> None:
    q, k, v = (torch.randn(2, 3, 16, 8) for _ in range(3))
    ago = torch.arange(16)[:, None] - torch.arange(16)
    mask = (ago >= 0) & (ago < window)
    expected = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    torch.testing.assert_close(train.attend(q, k, v, window=window), expected)


def test_positions_count_from_one_another(train: ModuleType, torch: ModuleType) -> None:
    model = _model(train, torch)
    x = torch.randn(1, 1, 1, 16).expand(1, 1, 32, 16)
    turned = train.rotate(x, model.cos, model.sin)[0, 0]
    products = turned @ turned.T
    for distance in (0, 1, 7):
        diagonal = products.diagonal(distance)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal))
    assert float(products[0, 0] - products[0, 7]) > 0.1


@pytest.mark.parametrize("shape", [(3, 16, 16), (2, 48, 12), (2, 12, 48)], ids=str)
def test_updates_of_muon_are_orthogonal(
    train: ModuleType, torch: ModuleType, shape: tuple[int, int, int]
) -> None:
    u, _, v = torch.linalg.svd(torch.randn(shape), full_matrices=False)
    exact = u @ v
    values = torch.linspace(0.01, 1, min(shape[1:]))
    near = train.orthogonalize(u * values @ v, dtype=torch.float32)
    values = torch.linalg.svdvals(near)
    assert float(values.min()) > 0.5
    assert float(values.max()) < 1.3
    alike = torch.nn.functional.cosine_similarity(near.flatten(1), exact.flatten(1))
    assert float(alike.min()) > 0.97


def test_muon_stands_still_without_a_gradient(train: ModuleType, torch: ModuleType) -> None:
    matrix = torch.nn.Parameter(torch.ones(4, 8))
    matrix.grad = torch.zeros(4, 8)
    train.Muon([matrix], dtype=torch.float32).step(lr=0.5, momentum=0.9, weight_decay=0.0)
    assert torch.equal(matrix, torch.ones(4, 8))


def test_muon_moves_by_its_learning_rate_and_decays(train: ModuleType, torch: ModuleType) -> None:
    matrix = torch.nn.Parameter(torch.eye(6))
    matrix.grad = 1e-4 * torch.eye(6)  # of no account: only its direction is
    train.Muon([matrix], dtype=torch.float32).step(lr=0.1, momentum=0.9, weight_decay=0.5)
    assert matrix.diagonal().tolist() == pytest.approx([0.95 - 0.1] * 6, abs=0.04)


def test_learning_rates_rise_hold_and_fall(
    train: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"WARMUP": 0.1, "WARMDOWN": 0.4, "FINAL_LR": 0.25}.items():
        monkeypatch.setattr(train, name, value)
    rates = [train.lr_factor(done) for done in (0.0, 0.05, 0.1, 0.6, 0.8, 1.0, 1.1)]
    assert rates == pytest.approx([0.0, 0.5, 1.0, 1.0, 0.625, 0.25, 0.25])


@pytest.mark.parametrize("done", [0.0, 0.5, 0.999])
def test_schedule_without_warm_up_or_warm_down_is_flat(
    train: ModuleType, monkeypatch: pytest.MonkeyPatch, done: float
) -> None:
    for name in ("WARMUP", "WARMDOWN", "MOMENTUM_RAMP"):
        monkeypatch.setattr(train, name, 0.0)
    assert train.lr_factor(done) == 1
    assert train.momentum(done) == train.MOMENTUM


def test_momentum_rises(train: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"MOMENTUM_START": 0.8, "MOMENTUM": 0.9, "MOMENTUM_RAMP": 0.5}.items():
        monkeypatch.setattr(train, name, value)
    rates = [train.momentum(done) for done in (0.0, 0.25, 0.5, 1.0)]
    assert rates == pytest.approx([0.8, 0.85, 0.9, 0.9])


def test_every_gpu_takes_the_same_steps(train: ModuleType) -> None:
    sizes = [train.Sizes.on(gb) for gb in (7, 12, 16, 24, 40, 80)]
    assert {size.tokens for size in sizes} == {train.TOTAL_BATCH}
    assert {(size.depth, size.width, size.context) for size in sizes} == {
        (train.DEPTH, train.WIDTH, train.CONTEXT)
    }
    assert [size.rows for size in sizes] == sorted(size.rows for size in sizes)


@pytest.mark.parametrize("width", [96, 192, 384, 512, 768])
@pytest.mark.parametrize("head_dim", [16, 48, 64, 96, 256])
def test_heads_divide_every_width(
    train: ModuleType, monkeypatch: pytest.MonkeyPatch, width: int, head_dim: int
) -> None:
    monkeypatch.setattr(train, "WIDTH", width)
    monkeypatch.setattr(train, "HEAD_DIM", head_dim)
    heads = train.Sizes.on(40).heads
    assert width % heads == 0
    assert width // heads >= min(head_dim, width)


@pytest.mark.parametrize(("context", "batch"), [(768, 2**16), (3072, 2**15), (4096, 2**11)])
def test_steps_come_close_to_the_batch_that_is_asked_for(
    train: ModuleType, monkeypatch: pytest.MonkeyPatch, context: int, batch: int
) -> None:
    monkeypatch.setattr(train, "CONTEXT", context)
    monkeypatch.setattr(train, "TOTAL_BATCH", batch)
    assert 0.9 * batch <= train.Sizes.on(8).tokens <= max(batch, context)


@pytest.mark.parametrize("gb", [0, 2])
def test_small_devices_follow_the_constants(
    train: ModuleType, monkeypatch: pytest.MonkeyPatch, gb: float
) -> None:
    whole, before = train.Sizes.on(40), train.Sizes.on(gb)
    assert before.width < whole.width
    assert before.tokens < whole.tokens
    for name in ("DEPTH", "WIDTH", "CONTEXT", "TOTAL_BATCH"):
        monkeypatch.setattr(train, name, getattr(train, name) * 2)
    after = train.Sizes.on(gb)
    assert (after.depth, after.width, after.context, after.tokens) == (
        2 * before.depth,
        2 * before.width,
        2 * before.context,
        2 * before.tokens,
    )


def test_operations_are_counted(
    train: ModuleType, torch: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against torch's own count, which leaves attention out on a processor."""
    from torch.utils.flop_counter import FlopCounterMode  # noqa: PLC0415 - torch may be missing

    model = _model(train, torch)
    tokens = torch.randint(97, (2, 32))
    with FlopCounterMode(display=False) as counter:
        model.loss(tokens, tokens).backward()
    attention = 12 * model.sizes.width * model.sizes.depth * (1 + 32) / 2
    assert counter.get_total_flops() / 64 == model.flops_per_token() - attention
    everything = model.flops_per_token()
    monkeypatch.setattr(train, "WINDOWS", "S")
    assert model.flops_per_token() < everything


def test_gradients_of_passes_add_up(train: ModuleType, torch: ModuleType) -> None:
    text = torch.randint(97, (500,), dtype=torch.int32)
    grads = []
    for rows, passes in ((4, 1), (1, 4)):
        torch.manual_seed(0)
        model = _shaken(train, torch, rows=rows, passes=passes)
        train.accumulate(model, train.Batches(text, model.sizes))
        grads.append(model.embedding.weight.grad)
    torch.testing.assert_close(*grads)


def test_rows_are_pieces_of_the_text(train: ModuleType, torch: ModuleType) -> None:
    sizes = _sizes(train, rows=50)
    tokens, targets = train.Batches(torch.arange(40, dtype=torch.int32), sizes).draw()
    assert torch.equal(tokens + 1, targets.int())
    assert torch.equal(tokens, tokens[:, :1] + torch.arange(32))
    assert {int(tokens.min()), int(targets.max())} == {0, 39}


@pytest.mark.usefixtures("small_text", "cache")
def test_same_seed_and_steps_give_the_same_metric(
    train: ModuleType, prepare: ModuleType, torch: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare.prepare()
    data = prepare.load_data(torch.device("cpu"))
    found = []
    for seed in (1, 1, 2):
        monkeypatch.setattr(train, "SEED", seed)
        torch.manual_seed(seed)
        model = _model(train, torch, vocabulary=data.vocabulary)
        batches = train.Batches(data.train, model.sizes)
        optimizers = train.Optimizers(model)
        assert train.train(model, optimizers, batches=batches, clock=Steps(6)) == 6
        found.append(prepare.evaluate_bpb(model.logits, data, context=32))
    assert found[0] == found[1]
    assert found[0] != found[2]


@pytest.mark.usefixtures("small_text", "cache")
def test_a_run_prints_progress_and_a_summary(
    train: ModuleType,
    prepare: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(train, "TIERS", ((0, 16, 4),))
    prepare.prepare()
    assert train.main() == 0
    progress, block = capsys.readouterr().out.split("---\n")
    assert re.search(r"^step=1 elapsed_s=\S+ train_loss=\d+\.\d+ ", progress, re.MULTILINE)
    metrics = {name: float(value) for name, value in re.findall(r"^(\w+): (\S+)$", block, re.M)}
    assert list(metrics) == [
        "val_bpb",
        "training_seconds",
        "total_seconds",
        "peak_vram_mb",
        "mfu_percent",
        "total_tokens_M",
        "num_steps",
        "num_params_M",
        "depth",
    ]
    assert 0.1 < metrics["val_bpb"] < 8
    assert 0.3 <= metrics["training_seconds"] < metrics["total_seconds"]
    assert 0 < metrics["mfu_percent"] < math.inf  # over 100 where other jobs slow its peak


@pytest.mark.usefixtures("small_text", "cache")
def test_divergence_fails_the_run(
    train: ModuleType,
    prepare: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    prepare.prepare()
    monkeypatch.setattr(train, "HEAD_LR", 1e30)
    monkeypatch.setattr(train, "TimeBudget", lambda _: Steps(5))
    assert train.main() == 1
    out = capsys.readouterr().out
    assert "FAIL" in out
    assert "val_bpb" not in out


def _sizes(train: ModuleType, *, rows: int = 2, passes: int = 1) -> Any:
    return train.Sizes(depth=3, width=32, heads=2, context=32, rows=rows, passes=passes)


def _model(train: ModuleType, torch: ModuleType, *, vocabulary: int = 97) -> Any:
    return train.GPT(_sizes(train), vocabulary=vocabulary, dtype=torch.float32)


def _shaken(train: ModuleType, torch: ModuleType, *, rows: int = 2, passes: int = 1) -> Any:
    """A model whose every weight is random, those that begin at zero too."""
    sizes = _sizes(train, rows=rows, passes=passes)
    model = train.GPT(sizes, vocabulary=97, dtype=torch.float32)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight), alpha=0.2)
    return model
