"""Cells by regime, hour, weekday and month: complete, without look-ahead, and silent where they are small."""

from __future__ import annotations

from dataclasses import replace
from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from backtest.metrics.clusters import clustered_mean
from backtest.metrics.days import LISTED_CALENDAR, daily_returns
from backtest.metrics.groups import monthly_returns, returns_by_group, state_at, trades_by_group
from market.chains import FloatArray
from tests.backtest.metrics.samples import DAY_NS, HOUR_NS, run_of_returns, session_closes, trade_of

_RETURNS = np.random.default_rng(2).normal(0.0005, 0.01, 250)


@given(values=arrays(np.float64, st.integers(20, 60), elements=st.integers(-500, 500).map(float)))
def test_one_row_a_day_gives_the_interval_of_independent_rows(values: FloatArray) -> None:
    """Clusters of one reduce to Student's t."""
    found = clustered_mean(values, np.arange(values.size))
    if not found.reason:
        half = (found.high - found.low) / 2.0
        assert half == pytest.approx(2.0 * values.std(ddof=1) / values.size**0.5, rel=0.05)
        assert (found.p_value < 0.05) == (abs(found.mean) > half)


def test_rows_that_repeat_within_a_day_tell_nothing_new() -> None:
    """Ten copies of each day leave the interval as it was; rows taken as independent would shrink it."""
    days = np.random.default_rng(1).normal(0.3, 1.0, 40)
    once, copied = (
        clustered_mean(days, np.arange(40)),
        clustered_mean(np.repeat(days, 10), np.repeat(np.arange(40), 10)),
    )
    assert (copied.low, copied.high) == pytest.approx((once.low, once.high))


def test_weekdays_and_months_hold_each_day_once() -> None:
    """Counts add up, weekdays come in their order, and the compounded cells make the whole."""
    run = run_of_returns(_RETURNS)
    cells = returns_by_group(run)
    for axis in ("weekday", "month"):
        part = [cell for cell in cells if cell.axis == axis]
        assert sum(cell.mean.n for cell in part) == _RETURNS.size
        assert np.prod([1.0 + cell.total for cell in part]) == pytest.approx(np.prod(1.0 + _RETURNS))
    assert [cell.group for cell in cells[:5]] == ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"]


def test_months_compound_to_the_whole() -> None:
    """The table of months loses no day."""
    months = monthly_returns(daily_returns(run_of_returns(_RETURNS).curve, LISTED_CALENDAR))
    assert months[0].month == "2024-01"
    assert sum(month.n_days for month in months) == _RETURNS.size
    assert np.prod([1.0 + month.value for month in months]) == pytest.approx(np.prod(1.0 + _RETURNS))


def test_a_day_counts_to_the_regime_that_was_known_when_it_began() -> None:
    """A crash that is told on the day of the loss does not explain that loss: the day belongs to the calm before."""
    returns = np.full(60, 0.001) + np.linspace(0, 1e-4, 60)
    returns[30] = -0.2
    closes = session_closes(61)
    run = replace(run_of_returns(returns), regimes={"vol": ((int(closes[0]), "calm"), (int(closes[31]) - 1, "crash"))})
    cells = {cell.group: cell for cell in returns_by_group(run) if cell.axis == "regime:vol"}
    assert cells["calm"].worst == pytest.approx(-0.2)
    assert cells["crash"].worst > 0.0
    assert (cells["calm"].mean.n, cells["crash"].mean.n) == (31, 29)


def test_before_the_first_reading_the_regime_is_unknown() -> None:
    """Missing is no regime."""
    states = state_at(((5, "calm"), (9, "storm")), np.array([4, 5, 8, 9, 100], dtype=np.int64))
    assert states == ["unknown", "calm", "calm", "storm", "storm"]


def test_small_cells_say_that_they_are_small() -> None:
    """Three trades at ten o'clock have a count and a mean, and no interval."""
    ten = int(session_closes(1)[0]) - 6 * HOUR_NS
    many = [trade_of(10.0 + k % 7, opened_ns=ten + HOUR_NS + k * DAY_NS) for k in range(40)]
    few = [trade_of(5.0, opened_ns=ten + k * DAY_NS) for k in range(3)]
    run = replace(run_of_returns(_RETURNS), trades=tuple(few + many))
    cells = {cell.group: cell for cell in trades_by_group(run) if cell.axis == "entry_hour"}
    assert (cells["10"].mean.n, cells["10"].mean.reason) == (3, "3 rows; at least 20 are needed")
    assert isnan(cells["10"].adjusted_p_value)
    assert (cells["11"].mean.n, cells["11"].mean.reason) == (40, "")
    assert cells["10"].statistics.n_trades == 3


def test_a_pattern_must_stand_beside_all_the_others_that_were_looked_at() -> None:
    """The adjusted p-value of a cell is never below its own."""
    for cell in returns_by_group(run_of_returns(_RETURNS)):
        if not isnan(cell.adjusted_p_value):
            assert cell.adjusted_p_value >= cell.mean.p_value


def test_trades_are_grouped_by_each_axis_and_none_is_lost() -> None:
    """Hour, weekday, strategy, structure, exit reason and regime each hold every trade."""
    closes = session_closes(60)
    trades = tuple(trade_of(float(k), opened_ns=int(closes[k]) - HOUR_NS) for k in range(50))
    run = replace(run_of_returns(_RETURNS), trades=trades, regimes={"trend": ((0, "up"),)})
    counts: dict[str, int] = {}
    for cell in trades_by_group(run):
        counts[cell.axis] = counts.get(cell.axis, 0) + cell.statistics.n_trades
    assert counts == dict.fromkeys(
        ("entry_hour", "entry_weekday", "strategy", "structure", "exit_reason", "regime:trend"), 50
    )
