"""Slippage, delay, spread and fill ratio of hand-made executions."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from math import isnan, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.metrics.execution_quality import fill_quality, fill_quality_by_group, leg_label, order_quality
from execution.orders import OrderStatus
from tests.backtest.metrics.samples import run_of_returns
from tests.backtest.metrics.samples_trading import fill_of, quote_of
from tests.execution.order_samples import NOW_NS, SHARE, condor, intent_for, option, order_of

_PUT = option(4000, is_call=False)
_PRICE = st.integers(100, 900).map(lambda cents: cents / 100.0)


def test_a_sale_at_the_bid_pays_half_of_the_spread_and_the_move_before_it() -> None:
    """Decided at 2.00 mid, sold at a bid of 1.80 while the mid is 1.90: 10 of delay, 10 of spread per contract."""
    found = fill_quality([fill_of(_PUT, -1, "1.80")], {"f1": quote_of("f1", (1.95, 2.05), (1.80, 2.00))})
    assert found.delay == pytest.approx(10.0)
    assert found.spread == pytest.approx(10.0)
    assert found.slippage == pytest.approx(20.0)
    assert found.beyond_quote == pytest.approx(0.0)
    assert found.effective_spread_share == pytest.approx(1.0)
    assert found.slippage_bps == pytest.approx(1e4 * 20.0 / 180.0)
    assert found.charges["commission"] == 0.65
    assert found.shortfall == pytest.approx(20.75)


@given(price=_PRICE, mids=st.tuples(_PRICE, _PRICE), half=st.integers(0, 20), units=st.sampled_from([-7, -1, 1, 3]))
def test_slippage_is_delay_and_spread_for_any_fill(
    price: float, mids: tuple[float, float], half: int, units: int
) -> None:
    """The parts add up, whatever the prices; a mirrored sale costs what the purchase gains."""
    width = half / 100.0
    quote = quote_of("f1", (mids[0] - width, mids[0] + width), (mids[1] - width, mids[1] + width))
    found = fill_quality([fill_of(SHARE, units, str(price))], {"f1": quote})
    assert found.slippage == pytest.approx(found.delay + found.spread, abs=1e-9)
    mirrored = fill_quality([fill_of(SHARE, -units, str(price))], {"f1": quote})
    assert mirrored.slippage == pytest.approx(-found.slippage, abs=1e-9)


def test_fills_without_a_quote_are_counted_and_not_taken_for_free() -> None:
    """One of two fills has no quote: slippage speaks of one and says so; with none there is none."""
    fills = [fill_of(SHARE, 10, "100.00"), fill_of(SHARE, 10, "100.00", fill_id="f2")]
    quotes = {"f1": quote_of("f1", (99.9, 100.0), (99.9, 100.0)), "f2": quote_of("f2", (nan, 100.0), (99.9, 100.0))}
    found = fill_quality(fills, quotes)
    assert (found.n_fills, found.n_quoted) == (2, 1)
    assert found.slippage == pytest.approx(0.5)
    bare = fill_quality(fills, {})
    assert isnan(bare.slippage)
    assert isnan(bare.shortfall)
    assert bare.reason == "no quote was recorded for any fill"
    assert bare.charges["commission"] == 13.0


def test_groups_by_leg_structure_strategy_and_hour_hold_every_fill() -> None:
    """A condor's four legs stand in four groups, sold and bought apart."""
    legs = condor()
    fills = tuple(fill_of(leg.instrument, leg.ratio, "2.00", fill_id=f"f{k}") for k, leg in enumerate(legs))
    order = order_of(replace(intent_for(legs, quantity="1"), structure="iron_condor"), OrderStatus.FILLED)
    run = replace(run_of_returns(np.linspace(0, 0.01, 30)), fills=fills, orders=(order,))
    rows = fill_quality_by_group(run)
    counts = {axis: sum(row.n_fills for row in rows if row.axis == axis) for axis in ("leg", "structure", "hour")}
    assert counts == {"leg": 4, "structure": 4, "hour": 4}
    assert {row.group for row in rows if row.axis == "leg"} == {"buy put", "sell put", "sell call", "buy call"}
    assert {row.group for row in rows if row.axis == "structure"} == {"iron_condor"}
    assert {row.group for row in rows if row.axis == "hour"} == {"15"}
    assert leg_label(fill_of(SHARE, -5, "1.00")) == "sell share"


def test_the_fill_ratio_is_of_packages_and_time_runs_from_the_decision() -> None:
    """Ten of ten, four of ten, none of ten: 14 of 30; the whole order took two seconds."""
    whole = replace(order_of(intent_for(), OrderStatus.FILLED, "a"), filled=(Decimal(10),), fill_ids=frozenset("xy"))
    partly = replace(order_of(intent_for(), OrderStatus.CANCELLED, "b"), filled=(Decimal(4),), fill_ids=frozenset("z"))
    none = order_of(intent_for(), OrderStatus.EXPIRED, "c")
    fills = [
        fill_of(SHARE, 4, "5.00", order_id="a", fill_id="x", at_ns=NOW_NS + 1_000_000_000),
        fill_of(SHARE, 6, "5.00", order_id="a", fill_id="y", at_ns=NOW_NS + 2_000_000_000),
        fill_of(SHARE, 4, "5.00", order_id="b", fill_id="z", at_ns=NOW_NS + 9_000_000_000),
    ]
    found = order_quality([whole, partly, none], fills)
    assert found.fill_ratio == pytest.approx(14 / 30)
    assert (found.n_filled, found.n_partial, found.n_unfilled, found.n_with_partial_fills) == (1, 1, 1, 1)
    assert found.median_seconds == 2.0
    assert found.ended == {"filled": 1, "cancelled": 1, "expired": 1}


def test_a_package_is_filled_as_far_as_its_least_filled_leg() -> None:
    """A condor with one leg missing is not filled at all."""
    order = replace(
        order_of(intent_for(condor(), quantity="2"), OrderStatus.CANCELLED),
        filled=(Decimal(2), Decimal(-2), Decimal(-2), Decimal(0)),
    )
    assert order_quality([order], []).fill_ratio == 0.0
    assert isnan(order_quality([], []).fill_ratio)
