"""Rows that revalue the book with an order in it: they pass, deny, and fail closed."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from math import isnan

import numpy as np
import pytest

from market.errors import ConfigError
from market.orders import Leg, OrderIntent, PositionEffect, TimeInForce
from market.tradables import Share
from risk.book import PricedBook
from risk.limits.facts import OrderFacts, Stake
from risk.limits.rules import RiskRules
from risk.limits.tail import StressLossLimit, TailLossLimit
from risk.state import RiskState
from risk.stress.value_at_risk import MarketMoves
from risk.trading_state import TradingState
from tests.risk.books import book_of, option_row

_INTENT = OrderIntent(
    intent_id="i",
    cause_id="d",
    ts_event_ns=0,
    strategy="s",
    package_id="p",
    legs=(Leg(instrument=Share(symbol="SPY"), ratio=1),),
    quantity=Decimal(1),
    limit_price=Decimal(100),
    effect=PositionEffect.OPEN,
    time_in_force=TimeInForce.DAY,
)
_PUT = book_of([option_row(-1.0, "P", 95.0, 30.0)])


def _moves(n: int = 400) -> MarketMoves:
    spot = 0.01 * np.random.default_rng(4).standard_normal((n, 1))
    known = np.arange(-n, 0, dtype=np.int64)
    return MarketMoves(known_ns=known, underlyings=("SPX",), spot_return=spot, vol_log=-4.0 * spot)


def _facts(after: PricedBook | None, moves: MarketMoves | None = None, *, volatility: float = 18.0) -> OrderFacts:
    return OrderFacts(
        now_ns=0,
        state=TradingState.ACTIVE,
        leg_prices=(100.0,),
        risk=replace(RiskState(), equity=Decimal(10_000)),
        stake=Stake(after=after, moves=moves, volatility=volatility),
    )


def test_a_row_measures_the_worst_scenario_of_the_book_with_the_order() -> None:
    """Twice the position loses twice as much; the bound is a share of the equity."""
    row = StressLossLimit(share=0.05)
    one, bound = row.measure(_INTENT, _facts(_PUT))
    two, _ = row.measure(_INTENT, _facts(replace(_PUT, units=2.0 * _PUT.units)))
    assert bound == 500.0
    assert one > 500.0
    assert two == pytest.approx(2.0 * one)


def test_tail_rows_are_the_figures_of_past_days() -> None:
    """The shortfall is the larger of both, and a long position of nothing at risk measures 0 and no profit."""
    facts = _facts(_PUT, _moves())
    value, _ = TailLossLimit(name="value_at_risk", share=0.05).measure(_INTENT, facts)
    shortfall, _ = TailLossLimit(name="expected_shortfall", share=0.05).measure(_INTENT, facts)
    assert 0.0 < value <= shortfall
    assert TailLossLimit(name="value_at_risk", share=0.05).measure(_INTENT, _facts(book_of([]), _moves()))[0] == 0.0


@pytest.mark.parametrize("facts", [_facts(None), _facts(_PUT, volatility=float("nan")), _facts(_PUT, _moves(100))])
def test_what_is_missing_denies(facts: OrderFacts) -> None:
    """Without the book, the volatility index or enough past days a row has no number, and no number never passes."""
    stress = StressLossLimit(share=1.0).measure(_INTENT, facts)[0]
    tail = TailLossLimit(name="value_at_risk", share=1.0).measure(_INTENT, facts)[0]
    assert isnan(tail)
    assert isnan(stress) or facts.stake.moves is not None


def test_rules_make_the_rows_that_have_a_bound() -> None:
    """No bound, no row; a share beyond 1 is refused."""
    rules = RiskRules(stress_share=0.2, expected_shortfall_share=0.05)
    assert [row.name for row in rules.rows()] == ["stress_loss", "expected_shortfall"]
    assert rules.revalues_book
    assert not RiskRules().revalues_book
    with pytest.raises(ConfigError, match="stress_share"):
        RiskRules(stress_share=1.5)
