"""Packages at their limit: of any legs, of shares beside options, and of legs that nobody bids for."""

from __future__ import annotations

from decimal import Decimal
from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.fills.models import CrossSpread, SizeRule
from backtest.fills.pricing import FillRules, execution_of, is_executable
from market.orders import Leg, OrderIntent, PositionEffect, TimeInForce
from market.tradables import Instrument, Share
from strategies.views import Quote
from tests.backtest.fills.test_pricing import intent, net, quote
from tests.backtest.option_recordings import contract

SPY = Share(symbol="SPY")


def package(legs: list[tuple[Instrument, int]], limit: str) -> OrderIntent:
    """Return an order for one package."""
    return OrderIntent(
        intent_id="i",
        cause_id="d",
        ts_event_ns=0,
        strategy="s",
        package_id="p",
        legs=tuple(Leg(instrument=each, ratio=ratio) for each, ratio in legs),
        quantity=Decimal(1),
        limit_price=Decimal(limit),
        effect=PositionEffect.OPEN,
        time_in_force=TimeInForce.DAY,
    )


@given(
    st.sampled_from([[-1, -1], [-1, -1, -1], [3, -7], [-3, 7], [-2, -3], [-3, -2, 5], [3, 7]]), st.integers(0, 60_000)
)
def test_what_has_rested_trades_at_its_limit_also_where_no_leg_alone_can_bear_it(ratios: list[int], room: int) -> None:
    """Sales fall to nothing before a gift is taken; thirds are rounded to the fine step, never beyond the limit."""
    quotes = [quote(0.80 + 0.25 * n, 0.90 + 0.25 * n) for n in range(len(ratios))]
    far = sum(Decimal(repr(q.ask if r > 0 else q.bid)) * r for r, q in zip(ratios, quotes, strict=True))
    limit = far + Decimal(room) / 10_000
    found = execution_of(intent(ratios, limit), Decimal(1), quotes, FillRules(), has_rested=True)
    assert found is not None
    assert min(found.prices) >= 0
    reachable = limit if max(ratios) > 0 else min(limit, Decimal(0))
    gift = reachable - net(ratios, found.prices)
    assert 0 <= gift < Decimal("0.0001") * max(abs(ratio) for ratio in ratios)


@pytest.mark.parametrize(("limit", "trades"), [("427.10", 1), ("427.09", 0)])
def test_shares_beside_an_option_count_once_in_the_net_price(limit: str, trades: int) -> None:
    """A hundred shares at 428.10 less a call at 1.00 are 427.10 per unit of a hundred, as the ledger books them."""
    order = package([(contract(427.0, "C", "SPY"), -1), (SPY, 100)], limit)
    quotes = [quote(1.0, 1.1), quote(428.0, 428.1)]
    found = execution_of(order, Decimal(1), quotes, FillRules(), has_rested=False)
    assert (0 if found is None else found.quantity) == trades
    better = package([(contract(427.0, "C", "SPY"), -1), (SPY, 100)], "427.60")
    rested = execution_of(better, Decimal(1), quotes, FillRules(), has_rested=True)
    assert rested is not None
    assert rested.prices[1] - rested.prices[0] == Decimal("427.60")


def test_a_worthless_wing_without_a_size_does_not_hold_back_the_package_that_throws_it_in() -> None:
    """Vendors show no bid as a price of 0 with a size of 0; the other leg's size still counts."""
    order = package([(contract(4300, "C"), 1), (contract(4310, "C"), -1)], "1.20")
    wing = Quote(bid=nan, ask=0.05, bid_size=0.0, ask_size=10.0, ts_ns=0)
    found = execution_of(order, Decimal(1), [quote(1.0, 1.1, 5.0), wing], FillRules(), has_rested=False)
    assert found is not None
    assert found.prices == (Decimal("1.1"), Decimal(0))
    assert execution_of(order, Decimal(1), [quote(1.0, 1.1, 0.0), wing], FillRules(), has_rested=False) is None


@pytest.mark.parametrize(("rule", "left"), [(SizeRule(), "3"), (SizeRule(share=Decimal("0.8")), "2"), (None, "10")])
def test_what_was_taken_of_a_quote_is_not_there_again(rule: SizeRule | None, left: str) -> None:
    """Two of five shown are gone; without a size everything passes."""
    shown = nan if rule is None else 5.0
    rules = FillRules(model=CrossSpread(size=rule or SizeRule()))
    order = intent([1], Decimal(11), "10")
    found = execution_of(order, Decimal(10), [quote(10.0, 10.2, shown)], rules, has_rested=False, taken=(Decimal(2),))
    assert found is not None
    assert found.quantity == Decimal(left)


def test_a_quote_without_a_side_is_none_to_meet_whatever_its_size() -> None:
    """An order that comes upon it has not met the market yet."""
    assert is_executable(intent([1], Decimal(11)), [quote(10.0, 10.2, 0.0)])
    assert not is_executable(intent([1], Decimal(11)), [quote(nan, nan)])
    assert not is_executable(intent([-1], Decimal(0)), [quote(nan, 0.05)])
