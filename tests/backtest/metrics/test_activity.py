"""Time in the market, turnover and the share of the costs."""

from __future__ import annotations

from dataclasses import replace
from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.metrics.activity import (
    cost_share,
    exposure_time,
    traded_value,
    turnover,
)
from backtest.metrics.days import CRYPTO_CALENDAR, LISTED_CALENDAR
from tests.backtest.metrics.samples import DAY_NS, HOUR_NS, curve_of, session_closes, trade_of
from tests.backtest.metrics.samples_trading import fill_of
from tests.execution.order_samples import SHARE, option

_CLOSES = session_closes(6)
_CURVE = curve_of(_CLOSES, np.full(6, 1e5))


def test_a_night_does_not_count_as_time_in_the_market() -> None:
    """Held from 15:00 to 10:30 next day: two of the 32.5 hours in which the market was open."""
    held = trade_of(1.0, opened_ns=int(_CLOSES[1]) - HOUR_NS, hours=19.5)
    assert exposure_time(_CURVE, [held], (), calendar=LISTED_CALENDAR).value == pytest.approx(2.0 / 32.5)


def test_packages_that_overlap_count_once() -> None:
    """Two trades in the same two hours are two hours."""
    start = int(_CLOSES[2]) - 3 * HOUR_NS
    trades = [trade_of(1.0, opened_ns=start, hours=2.0), trade_of(1.0, opened_ns=start + HOUR_NS, hours=1.0)]
    assert exposure_time(_CURVE, trades, (), calendar=LISTED_CALENDAR).value == pytest.approx(2.0 / 32.5)


@given(spans=st.lists(st.tuples(st.integers(0, 140), st.integers(0, 60)), max_size=12), data=st.data())
def test_exposure_is_a_share_and_ignores_the_order_of_trades(spans: list[tuple[int, int]], data: st.DataObject) -> None:
    """0 to 1, the same for any order, and equal to a count of covered hours."""
    curve = curve_of(np.arange(6, dtype=np.int64) * DAY_NS + 400 * DAY_NS, np.full(6, 1e5))
    trades = [trade_of(1.0, opened_ns=400 * DAY_NS + start * HOUR_NS, hours=float(hours)) for start, hours in spans]
    found = exposure_time(curve, trades, (), calendar=CRYPTO_CALENDAR).value
    mixed = data.draw(st.permutations(trades))
    assert exposure_time(curve, mixed, (), calendar=CRYPTO_CALENDAR).value == found
    covered = {hour for start, hours in spans for hour in range(start, min(start + hours, 120))}
    assert found == pytest.approx(len(covered) / 120.0)


def test_turnover_counts_both_ways_of_a_round_trip() -> None:
    """The whole account bought and sold in one year of marks turns over twice."""
    ts_ns = np.array([0, int(365.25 * DAY_NS)], dtype=np.int64)
    curve = curve_of(ts_ns, np.array([1e5, 1e5]))
    fills = [fill_of(SHARE, 1_000, "100.00"), fill_of(SHARE, -1_000, "100.00", fill_id="f2")]
    assert turnover(curve, fills).value == pytest.approx(2.0)
    assert turnover(curve_of(ts_ns[:1], np.array([1e5])), fills).reason == "fewer than two marks"


def test_the_traded_value_of_an_option_is_its_premium() -> None:
    """Two contracts at 1.50 with a multiplier of 100 are 300, whatever the index is."""
    assert traded_value([fill_of(option(4000, is_call=True), -2, "1.50")]) == 300.0


def test_costs_have_no_share_of_a_loss() -> None:
    """200 of a profit of 1,000 is a fifth; of a loss there is no share."""
    costs = np.array([0.0, 200.0])
    gain = replace(curve_of(_CLOSES[:2], np.array([1e5, 1e5 + 800.0])), costs=costs, realised=np.array([0.0, 1_000.0]))
    assert cost_share(gain).value == pytest.approx(0.2)
    assert isnan(cost_share(replace(gain, realised=np.array([0.0, -1_000.0]))).value)
