"""A factor counts only where it ranks the profit later in the direction that it had before."""

from __future__ import annotations

from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from backtest.attribution.factors import FACTOR_COLUMNS, FactorTest, factor_attribution, factor_table
from backtest.attribution.rank_correlation import block_bootstrap_spearman, spearman, weighted_spearman
from execution.trades import Trade
from market.errors import ConfigError
from tests.backtest.metrics.samples import HOUR_NS, session_closes, trade_of

_QUICK = FactorTest(n_draws=300)


def _trades(n_days: int, per_day: int, seed: int) -> list[Trade]:
    """Trades whose profit rises with one factor, falls with none, and shares a shock of its day."""
    rng = np.random.default_rng(seed)
    found = []
    for close in session_closes(n_days):
        shock, mood = rng.normal(0.0, 50.0), rng.normal()
        for k in range(per_day):
            skill = rng.normal()
            factors = {"skill": skill, "noise": rng.normal(), "mood": mood, "fixed": 0.5}
            opened = int(close) - (per_day - k) * HOUR_NS // 4
            found.append(trade_of(60.0 * skill + shock + rng.normal(0.0, 40.0), opened_ns=opened, factors=factors))
    return found


@given(seed=st.integers(0, 5_000), n=st.integers(3, 60))
def test_rank_correlation_with_ties_is_that_of_scipy(seed: int, n: int) -> None:
    """Mid-ranks for ties, as the textbook has it; repeated rows count as often as their weight."""
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, 8, n).astype(np.float64), rng.integers(0, 8, n).astype(np.float64)
    first[0], second[0] = -1.0, 99.0
    first[1], second[1] = 9.0, -1.0
    assert spearman(first, second) == pytest.approx(spearmanr(first, second).statistic, abs=1e-12)
    times = rng.integers(0, 4, n)
    times[:2] = 1
    repeated = spearmanr(np.repeat(first, times), np.repeat(second, times)).statistic
    found = weighted_spearman(first, second, times[None, :].astype(np.float64))[0]
    assert found == pytest.approx(repeated, abs=1e-12)


def test_a_constant_has_no_rank_correlation() -> None:
    """NaN, not 0."""
    assert isnan(spearman(np.ones(10), np.arange(10.0)))
    assert isnan(spearman(np.ones(1), np.ones(1)))


def test_days_that_share_a_shock_widen_the_interval() -> None:
    """Ten trades a day with the day's one factor: blocks of days spread far more than single rows would."""
    rng = np.random.default_rng(3)
    day = np.repeat(np.arange(40), 10)
    factor, profit = np.repeat(rng.normal(size=40), 10), np.repeat(rng.normal(size=40), 10) + rng.normal(size=400)
    by_day = block_bootstrap_spearman(factor, profit, day, n_draws=400, rng=rng).std()
    by_row = block_bootstrap_spearman(factor, profit, np.arange(400), n_draws=400, rng=rng).std()
    assert by_day > 1.8 * by_row


def test_the_factor_that_makes_the_profit_is_found_and_the_others_are_not() -> None:
    """Skill passes Holm's adjustment out of time; noise and the day's mood do not; a constant has no test."""
    rows = {row.factor: row for row in factor_attribution(_trades(60, 4, 1), rng=np.random.default_rng(1), test=_QUICK)}
    assert rows["skill"].p_holm < 0.001
    assert rows["skill"].spearman_low > 0.3
    assert rows["skill"].auc_low > 0.6
    assert rows["skill"].profit_top_less_bottom > 50.0
    assert min(rows["noise"].p_holm, rows["mood"].p_holm) > 0.05
    assert rows["fixed"].reason == "the factor is constant"
    assert isnan(rows["fixed"].p_holm)


def test_noise_is_called_predictive_no_more_often_than_the_level_says() -> None:
    """Thirty worlds with two factors of noise: the adjusted test rejects in few of them."""
    rejected = 0
    for seed in range(30):
        rows = factor_attribution(_trades(50, 2, 100 + seed), rng=np.random.default_rng(seed), test=_QUICK)
        rejected += any(row.p_holm < 0.05 for row in rows if row.factor in {"noise", "mood"})
    assert rejected <= 5


def test_small_wins_and_rare_ruin_fool_the_legacy_figure_and_not_the_profit() -> None:
    """EQ6: a factor that marks many small wins and the few ruinous losses has a positive legacy difference."""
    rng = np.random.default_rng(4)
    trades = []
    for k, close in enumerate(session_closes(200)):
        high = bool(k % 2)
        profit = (-2_000.0 if rng.random() < 0.08 else 30.0) if high else (-40.0 if rng.random() < 0.5 else 35.0)
        trades.append(trade_of(profit, opened_ns=int(close), factors={"rich": float(high) + 0.001 * rng.random()}))
    (row,) = factor_attribution(trades, rng=rng, test=_QUICK)
    assert row.legacy_delta_f > 0.0
    assert row.profit_top_less_bottom < 0.0


def test_too_few_trades_or_days_give_counts_and_a_reason() -> None:
    """Twenty trades are counted and not tested; the untested factor still counts for the adjustment."""
    (row,) = {
        row.factor: row
        for row in factor_attribution(_trades(5, 4, 1), rng=np.random.default_rng(1))
        if row.factor == "skill"
    }.values()
    assert (row.n_trades, row.n_days) == (20, 5)
    assert isnan(row.spearman)
    assert "at least 30 are needed" in row.reason


def test_the_order_of_the_trades_changes_nothing() -> None:
    """Rows are put in time order first."""
    trades = _trades(40, 2, 7)
    mixed = [trades[k] for k in np.random.default_rng(1).permutation(len(trades))]
    first, second = (factor_attribution(part, rng=np.random.default_rng(5), test=_QUICK) for part in (trades, mixed))
    assert repr(first) == repr(second)


def test_the_table_has_one_row_per_factor_under_its_columns() -> None:
    """The file of Q110: the original's figure stands there under its own name."""
    table = factor_table(factor_attribution(_trades(40, 2, 7), rng=np.random.default_rng(5), test=_QUICK))
    assert table[0] == FACTOR_COLUMNS
    assert [row[0] for row in table[1:]] == ["fixed", "mood", "noise", "skill"]
    assert "legacy_delta_f" in FACTOR_COLUMNS


def test_no_trade_has_no_factor_and_an_impossible_test_is_refused() -> None:
    """Nothing to attribute is an empty table."""
    assert factor_attribution((), rng=np.random.default_rng(1)) == ()
    with pytest.raises(ConfigError, match="a test of factors cannot be"):
        FactorTest(later_share=1.0)
