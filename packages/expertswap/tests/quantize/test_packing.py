import pytest
import torch
from compressed_tensors.compressors.pack_quantized.helpers import pack_to_int32, unpack_from_int32
from compressed_tensors.quantization import QuantizationArgs
from compressed_tensors.quantization.lifecycle.forward import dequantize as dequantize_as_theirs
from hypothesis import given, settings
from hypothesis import strategies as st

from expertswap.quantize.packing import PackedWeight, dequantize, pack, unpack, words_of_row

matrices = st.tuples(
    st.sampled_from([4, 8]), st.integers(1, 5), st.integers(1, 70), st.integers(0, 2**31)
)


def values_of(bits: int, *shape: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    half_range = 2 ** (bits - 1)
    return torch.randint(-half_range, half_range, shape, dtype=torch.int8, generator=generator)


@settings(deadline=None)
@given(matrices)
def test_words_are_those_of_compressed_tensors(case: tuple[int, int, int, int]) -> None:
    bits, rows, width, seed = case
    values = values_of(bits, rows, width, seed=seed)
    words = pack(values, bits=bits)
    assert words.dtype == torch.int32
    assert words.shape == (rows, words_of_row(width, bits=bits))
    assert torch.equal(words, pack_to_int32(values, bits))


@settings(deadline=None)
@given(matrices)
def test_values_come_back_from_either_side(case: tuple[int, int, int, int]) -> None:
    bits, rows, width, seed = case
    values = values_of(bits, rows, width, seed=seed)
    words = pack(values, bits=bits)
    assert torch.equal(unpack(words, bits=bits, width=width), values)
    assert torch.equal(unpack_from_int32(words, bits, values.shape), values)


@pytest.mark.parametrize("bits", [4, 8])
def test_packing_leaves_its_values_as_they_were(bits: int) -> None:
    values = values_of(bits, 3, 16, seed=1)
    before = values.clone()
    pack(values, bits=bits)
    assert torch.equal(values, before)


@pytest.mark.parametrize("bits", [4, 8])
def test_a_stack_of_experts_is_packed_as_its_members(bits: int) -> None:
    values = values_of(bits, 2, 3, 5, 24, seed=2)
    words = pack(values, bits=bits)
    assert words.shape == (2, 3, 5, words_of_row(24, bits=bits))
    for outer in range(2):
        for expert in range(3):
            member = pack(values[outer, expert], bits=bits)
            assert torch.equal(words[outer, expert], member)
    assert torch.equal(unpack(words, bits=bits, width=24), values)


def test_words_of_a_slice_are_read_right() -> None:
    values = values_of(4, 4, 32, seed=3)
    words = pack(values, bits=4)
    assert torch.equal(unpack(words[:, 1:3], bits=4, width=16), values[:, 8:24])


@settings(deadline=None)
@given(
    bits=st.sampled_from([4, 8]),
    groups=st.integers(1, 4),
    dtype=st.sampled_from([torch.bfloat16, torch.float16, torch.float32]),
    seed=st.integers(0, 2**31),
)
def test_dequantised_weights_are_those_of_compressed_tensors(
    bits: int, groups: int, dtype: torch.dtype, seed: int
) -> None:
    values = values_of(bits, 6, groups * 16, seed=seed)
    scale = torch.rand(6, groups, generator=torch.Generator().manual_seed(seed)).to(dtype)
    ours = dequantize(
        PackedWeight(pack(values, bits=bits), scale, width=values.shape[1], bits=bits)
    )
    scheme = QuantizationArgs(num_bits=bits, group_size=16, strategy="group")
    theirs = dequantize_as_theirs(x_q=values, scale=scale, zero_point=None, args=scheme)
    assert ours.dtype == dtype
    assert torch.equal(ours, theirs)


@pytest.mark.gpu
@pytest.mark.parametrize("bits", [4, 8])
def test_a_gpu_packs_and_dequantises_as_the_cpu_does(bits: int) -> None:
    values = values_of(bits, 3, 64, 256, seed=5)
    scale = torch.rand(3, 64, 2).to(torch.bfloat16)
    words = pack(values.cuda(), bits=bits)
    assert words.is_cuda
    assert torch.equal(words.cpu(), pack(values, bits=bits))
    assert torch.equal(unpack(words, bits=bits, width=256).cpu(), values)
    on_gpu = dequantize(PackedWeight(words, scale.cuda(), width=256, bits=bits))
    on_cpu = dequantize(PackedWeight(words.cpu(), scale, width=256, bits=bits))
    assert torch.equal(on_gpu.cpu(), on_cpu)
