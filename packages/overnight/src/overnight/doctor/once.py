"""What is made once, when it is first asked for."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from overnight.errors import OvernightError

T = TypeVar("T")


class once(Generic[T]):  # noqa: N801 (used as a decorator, like property)
    """A property that is worked out when first asked for; a failure is kept and raised again.

    So the first check that needs something broken tells it, and all others can be told apart from
    it by the very same exception.
    """

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make = make
        self.__doc__ = make.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._place = f"_once_{name}"

    def __get__(self, owner: Any, kind: type | None = None) -> T:
        kept: dict[str, Any] = vars(owner)
        if self._place not in kept:
            kept[self._place] = self._outcome(owner)
        value, error = kept[self._place]
        if error is not None:
            raise error
        made: T = value
        return made

    def _outcome(self, owner: Any) -> tuple[T | None, Exception | None]:
        try:
            return self._make(owner), None
        except (OvernightError, OSError) as error:
            return None, error
