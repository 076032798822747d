import json
import resource
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from compressed_tensors.entrypoints.convert.converters import CompressedTensorsDequantizer
from compressed_tensors.quantization import QuantizationConfig
from compressed_tensors.utils.match import match_name
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

from expertswap.checkpoint import Checkpoint
from expertswap.errors import CheckpointDamaged, OutputError, QuantizationRefused
from expertswap.quantize.choices import ScaleChoice
from expertswap.quantize.packing import PackedWeight, dequantize
from expertswap.quantize.rounding import round_to_nearest
from expertswap.quantize.scheme import WeightScheme
from expertswap.quantize.writing import Quantization
from expertswap.testing.tiny_models import tiny_checkpoint

TinyCheckpoints = Callable[[str], Path]

SCHEME = WeightScheme(bits=4, group_size=8)
PER_EXPERT = (
    "qwen2_moe",
    "qwen3_moe",
    "qwen3_5_moe",
    "qwen3_next",
    "mixtral",
    "olmoe",
    "deepseek_v3",
    "glm4_moe",
    "minimax_m2",
    "ernie4_5_moe",
)


def quantize(path: Path, out: Path, scheme: WeightScheme = SCHEME) -> Quantization:
    quantization = Quantization.of(Checkpoint.open(path), scheme)
    quantization.write(out, quantization.round_to_nearest(ScaleChoice.ABSMAX))
    return quantization


def tensors_of(path: Path) -> dict[str, torch.Tensor]:
    return {
        name: tensor
        for shard in sorted(path.glob("*.safetensors"))
        for name, tensor in load_file(shard).items()
    }


def loaded(path: Path) -> dict[str, torch.Tensor]:
    """The model as transformers loads it, every tensor that is expected found and none beside."""
    sees = "vision_config" in json.loads((path / "config.json").read_text())
    maker: Any = AutoModelForImageTextToText if sees else AutoModelForCausalLM
    model, report = maker.from_pretrained(path, output_loading_info=True, dtype="auto")
    assert not any(report[problem] for problem in report), report
    state: dict[str, torch.Tensor] = model.state_dict()
    return state


def rewritten(path: Path, out: Path, change: Callable[[dict[str, torch.Tensor]], None]) -> Path:
    """A copy of a checkpoint in one file, its tensors changed."""
    shutil.copytree(path, out, ignore=shutil.ignore_patterns("*.safetensors*"))
    tensors = tensors_of(path)
    change(tensors)
    save_file(tensors, out / "model.safetensors", metadata={"format": "pt"})
    return out


@pytest.mark.parametrize("model_type", PER_EXPERT)
def test_transformers_loads_what_we_dequantise(
    tiny_checkpoints: TinyCheckpoints, tmp_path: Path, model_type: str
) -> None:
    source, out = tiny_checkpoints(model_type), tmp_path / "int4"
    quantize(source, out)
    before, after = loaded(source), loaded(out)
    assert before.keys() == after.keys()
    for name, tensor in before.items():
        expected = dequantize(round_to_nearest(tensor, SCHEME)) if ".experts." in name else tensor
        assert torch.equal(after[name], expected), name


@pytest.mark.parametrize("scheme", [SCHEME, WeightScheme(8, 8), WeightScheme(4, None)])
def test_compressed_tensors_reads_the_files(
    tiny_qwen3: Path, tmp_path: Path, scheme: WeightScheme
) -> None:
    out = tmp_path / "out"
    quantize(tiny_qwen3, out, scheme)
    theirs = CompressedTensorsDequantizer(out, dtype=torch.float32).process(tensors_of(out))
    source = tensors_of(tiny_qwen3)
    assert theirs.keys() == source.keys()
    for name, tensor in source.items():
        expected = dequantize(round_to_nearest(tensor, scheme)) if ".experts." in name else tensor
        assert torch.equal(theirs[name], expected), name


def test_the_configuration_is_one_of_compressed_tensors(tiny_qwen3: Path, tmp_path: Path) -> None:
    quantize(tiny_qwen3, tmp_path / "out")
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    before = json.loads((tiny_qwen3 / "config.json").read_text())
    found = config.pop("quantization_config")
    assert config == before
    understood = QuantizationConfig.model_validate(found).model_dump(mode="json")
    assert {key: understood[key] for key in found if key != "config_groups"} == {
        key: value for key, value in found.items() if key != "config_groups"
    }
    weights = understood["config_groups"]["group_0"]["weights"]
    assert (weights["num_bits"], weights["group_size"], weights["strategy"]) == (4, 8, "group")


