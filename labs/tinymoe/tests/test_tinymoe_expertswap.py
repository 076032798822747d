"""From the trained model to a smaller one and to a plan, by the commands that users type."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Trained


@pytest.fixture(scope="module")
def walked(trained: "Trained", tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What each command printed, by its name; the files it made are in ``folder``."""
    from typer.testing import CliRunner  # noqa: PLC0415 - with what follows

    from expertswap.cli.main import app  # noqa: PLC0415 - torch and transformers take seconds

    folder = tmp_path_factory.mktemp("walk")
    prompts, model = trained.out / "prompts" / "calibration.jsonl", trained.out / "model"
    commands = (
        f"observe {model} --data {prompts} --out seen.safetensors --trace trace.parquet"
        " --generate 4 --batch-tokens 36",
        f"prune {model} pruned --observation seen.safetensors --keep 0.5",
        "quantize pruned small --group 24",
        f"plan trace.parquet --model {model} --gpu-memory 150kB --reserve 10kB --no-learn"
        " --out plan.json",
        "simulate trace.parquet --plan plan.json --policy lru,belady",
    )
    printed = {"folder": str(folder)}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for command in commands:
            result = CliRunner().invoke(app, command.split())
            assert result.exit_code == 0, result.output
            printed[command.split()[0]] = result.output
    return printed


def test_half_of_the_experts_are_pruned_and_the_rest_rounded(walked: dict[str, str]) -> None:
    from expertswap.checkpoint import Checkpoint  # noqa: PLC0415 - torch takes seconds

    folder = Path(walked["folder"])
    pruned, small = (Checkpoint.open(folder / name) for name in ("pruned", "small"))
    assert pruned.shape.num_experts == small.shape.num_experts == 4
    sizes = [sum(entry.nbytes for entry in one.tensors.values()) for one in (pruned, small)]
    assert sizes[1] < sizes[0]
    assert small.config["quantization_config"]["quant_method"] == "compressed-tensors"


def test_the_plan_keeps_within_its_memory_and_the_simulator_takes_it(
    walked: dict[str, str],
) -> None:
    plan = json.loads((Path(walked["folder"]) / "plan.json").read_text())
    memory, slots = plan["memory"], sum(layer["slots"] for layer in plan["layers"])
    others = memory["other_weights_bytes"] + memory["reserve_bytes"]
    assert 0 < slots * memory["expert_bytes"] <= memory["gpu_bytes"] - others
    hits = {
        policy: float(line.split("%")[0].split()[-1])
        for line in walked["simulate"].splitlines()
        for policy in ("lru", "belady")
        if line.split()[:1] == [policy]
    }
    assert 0 < hits["lru"] <= hits["belady"] < 100
