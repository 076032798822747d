"""How weights are quantised: so many bits, and one scale for so many neighbours of a row."""

from collections.abc import Iterable
from dataclasses import dataclass

from expertswap.errors import QuantizationRefused

SUPPORTED_BITS = (4, 8)
KERNEL_GROUP_SIZES = (32, 64, 128)
"""Groups for which vLLM's Marlin kernels are made; a whole row is fine too."""


@dataclass(frozen=True, slots=True)
class WeightScheme:
    """Symmetric integers with a scale for each group of a row.

    Args:
        bits: Bits of one weight, 4 or 8.
        group_size: Neighbours in a row that share a scale; None for one scale a row.

    Raises:
        QuantizationRefused: Other bits, or a group without members.
    """

    bits: int = 4
    group_size: int | None = 128

    def __post_init__(self) -> None:
        if self.bits not in SUPPORTED_BITS:
            raise QuantizationRefused(
                f"Weights of {self.bits} bits are unknown.", fix="Use 4 or 8."
            )
        if self.group_size is not None and self.group_size < 1:
            raise QuantizationRefused(f"A group of {self.group_size} weights is impossible.")

    def num_groups(self, width: int) -> int:
        """Scales of one row of ``width`` weights.

        Raises:
            QuantizationRefused: The groups do not fill the row.
        """
        if self.group_size is None:
            return 1
        check_groups_fill(self.group_size, widths=(width,))
        return width // self.group_size


def check_groups_fill(group_size: int, *, widths: Iterable[int]) -> None:
    """See that rows of all these widths fall into whole groups.

    Raises:
        QuantizationRefused: One does not; names the groups that would fit all of them.
    """
    all_widths = sorted(set(widths))
    uneven = [width for width in all_widths if width % group_size]
    if not uneven:
        return
    fitting = [
        str(size) for size in KERNEL_GROUP_SIZES if not any(width % size for width in all_widths)
    ]
    groups = f"{', '.join(fitting)} would fit; so would one" if fitting else "One"
    raise QuantizationRefused(
        f"Rows of {' and '.join(map(str, uneven))} weights do not fall into groups of"
        f" {group_size}.",
        fix=f"{groups} scale for each row (`--group 0`).",
    )
