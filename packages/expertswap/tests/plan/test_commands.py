"""The three commands as a user gives them, on a model whose routing is made up."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from expertswap.checkpoint.reading import Checkpoint
from expertswap.cli.main import app
from expertswap.errors import BudgetTooSmall, ExpertswapError, PlanError, TraceError
from expertswap.observation import Observation, save_observation
from expertswap.plan.placing import traffic
from expertswap.plan.plan import load_plan
from expertswap.plan.seed_format import save_seed_plan
from expertswap.testing.synthetic_traces import Workload, synthetic_model, synthetic_trace
from expertswap.trace import RoutingTrace, save_trace
from expertswap.types import ModelIdentity


@pytest.fixture(scope="module")
def recorded(tiny_qwen3: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a trace and an observation of the tiny model."""
    folder = tmp_path_factory.mktemp("recorded")
    model = Checkpoint.open(tiny_qwen3).identity
    trace = made_up_trace(model)
    save_trace(trace, folder / "trace.parquet")
    save_observation(observed(trace), folder / "seen.safetensors")
    return folder


@pytest.fixture(scope="module")
def plan_file(tiny_qwen3: Path, recorded: Path) -> Path:
    done = run(
        "plan", recorded / "trace.parquet", "--model", tiny_qwen3, "--out", recorded / "plan.json",
        "--gpu-memory", memory(tiny_qwen3), "--reserve", "1KB", "--no-learn",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "that were not planned on" in done.output
    return recorded / "plan.json"


def made_up_trace(model: ModelIdentity) -> RoutingTrace:
    shape = model.shape
    like = synthetic_model(
        num_layers=len(shape.moe_layers), num_experts=shape.num_experts, top_k=shape.top_k
    )
    trace = synthetic_trace(like, Workload(num_prompts=10, prompt_tokens=40))
    return replace(trace, model=model)


def observed(trace: RoutingTrace) -> Observation:
    shape, count_DLE = trace.model.shape, traffic(trace).count_DLE
    L, E = len(shape.moe_layers), shape.num_experts
    sums_DLE = count_DLE.astype(np.float64)
    return Observation(
        model=trace.model,
        domains=trace.domains,
        tokens_D=np.bincount(trace.domain_T),
        count_DLE=count_DLE,
        gate_sum_DLE=sums_DLE,
        norm_sum_DLE=sums_DLE,
        gated_norm_sum_DLE=sums_DLE,
        max_activation_LE=np.ones((L, E), np.float32),
        coactivation_LEE=np.zeros((L, E, E), np.int64),
    )


def memory(model: Path) -> str:
    """Enough for everything but experts, and half of those."""
    checkpoint = Checkpoint.open(model)
    all_bytes = sum(tensor.nbytes for tensor in checkpoint.tensors.values())
    experts = len(checkpoint.shape.moe_layers) * checkpoint.shape.num_experts
    return str(all_bytes - experts // 2 * checkpoint.expert_bytes + 1000)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def failure(*arguments: object) -> BaseException | None:
    return run(*arguments).exception


def test_a_plan_holds_what_the_memory_holds(tiny_qwen3: Path, plan_file: Path) -> None:
    plan, checkpoint = load_plan(plan_file), Checkpoint.open(tiny_qwen3)
    assert plan.identity == checkpoint.identity
    assert plan.slots == len(checkpoint.shape.moe_layers) * checkpoint.shape.num_experts // 2
    assert plan.memory.expert_bytes == checkpoint.expert_bytes


def test_a_plan_is_never_written_over(tiny_qwen3: Path, recorded: Path, plan_file: Path) -> None:
    before = plan_file.read_bytes()
    error = failure(
        "plan", recorded / "trace.parquet", "--model", tiny_qwen3, "--gpu-memory", "1GB",
        "--out", plan_file,
    )  # fmt: skip
    assert isinstance(error, ExpertswapError)
    assert plan_file.read_bytes() == before


def test_sums_alone_are_planned_by_traffic(
    tiny_qwen3: Path, recorded: Path, tmp_path: Path
) -> None:
    done = run(
        "plan", recorded / "seen.safetensors", "--model", tiny_qwen3, "--reserve", "1KB",
        "--gpu-memory", memory(tiny_qwen3), "--out", tmp_path / "plan.json",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    plan = load_plan(tmp_path / "plan.json")
    assert (plan.policy, plan.expected) == ("pinned-lru", None)
    assert plan.slots == sum(len(layer.residents) for layer in plan.layers)


def test_simulate_tells_every_policy_batch_and_domain(recorded: Path, plan_file: Path) -> None:
    done = run(
        "simulate", recorded / "trace.parquet", "--plan", plan_file, "--policy", "lru,belady",
        "--batch", "1,2", "--by-domain",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert done.output.count("belady") == 2 * 4
    assert "taking turns: 120 tokens" in done.output  # one prompt of each domain
    assert "code alone: 40 tokens" in done.output
    assert "batch 2: a layer needs" in done.output
    assert "layers have slots for what they need" in done.output


def test_a_trace_that_was_not_planned_on_counts_whole(
    tiny_qwen3: Path, plan_file: Path, tmp_path: Path
) -> None:
    other = made_up_trace(Checkpoint.open(tiny_qwen3).identity)
    save_trace(other.of(other.prompt_T < 4), tmp_path / "other.parquet")
    done = run("simulate", tmp_path / "other.parquet", "--plan", plan_file)
    assert "taking turns: 160 tokens" in done.output


def test_simulate_takes_plans_of_reap_expert_swap(
    recorded: Path, plan_file: Path, tmp_path: Path
) -> None:
    save_seed_plan(load_plan(plan_file), tmp_path / "seed.json")
    done = run(
        "simulate", recorded / "trace.parquet", "--plan", tmp_path / "seed.json", "--policy",
        "pinned-lru",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "pinned-lru" in done.output


def test_simulate_needs_no_plan(recorded: Path) -> None:
    done = run(
        "simulate", recorded / "trace.parquet", "--slots", "4", "--expert-bytes", "1MB",
        "--link", "50GB/s",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "belady" in done.output
    assert "From batch 4 on, layers need more experts" in done.output


def test_a_report_is_one_page_that_asks_nothing_of_the_network(
    recorded: Path, plan_file: Path, tmp_path: Path
) -> None:
    done = run(
        "report", recorded / "seen.safetensors", recorded / "trace.parquet", "--plan", plan_file,
        "--out", tmp_path / "report.html",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    for title in ("What the experts carry", "The plan", "What more memory buys"):
        assert title in page
    assert "<script src" not in page
    assert "<link" not in page
    assert page.count("vegaEmbed(") >= 5


def test_a_trace_of_another_model_is_refused(
    tiny_qwen3: Path, recorded: Path, plan_file: Path, tmp_path: Path
) -> None:
    model = Checkpoint.open(tiny_qwen3).identity
    save_trace(made_up_trace(replace(model, fingerprint="other")), tmp_path / "other.parquet")
    for asked in (
        ("simulate", tmp_path / "other.parquet", "--plan", plan_file),
        ("plan", tmp_path / "other.parquet", "--model", tiny_qwen3, "--gpu-memory", "1GB", "--out",
         tmp_path / "plan.json"),
        ("report", recorded / "seen.safetensors", tmp_path / "other.parquet", "--plan", plan_file,
         "--out", tmp_path / "report.html"),
    ):  # fmt: skip
        error = failure(*asked)
        assert isinstance(error, TraceError)
        assert "another model" in str(error)


def test_a_budget_too_small_says_how_much_is_enough(
    tiny_qwen3: Path, recorded: Path, tmp_path: Path
) -> None:
    error = failure(
        "plan", recorded / "trace.parquet", "--model", tiny_qwen3, "--out", tmp_path / "plan.json",
        "--gpu-memory", "2KB", "--reserve", "1KB",
    )  # fmt: skip
    assert isinstance(error, BudgetTooSmall)
    assert "Give at least" in str(error)
    assert not (tmp_path / "plan.json").exists()
    error = failure("simulate", recorded / "trace.parquet", "--slots", "1", "--expert-bytes", "1MB")
    assert isinstance(error, BudgetTooSmall)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--policy", "fifo"], "no policy 'fifo'"),
        (["--policy", "forecast"], "Nothing was learned"),
    ],
)
def test_a_policy_that_cannot_run_is_one_sentence(
    recorded: Path, plan_file: Path, arguments: list[str], sentence: str
) -> None:
    error = failure("simulate", recorded / "trace.parquet", "--plan", plan_file, *arguments)
    assert isinstance(error, PlanError)
    assert sentence in str(error)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--slots", "4"],
        ["--expert-bytes", "1MB"],
        ["--slots", "4", "--budget", "1GB", "--expert-bytes", "1"],
    ],
)
def test_slots_that_are_not_clear_are_asked_for(recorded: Path, arguments: list[str]) -> None:
    error = failure("simulate", recorded / "trace.parquet", *arguments)
    assert isinstance(error, PlanError)
    assert "Give --plan" in str(error)


def test_a_size_or_batch_that_is_none_is_a_usage_error(recorded: Path) -> None:
    trace = recorded / "trace.parquet"
    assert run("simulate", trace, "--slots", "4", "--expert-bytes", "12XB").exit_code == 2
    done = run("simulate", trace, "--slots", "4", "--expert-bytes", "1MB", "--batch", "0")
    assert done.exit_code == 2
