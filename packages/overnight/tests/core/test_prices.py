"""What tokens cost: the study's own table, then the public list, else unknown."""

from importlib.metadata import version

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overnight.config import PriceTable
from overnight.prices import Prices
from overnight.types import Usage

TABLE = PriceTable(input=2.0, cached_input=0.5, output=10.0)
PUBLIC = "gpt-4o"
USAGE = Usage(input_tokens=1_000_000, cached_input_tokens=400_000, output_tokens=100_000)


def cost(prices: Prices, usage: Usage) -> float | None:
    return prices.price(usage).cost_usd


def test_the_studys_own_prices_are_per_million_tokens() -> None:
    assert cost(Prices("any", TABLE), USAGE) == pytest.approx(0.6 * 2.0 + 0.4 * 0.5 + 0.1 * 10.0)


def test_cached_tokens_cost_the_full_price_unless_told_otherwise() -> None:
    table = PriceTable(input=2.0, output=10.0)
    assert cost(Prices(None, table), USAGE) == pytest.approx(2.0 + 1.0)


def test_the_studys_own_prices_go_before_the_public_list() -> None:
    assert cost(Prices(PUBLIC, TABLE), USAGE) == cost(Prices(None, TABLE), USAGE)


def test_a_public_model_has_a_price_and_cached_tokens_are_cheaper() -> None:
    prices = Prices(PUBLIC, None)
    assert prices.known()
    cached, fresh = cost(prices, USAGE), cost(prices, Usage(1_000_000, 0, 100_000))
    assert cached is not None
    assert fresh is not None
    assert 0 < cached < fresh


@pytest.mark.parametrize("model", ["a-model-of-our-own", "", None])
def test_an_unknown_price_stays_unknown(model: str | None) -> None:
    prices = Prices(model, None)
    assert not prices.known()
    assert cost(prices, USAGE) is None


@pytest.mark.parametrize("prices", [Prices(PUBLIC, None), Prices(PUBLIC, TABLE)])
def test_what_the_agent_says_that_it_cost_is_believed(prices: Prices) -> None:
    told = Usage(input_tokens=5, output_tokens=5, cost_usd=42.0)
    priced = prices.price(told)
    assert (priced.cost_usd, priced.priced_by) == (42.0, "the researcher itself")


@pytest.mark.parametrize("prices", [Prices(PUBLIC, None), Prices(PUBLIC, TABLE)])
def test_no_tokens_have_no_cost(prices: Prices) -> None:
    assert prices.price(Usage()).cost_usd is None


def test_a_price_says_whose_it_is() -> None:
    assert Prices(PUBLIC, TABLE).price(USAGE).priced_by == "the study file"
    assert Prices(PUBLIC, None).price(USAGE).priced_by == f"genai-prices {version('genai-prices')}"
    assert Prices("a-model-of-our-own", None).price(USAGE).priced_by is None


TOKENS = st.none() | st.integers(0, 10**9)


@given(st.builds(Usage, TOKENS, TOKENS, TOKENS, TOKENS), st.sampled_from([TABLE, None]))
def test_whatever_an_agent_reports_is_priced_or_unknown_and_never_negative(
    usage: Usage, table: PriceTable | None
) -> None:
    told = cost(Prices(PUBLIC, table), usage)
    assert told is None or told >= 0


@pytest.mark.parametrize("model", ["openai/gpt-5", "anthropic/claude-sonnet-4-5"])
def test_a_providers_name_may_stand_before_the_models(model: str) -> None:
    used = Usage(input_tokens=1_000_000, cached_input_tokens=0, output_tokens=1_000)
    cost = Prices(model, None).price(used).cost_usd
    assert cost == Prices(model.partition("/")[2], None).price(used).cost_usd
    assert cost is not None
    assert cost > 0
    assert Prices(f"nobody/{model.partition('/')[2]}", None).price(used).cost_usd is None
