"""The plan format of reap-expert-swap, and the figures of its published example."""

import json
from pathlib import Path

import pytest

from expertswap.errors import PlanError
from expertswap.plan.plan import Expected, Layer, Memory, Model, Plan, Shape
from expertswap.plan.seed_format import SeedBudget, load_seed_plan, save_seed_plan

PUBLISHED = SeedBudget(
    num_layers=40,
    num_experts=256,
    expert_bytes=6_291_456,
    always_resident_bytes=3_670_675_456,
    ratio=0.3,
)


def small_plan() -> Plan:
    shape = Shape(
        family="qwen3_moe",
        moe_layers=(1, 3),
        num_experts=24,
        top_k=2,
        hidden_size=8,
        expert_width=4,
    )
    layers = tuple(
        Layer(
            layer=layer,
            slots=6,
            core=(5, 3, 1, 0),
            residents=(5, 3, 1, 0, 9, 8),
            specialists={"code": (9, 8), "prose": (20, 21)},
        )
        for layer in (1, 3)
    )
    return Plan(
        model=Model(name="tiny", fingerprint="abc", shape=shape),
        memory=Memory(
            gpu_bytes=20_000, other_weights_bytes=4_000, reserve_bytes=0, expert_bytes=1000
        ),
        policy="lru",
        layers=layers,
        expected=Expected(tokens=10, hit_rates={"lru": 0.5}, static_helps=False),
    )


def test_the_published_budget_is_computed_again() -> None:
    assert PUBLISHED.swappable_bytes == 16_757_880_012
    assert PUBLISHED.core_bytes == 12_568_410_009
    assert PUBLISHED.capacity == 2_663
    assert PUBLISHED.core_per_layer == 49
    assert PUBLISHED.specialists_per_layer == 16
    assert PUBLISHED.candidates_per_layer == 20


def test_207_experts_beside_a_core_of_49_are_26_slices(tmp_path: Path) -> None:
    plan = small_plan()
    shape = plan.model.shape.model_copy(update={"num_experts": 256})
    core = tuple(range(49))
    layers = tuple(
        layer.model_copy(update={"core": core, "slots": 65, "residents": tuple(range(65))})
        for layer in plan.layers
    )
    large = plan.model_copy(
        update={"model": plan.model.model_copy(update={"shape": shape}), "layers": layers}
    )
    save_seed_plan(large, tmp_path / "plan.json")
    for layer in load_seed_plan(tmp_path / "plan.json").perLayer.values():
        assert len(layer.coreExperts) == 49
        assert [len(one.experts) for one in layer.sliceCatalog] == [8] * 25 + [7]


def test_a_plan_written_in_that_format_is_read_again(tmp_path: Path) -> None:
    save_seed_plan(small_plan(), tmp_path / "plan.json")
    read = load_seed_plan(tmp_path / "plan.json")
    assert list(read.perLayer) == ["layer_1", "layer_3"]
    layer = read.perLayer["layer_3"]
    assert layer.coreExperts == (5, 3, 1, 0)
    assert layer.specialistActiveExpertTarget == 2
    assert layer.sliceCatalog[0].experts[:4] == (9, 8, 20, 21)
    assert sorted(e for one in layer.sliceCatalog for e in one.experts) == [
        expert for expert in range(24) if expert not in layer.coreExperts
    ]
    assert layer.sliceCatalog[0].byteCost == 8 * 1000
    assert read.placements[1].num_slots == 6
    assert read.placements[1].residents == (5, 3, 1, 0, 9, 8)
    assert read.placements[1].core == (5, 3, 1, 0)
    assert read.arithmetic.capacity == small_plan().slots
    assert read.arithmetic.core_per_layer == 4


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"mode": "static"}, "of mode 'static'"),
        ({"budget": {}}, "budget: 'per_expert_bytes' is missing"),
        ({"perLayer": {"layer_0": {}}}, "perLayer.layer_0.numExperts"),
    ],
)
def test_a_damaged_plan_of_that_format_names_the_key(
    tmp_path: Path, change: dict[str, object], sentence: str
) -> None:
    path = tmp_path / "plan.json"
    save_seed_plan(small_plan(), path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(PlanError, match=sentence):
        load_seed_plan(path)
