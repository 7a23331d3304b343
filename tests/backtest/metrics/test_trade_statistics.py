"""The share of wins never comes alone, and no order of trades changes a figure."""

from __future__ import annotations

from dataclasses import fields
from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.metrics.trade_statistics import TradeStatistics, trade_statistics, wilson_interval
from tests.backtest.metrics.samples import trade_of

_CENTS = st.integers(-100_000, 100_000).map(lambda cents: cents / 100.0)
_PROFITS = st.lists(_CENTS, min_size=1, max_size=40)


@given(profits=_PROFITS, data=st.data())
def test_the_order_of_trades_changes_nothing(profits: list[float], data: st.DataObject) -> None:
    """All figures are equal to the last bit, sums included."""
    trades = [trade_of(profit, hours=1.0 + k) for k, profit in enumerate(profits)]
    mixed = data.draw(st.permutations(trades))
    assert repr(trade_statistics(mixed)) == repr(trade_statistics(trades))


@given(profits=_PROFITS)
def test_expectancy_is_what_wins_and_losses_make_of_it(profits: list[float]) -> None:
    """Rate times mean win plus rate times mean loss is the mean profit, and all of it is the net profit."""
    found = trade_statistics([trade_of(profit) for profit in profits])
    wins = found.n_wins * found.mean_win if found.n_wins else 0.0
    losses = found.n_losses * found.mean_loss if found.n_losses else 0.0
    assert wins + losses == pytest.approx(found.net_profit, abs=1e-6)
    assert found.expectancy * found.n_trades == pytest.approx(found.net_profit, abs=1e-6)
    assert found.gross_profit - found.costs == pytest.approx(found.net_profit, abs=1e-6)


@given(profits=_PROFITS)
def test_above_its_break_even_rate_a_book_of_trades_earns(profits: list[float]) -> None:
    """With wins and losses only, the sign of the expectancy is that of the win rate over its break-even."""
    found = trade_statistics([trade_of(profit) for profit in profits if profit])
    if found.n_wins and found.n_losses:
        above = found.win_rate - found.break_even_win_rate
        assert found.expectancy * above >= -1e-9 * (abs(found.mean_win) + abs(found.mean_loss))


@given(profits=st.lists(_CENTS, max_size=20))
def test_every_missing_figure_has_its_reason(profits: list[float]) -> None:
    """NaN and reasons go together for any set of trades."""
    found = trade_statistics([trade_of(profit) for profit in profits])
    missing = {
        field.name for field in fields(TradeStatistics) if field.type == "float" and isnan(getattr(found, field.name))
    }
    assert missing == {name for name, _ in found.reasons}


def test_ninety_wins_and_one_ruinous_loss_show_what_the_rate_hides() -> None:
    """90 % wins at 1 to 12: the rate lies below its break-even, and the worst loss stands beside it."""
    found = trade_statistics([trade_of(100.0)] * 90 + [trade_of(-1_200.0)] * 10)
    assert found.win_rate == 0.9
    assert found.break_even_win_rate == pytest.approx(12.0 / 13.0)
    assert (found.worst_loss, found.profit_factor) == (-1_200.0, 0.75)
    assert found.payoff_ratio == pytest.approx(1.0 / 12.0)
    assert found.expectancy == -30.0


def test_trades_without_a_loss_have_no_pay_off_ratio() -> None:
    """EZ2: a hundred wins of a hundred say nothing about the loss that did not come yet."""
    found = trade_statistics([trade_of(50.0)] * 100)
    assert found.win_rate == 1.0
    assert found.win_rate_low < 0.97
    assert isnan(found.payoff_ratio)
    assert dict(found.reasons)["payoff_ratio"] == "no trade lost: what a loss costs is not known"


@given(n=st.integers(1, 200), data=st.data())
def test_wilsons_interval_holds_the_share_and_stays_within_bounds(n: int, data: st.DataObject) -> None:
    """It contains the observed share, lies in 0 to 1, and mirrors with the share."""
    hits = data.draw(st.integers(0, n))
    low, high = wilson_interval(hits, n)
    assert 0.0 <= low <= hits / n + 1e-12
    assert hits / n - 1e-12 <= high <= 1.0
    assert wilson_interval(n - hits, n) == pytest.approx((1.0 - high, 1.0 - low), abs=1e-12)


def test_wilsons_interval_has_its_textbook_value() -> None:
    """Ten hits in twenty-five: 0.234 to 0.593."""
    assert wilson_interval(10, 25) == pytest.approx((0.2340, 0.5926), abs=5e-4)
    assert np.isnan(wilson_interval(0, 0)).all()
