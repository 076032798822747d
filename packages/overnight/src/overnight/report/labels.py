"""Where the names of kept trials fit into the picture without covering one another."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from overnight.report.points import Step

_MOST_LABELS = 9
_CHARACTER_PX, _LINE_PX, _GAP_PX = 6.0, 14.0, 9.0


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels; y grows downwards."""

    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: "Box") -> bool:
        """Whether the two share any area."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )


@dataclass(frozen=True, slots=True)
class Label:
    """A name beside its point.

    Attributes:
        leftwards: Whether it ends at the point rather than beginning there.
    """

    step: Step
    leftwards: bool


def place_labels(
    points: Sequence[Step],
    *,
    at_px: Callable[[Step], tuple[float, float]],
    width_px: float,
    below: bool,
) -> list[Label]:
    """Names for the biggest gains that find room, on the side where no measured value is.

    Args:
        points: The kept trials; the running best steps from each to the next.
        at_px: Where a point is drawn.
        below: Whether better values are further down, so that names go there.
    """
    places = [at_px(point) for point in points]
    taken = list(_steps(places, width_px))
    labels: list[Label] = []
    by_gain = sorted((p for p in points if p.gain > 0), key=lambda p: p.gain, reverse=True)
    for point in by_gain:
        if len(labels) == _MOST_LABELS:
            break
        for leftwards in (True, False):
            box = _box(point.title, at_px(point), leftwards=leftwards, below=below)
            inside = box.left >= 0 and box.right <= width_px
            if point.title and inside and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                labels.append(Label(point, leftwards))
                break
    return labels


def _box(text: str, at: tuple[float, float], *, leftwards: bool, below: bool) -> Box:
    x, y = at
    width = _CHARACTER_PX * len(text)
    left = x - width if leftwards else x
    top = y + _GAP_PX - 3 if below else y - _GAP_PX - _LINE_PX + 3
    return Box(left, top, left + width, top + _LINE_PX)


def _steps(places: Sequence[tuple[float, float]], width_px: float) -> Iterator[Box]:
    """The running best as thin boxes: along at a point's height, then over to the next one's."""
    ends = [*places[1:], (width_px, places[-1][1])] if places else []
    for (x, y), (next_x, next_y) in zip(places, ends, strict=True):
        yield Box(x, y - 1, next_x, y + 1)
        yield Box(next_x - 1, min(y, next_y), next_x + 1, max(y, next_y))
