import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from expertswap.errors import QuantizationRefused
from expertswap.quantize.choices import ScaleChoice
from expertswap.quantize.packing import dequantize, unpack
from expertswap.quantize.rounding import round_to_nearest
from expertswap.quantize.scheme import WeightScheme

schemes = st.builds(
    WeightScheme, bits=st.sampled_from([4, 8]), group_size=st.sampled_from([8, 16, None])
)
dtypes = st.sampled_from([torch.bfloat16, torch.float16, torch.float32])
# Quotients of up to 128 are taken in float32. Those of 16-bit weights and scales cannot come so
# near to a tie that this matters; those of float32 weights can, by 128 * 2**-24 of a step.
slack = {torch.bfloat16: 0.0, torch.float16: 0.0, torch.float32: 2**-16}


def random_weight(dtype: torch.dtype, *shape: int, seed: int, spread: float = 0.02) -> torch.Tensor:
    weight = torch.randn(shape, generator=torch.Generator().manual_seed(seed)) * spread
    return weight.to(dtype)


def exact_errors_and_steps(
    weight: torch.Tensor, scheme: WeightScheme
) -> tuple[torch.Tensor, torch.Tensor]:
    """Distance of each weight to what stands for it, and its step, in float64 (no rounding)."""
    packed = round_to_nearest(weight, scheme)
    values = unpack(packed.words, bits=packed.bits, width=packed.width).double()
    groups = packed.scale.shape[-1]
    steps = packed.scale.double().unsqueeze(-1).expand(*packed.scale.shape, packed.width // groups)
    steps = steps.flatten(-2)
    return (values * steps - weight.double()).abs(), steps


@settings(deadline=None)
@given(scheme=schemes, dtype=dtypes, seed=st.integers(0, 2**31), spread=st.floats(1e-6, 1e3))
def test_no_weight_is_off_by_more_than_half_a_step(
    scheme: WeightScheme, dtype: torch.dtype, seed: int, spread: float
) -> None:
    weight = random_weight(dtype, 5, 32, seed=seed, spread=spread)
    errors, steps = exact_errors_and_steps(weight, scheme)
    assert bool((errors <= steps / 2 * (1 + slack[dtype])).all())


@settings(deadline=None)
@given(
    dtype=dtypes,
    row=st.lists(st.floats(-60_000, 60_000, width=16), min_size=16, max_size=16),
    scheme=schemes,
)
def test_nor_is_any_of_arbitrary_weights(
    dtype: torch.dtype, row: list[float], scheme: WeightScheme
) -> None:
    weight = torch.tensor([row]).to(dtype)
    errors, steps = exact_errors_and_steps(weight, scheme)
    assert bool((errors <= steps / 2 * (1 + slack[dtype])).all())


def test_zeros_stay_zeros() -> None:
    packed = round_to_nearest(torch.zeros(2, 32, dtype=torch.bfloat16), WeightScheme(4, 16))
    assert bool((packed.scale > 0).all())
    assert bool((dequantize(packed) == 0).all())


def test_the_largest_weight_takes_the_last_code() -> None:
    weight = torch.tensor([[7.5, -7.5, 1.0, 0.4]])
    packed = round_to_nearest(weight, WeightScheme(4, 4))
    assert packed.scale.item() == 1.0
    assert unpack(packed.words, bits=4, width=4).tolist() == [[7, -8, 1, 0]]


def test_a_stack_is_quantised_as_its_members() -> None:
    weight = random_weight(torch.bfloat16, 3, 4, 64, seed=4)
    stack = round_to_nearest(weight, WeightScheme(4, 32))
    assert stack.words.shape == (3, 4, 8)
    assert stack.scale.shape == (3, 4, 2)
    for expert in range(3):
        member = round_to_nearest(weight[expert], WeightScheme(4, 32))
        assert torch.equal(stack.words[expert], member.words)
        assert torch.equal(stack.scale[expert], member.scale)


def test_large_matrices_are_quantised_as_small_ones() -> None:
    weight = random_weight(torch.bfloat16, 300, 1024, seed=5)
    whole = round_to_nearest(weight, WeightScheme())
    last = round_to_nearest(weight[-7:], WeightScheme())
    assert torch.equal(whole.words[-7:], last.words)
    assert torch.equal(whole.scale[-7:], last.scale)


def test_searching_for_the_scale_lessens_the_squared_error() -> None:
    weight = random_weight(torch.bfloat16, 64, 256, seed=6)

    def squared_error(scale: ScaleChoice) -> float:
        packed = round_to_nearest(weight, WeightScheme(), scale=scale)
        return (dequantize(packed).float() - weight.float()).square().sum().item()

    assert squared_error(ScaleChoice.MSE) < 0.9 * squared_error(ScaleChoice.ABSMAX)


@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("choice", ScaleChoice)
def test_what_is_not_finite_shows_in_the_scale_of_its_group(
    bad: float, choice: ScaleChoice
) -> None:
    weight = random_weight(torch.bfloat16, 2, 32, seed=7)
    weight[1, 20] = bad
    scale = round_to_nearest(weight, WeightScheme(4, 16), scale=choice).scale
    assert scale.isfinite().tolist() == [[True, True], [True, False]]


def test_groups_that_do_not_fill_a_row_are_refused_with_those_that_would() -> None:
    with pytest.raises(QuantizationRefused, match=r"96 weights .* groups of 128.*32 would fit"):
        round_to_nearest(torch.ones(2, 96), WeightScheme(4, 128))
    with pytest.raises(QuantizationRefused, match="One scale for each row"):
        round_to_nearest(torch.ones(2, 97), WeightScheme(4, 128))


@pytest.mark.parametrize(("bits", "group_size"), [(3, 128), (16, 128), (4, 0), (4, -1)])
def test_an_impossible_scheme_is_refused(bits: int, group_size: int) -> None:
    with pytest.raises(QuantizationRefused):
        WeightScheme(bits, group_size)