def test_vllm_finds_the_experts_and_only_them(
    tiny_checkpoints: TinyCheckpoints, tmp_path: Path
) -> None:
    """It asks for experts and fused layers by names of its own (``get_moe_method`` and others)."""
    quantize(tiny_checkpoints("mixtral"), tmp_path / "out")
    config = json.loads((tmp_path / "out" / "config.json").read_text())["quantization_config"]
    assert config["config_groups"]["group_0"]["targets"] == ["Linear"]
    layer = "model.layers.0"
    quantised = {
        name: not any(match_name(name, pattern) for pattern in config["ignore"])
        for name in (
            *(f"{layer}.block_sparse_moe.experts.0.{part}_proj" for part in ("gate", "up", "down")),
            f"{layer}.mlp.experts.17.down_proj",
            f"{layer}.self_attn.qkv_proj",
            f"{layer}.self_attn.fused_qkv_a_proj",
            f"{layer}.block_sparse_moe.gate",
            f"{layer}.mlp.shared_experts.gate_up_proj",
            f"{layer}.mlp.shared_expert.down_proj",
            f"{layer}.mlp.down_proj",
            "lm_head",
        )
    }
    assert list(quantised.values()) == [True] * 4 + [False] * 7


def test_fused_experts_are_written_as_single_ones(
    tiny_checkpoints: TinyCheckpoints, tmp_path: Path
) -> None:
    """As published, Qwen3.5 keeps the experts of a layer in two tensors."""
    source = tiny_checkpoints("qwen3_5_moe")

    def fuse(tensors: dict[str, torch.Tensor]) -> None:
        blocks = {name.partition(".experts.")[0] for name in tensors if ".experts." in name}
        for block in blocks:
            experts = [
                {
                    projection: tensors.pop(f"{block}.experts.{expert}.{projection}.weight")
                    for projection in ("gate_proj", "up_proj", "down_proj")
                }
                for expert in range(8)
            ]
            tensors[f"{block}.experts.gate_up_proj"] = torch.stack(
                [torch.cat((expert["gate_proj"], expert["up_proj"])) for expert in experts]
            )
            tensors[f"{block}.experts.down_proj"] = torch.stack(
                [expert["down_proj"] for expert in experts]
            )

    fused = rewritten(source, tmp_path / "fused", fuse)
    quantize(source, tmp_path / "from_single")
    quantize(fused, tmp_path / "from_fused")
    single, from_fused = tensors_of(tmp_path / "from_single"), tensors_of(tmp_path / "from_fused")
    assert single.keys() == from_fused.keys()
    assert all(torch.equal(single[name], from_fused[name]) for name in single)


def test_draft_layers_stay_as_they_are_and_are_ignored(
    tiny_checkpoints: TinyCheckpoints, tmp_path: Path
) -> None:
    draft = "model.layers.3.mlp.experts.0.gate_proj"

    def add_draft(tensors: dict[str, torch.Tensor]) -> None:
        tensors[f"{draft}.weight"] = torch.ones(24, 32)

    source = rewritten(tiny_checkpoints("deepseek_v3"), tmp_path / "drafting", add_draft)
    quantize(source, tmp_path / "out")
    assert torch.equal(tensors_of(tmp_path / "out")[f"{draft}.weight"], torch.ones(24, 32))
    ignore = json.loads((tmp_path / "out" / "config.json").read_text())["quantization_config"][
        "ignore"
    ]
    dequantizer = CompressedTensorsDequantizer(tmp_path / "out", dtype=torch.float32)
    assert r"re:model\.layers\.3\.mlp\.experts\..*" in ignore
    assert dequantizer.get_dependencies(f"{draft}.weight_packed") == set()


def test_the_size_on_disk_is_as_predicted(tmp_path: Path) -> None:
    source = tiny_checkpoint(
        "qwen3_moe",
        tmp_path / "model",
        hidden_size=256,
        moe_intermediate_size=256,
        dtype="bfloat16",
    )
    size = quantize(source, tmp_path / "out", WeightScheme()).size
    on_disk = sum(shard.stat().st_size for shard in (tmp_path / "out").glob("*.safetensors"))
    assert abs(on_disk - size.total) < 0.01 * on_disk
    tensors = tensors_of(tmp_path / "out")
    experts = sum(tensor.nbytes for name, tensor in tensors.items() if ".experts." in name)
    assert experts == size.experts_after
    assert sum(tensor.nbytes for tensor in tensors.values()) == size.experts_after + size.rest
    assert size.ratio > 3.87


def test_progress_counts_all_bytes_of_the_original(tiny_qwen3: Path, tmp_path: Path) -> None:
    checkpoint = Checkpoint.open(tiny_qwen3)
    quantization = Quantization.of(checkpoint, SCHEME)
    steps: list[int] = []
    quantization.write(
        tmp_path / "out",
        quantization.round_to_nearest(ScaleChoice.MSE),
        progress=steps.append,
        max_shard_bytes=30_000,
    )
    assert sum(steps) == sum(entry.nbytes for entry in checkpoint.tensors.values())
    assert len(list((tmp_path / "out").glob("*.safetensors"))) > 1
    assert loaded(tmp_path / "out")


