"""What an agent's tokens cost; unknown stays unknown."""

from collections.abc import Iterator
from dataclasses import replace
from importlib.metadata import version

from overnight.config import PriceTable
from overnight.types import Usage

_MILLION = 1e6
_STUDY, _RESEARCHER = "the study file", "the researcher itself"


class Prices:
    """Prices the usage of one model.

    Args:
        model: The model's name, or None when the agent chooses.
        table: The study's own prices, which go before any public price list.
    """

    def __init__(self, model: str | None, table: PriceTable | None) -> None:
        self._model = model
        self._table = table

    def price(self, usage: Usage) -> Usage:
        """The usage with its cost in US dollars and whose price that is, where it can be told."""
        if usage.cost_usd is not None:
            return replace(usage, priced_by=usage.priced_by or _RESEARCHER)
        if usage.total_tokens == 0:
            return usage
        if self._table is not None:
            return replace(usage, cost_usd=_by_table(self._table, usage), priced_by=_STUDY)
        cost = self._public_price(usage)
        return usage if cost is None else replace(usage, cost_usd=cost, priced_by=_public_list())

    def known(self) -> bool:
        """Whether this model's tokens have a price."""
        return self.price(Usage(input_tokens=1, output_tokens=1)).cost_usd is not None

    def _public_price(self, usage: Usage) -> float | None:
        if self._model is None:
            return None
        import genai_prices  # noqa: PLC0415 (slow to import, and needed only where tokens are used)

        counted = genai_prices.Usage(
            input_tokens=usage.input_tokens or 0,
            cache_read_tokens=_cached_tokens(usage),
            output_tokens=usage.output_tokens or 0,
        )
        for provider, model in _names(self._model):
            try:
                found = genai_prices.calc_price(counted, model_ref=model, provider_id=provider)
            except LookupError:
                continue
            return float(found.total_price)
        return None


def _by_table(table: PriceTable, usage: Usage) -> float:
    cached = _cached_tokens(usage)
    fresh = (usage.input_tokens or 0) - cached
    total = (
        fresh * table.input
        + cached * (table.input if table.cached_input is None else table.cached_input)
        + (usage.output_tokens or 0) * table.output
    )
    return total / _MILLION


def _public_list() -> str:
    """The price list by its release, which is all that it says of its age."""
    return f"genai-prices {version('genai-prices')}"


def _names(model: str) -> Iterator[tuple[str | None, str]]:
    """A model as it is named, and where that begins with its provider's name, apart from it."""
    yield None, model
    provider, _, rest = model.partition("/")
    if rest:
        yield provider, rest


def _cached_tokens(usage: Usage) -> int:
    """Cached input tokens; never more than the input, of which an agent may not have told all."""
    return min(usage.cached_input_tokens or 0, usage.input_tokens or 0)
