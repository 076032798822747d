"""The experts of a checkpoint as matrices, whether they are stored one by one or fused."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from expertswap.checkpoint import Checkpoint
from expertswap.errors import CheckpointDamaged, QuantizationRefused
from expertswap.families.base import ExpertTensor, Role, StackedTensor
from expertswap.quantize.configuration import how_quantized

if TYPE_CHECKING:
    from torch import Tensor

_FLOATING_POINT = {"BF16": 2, "F16": 2, "F32": 4}


@dataclass(frozen=True, slots=True)
class ExpertMatrix:
    """One projection of one expert.

    Args:
        layer: Index of the decoder layer.
        expert: Number of the expert in its layer.
        projection: ``gate``, ``up`` or ``down``.
        module: The name that its parameters begin with when experts are stored one by one.
        rows: Width of what comes out.
        width: Width of what goes in; weights of a row.
        itemsize: Bytes of one weight as stored.
        tensor: The tensor that holds it.
        part: Which slice of that tensor's first axis, if it holds all experts; else None.
        first_row: Its first row in that slice.
    """

    layer: int
    expert: int
    projection: str
    module: str
    rows: int
    width: int
    itemsize: int
    tensor: str
    part: int | None = None
    first_row: int = 0

    @property
    def nbytes(self) -> int:
        """Its bytes as stored."""
        return self.rows * self.width * self.itemsize

    def weight(self, stored: "Tensor") -> "Tensor":
        """Its weights, (rows, width), of what its tensor holds."""
        if self.part is None:
            return stored
        return stored[self.part, self.first_row : self.first_row + self.rows]


def expert_matrices(checkpoint: Checkpoint) -> Mapping[str, tuple[ExpertMatrix, ...]]:
    """All experts' matrices by the tensor that holds them, in the order of the files.

    Raises:
        QuantizationRefused: The model is quantised already, or has experts of which 4 or 8 bits
            have no agreed form.
        CheckpointDamaged: An expert is not as large as the configuration tells.
    """
    if method := how_quantized(checkpoint.config):
        raise QuantizationRefused(
            f"{checkpoint.path} is quantised already ({method}).",
            fix="Give the model in bfloat16, float16 or float32.",
        )
    matrices: defaultdict[str, tuple[ExpertMatrix, ...]] = defaultdict(tuple)
    for name in checkpoint.tensors:
        match checkpoint.locate(name):
            case ExpertTensor() as found:
                matrices[name] = (_single(checkpoint, name, found),)
            case StackedTensor(role=Role.EXPERT) as found:
                matrices[name] = tuple(_fused(checkpoint, name, found))
            case _:
                pass
    return matrices


def _single(checkpoint: Checkpoint, name: str, found: ExpertTensor) -> ExpertMatrix:
    itemsize = _itemsize(checkpoint, name, parameter=found.parameter)
    rows, width = _matrix_shape(checkpoint, found.projection)
    _check_shape(checkpoint, name, (rows, width))
    module = name.removesuffix(f".{found.parameter}")
    return ExpertMatrix(
        found.layer, found.expert, found.projection, module, rows, width, itemsize, name
    )


def _fused(checkpoint: Checkpoint, name: str, found: StackedTensor) -> Iterator[ExpertMatrix]:
    """The matrices in (experts, rows, width), gate before up, as transformers keeps them."""
    itemsize = _itemsize(checkpoint, name, parameter=found.parameter)
    projections = ("down",) if found.projection == "down" else ("gate", "up")
    num_experts = checkpoint.shape.num_experts
    rows, width = _matrix_shape(checkpoint, projections[0])
    modules = {
        (expert, projection): _module(checkpoint, name, expert=expert, projection=projection)
        for expert in range(num_experts)
        for projection in projections
    }
    _check_shape(checkpoint, name, (num_experts, rows * len(projections), width))
    for (expert, projection), module in modules.items():
        yield ExpertMatrix(
            layer=found.layer,
            expert=expert,
            projection=projection,
            module=module,
            rows=rows,
            width=width,
            itemsize=itemsize,
            tensor=name,
            part=expert,
            first_row=rows * projections.index(projection),
        )


def _module(checkpoint: Checkpoint, fused: str, *, expert: int, projection: str) -> str:
    """What a part of a fused tensor is called when experts are stored one by one."""
    name = checkpoint.family.expert_name(fused, expert=expert, projection=projection)
    if name is None:
        raise _no_agreed_form(checkpoint)
    return name.removesuffix(".weight")


def _matrix_shape(checkpoint: Checkpoint, projection: str) -> tuple[int, int]:
    inner, outer = checkpoint.shape.expert_width, checkpoint.shape.hidden_size
    return (outer, inner) if projection == "down" else (inner, outer)


def _itemsize(checkpoint: Checkpoint, name: str, *, parameter: str) -> int:
    """Bytes of one weight of a tensor that can be quantised."""
    code = checkpoint.tensors[name].dtype_code
    if parameter == "bias":
        raise _no_agreed_form(checkpoint)
    if parameter != "weight" or code not in _FLOATING_POINT:
        raise QuantizationRefused(
            f"The experts of {checkpoint.path} are quantised already: {name} is {code}.",
            fix="Give the model in bfloat16, float16 or float32.",
        )
    return _FLOATING_POINT[code]


def _check_shape(checkpoint: Checkpoint, name: str, expected: tuple[int, ...]) -> None:
    stored = checkpoint.tensors[name].shape
    if stored != expected:
        raise CheckpointDamaged(
            f"{name} of {checkpoint.path} is {_times(stored)}; the configuration tells of"
            f" {_times(expected)}."
        )


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _no_agreed_form(checkpoint: Checkpoint) -> QuantizationRefused:
    return QuantizationRefused(
        f"The experts of {checkpoint.shape.family} models are fused and have biases; neither"
        " transformers nor vLLM reads such experts in the pack-quantized format."
    )