def test_a_quantised_model_is_refused(tiny_qwen3: Path, tmp_path: Path) -> None:
    quantize(tiny_qwen3, tmp_path / "once")
    with pytest.raises(QuantizationRefused, match=r"quantised already \(compressed-tensors\)"):
        quantize(tmp_path / "once", tmp_path / "twice")


def test_experts_of_eight_bits_are_refused_though_the_configuration_hides_it(
    tiny_qwen3: Path, tmp_path: Path
) -> None:
    name = "model.layers.1.mlp.experts.2.up_proj.weight"

    def to_fp8(tensors: dict[str, torch.Tensor]) -> None:
        tensors[name] = tensors[name].to(torch.float8_e4m3fn)

    source = rewritten(tiny_qwen3, tmp_path / "fp8", to_fp8)
    with pytest.raises(QuantizationRefused, match=rf"quantised already: {name} is F8_E4M3"):
        quantize(source, tmp_path / "out")


def test_a_family_whose_fused_experts_have_no_such_form_is_refused(
    tiny_checkpoints: TinyCheckpoints, tmp_path: Path
) -> None:
    with pytest.raises(QuantizationRefused, match="gpt_oss"):
        quantize(tiny_checkpoints("gpt_oss"), tmp_path / "out")


@pytest.mark.parametrize("shape", [(32, 24), (24,), (1, 24, 32)])
def test_an_expert_of_another_shape_is_reported(
    tiny_qwen3: Path, tmp_path: Path, shape: tuple[int, ...]
) -> None:
    name = "model.layers.0.mlp.experts.3.gate_proj.weight"

    def reshape(tensors: dict[str, torch.Tensor]) -> None:
        tensors[name] = torch.ones(shape)

    source = rewritten(tiny_qwen3, tmp_path / "odd", reshape)
    with pytest.raises(CheckpointDamaged, match=f"{name} .* tells of 24 x 32"):
        quantize(source, tmp_path / "out")


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_weights_that_are_not_finite_are_refused_and_nothing_is_left(
    tiny_qwen3: Path, tmp_path: Path, bad: float
) -> None:
    name = "model.layers.1.mlp.experts.2.up_proj.weight"

    def spoil(tensors: dict[str, torch.Tensor]) -> None:
        tensors[name][3, 4] = bad

    source = rewritten(tiny_qwen3, tmp_path / "spoilt", spoil)
    with pytest.raises(QuantizationRefused, match=rf"{name} holds NaN or infinity"):
        quantize(source, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["spoilt"]


def test_groups_that_do_not_fit_are_refused_before_anything_is_written(
    tiny_qwen3: Path, tmp_path: Path
) -> None:
    with pytest.raises(QuantizationRefused, match="Rows of 24 and 32 weights"):
        quantize(tiny_qwen3, tmp_path / "out", WeightScheme())
    assert not list(tmp_path.iterdir())


def test_a_shard_that_shrinks_meanwhile_is_reported_and_nothing_is_left(
    tiny_qwen3: Path, tmp_path: Path
) -> None:
    source = tmp_path / "model"
    shutil.copytree(tiny_qwen3, source)
    quantization = Quantization.of(Checkpoint.open(source), SCHEME)
    shard = max(source.glob("*.safetensors"))
    shard.write_bytes(shard.read_bytes()[:-100])
    with pytest.raises(CheckpointDamaged, match=shard.name):
        quantization.write(tmp_path / "out", quantization.round_to_nearest(ScaleChoice.ABSMAX))
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    with pytest.raises(CheckpointDamaged, match="truncated"):
        quantize(source, tmp_path / "out")


def test_an_existing_output_is_refused_and_kept(tiny_qwen3: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(OutputError, match="exists"):
        quantize(tiny_qwen3, tmp_path / "out")
    assert not list((tmp_path / "out").iterdir())


def test_a_disk_without_room_is_refused_before_it_is_filled(
    tiny_qwen3: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(OutputError, match="has 1000 B free"):
        quantize(tiny_qwen3, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_a_disk_that_fills_up_half_way_leaves_nothing(tiny_qwen3: Path, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
        with pytest.raises(OutputError, match="Nothing is left"):
            quantize(tiny_qwen3, tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.iterdir())


def test_another_quantizer_may_give_the_experts(tiny_qwen3: Path, tmp_path: Path) -> None:
    quantization = Quantization.of(Checkpoint.open(tiny_qwen3), SCHEME)
    nearest = quantization.round_to_nearest(ScaleChoice.ABSMAX)

    def doubled(matrices: Any) -> list[PackedWeight]:
        return [
            PackedWeight(packed.words, packed.scale * 2, packed.width, packed.bits)
            for packed in nearest(matrices)
        ]

    quantization.write(tmp_path / "out", doubled)
    once, twice = loaded(tiny_qwen3), loaded(tmp_path / "out")
    name = "model.layers.0.mlp.experts.down_proj"
    assert torch.equal(twice[name], 2 * dequantize(round_to_nearest(once[name], SCHEME)))
