"""An account's days by strategy: they add up to the account, and shares of the money come from days before."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from backtest.audit.invariance import result_digest
from backtest.costs.carry import CashInterest, ConstantRate
from backtest.history import History
from backtest.metrics.strategies import strategy_table
from backtest.reports.record import read_result, record_files
from backtest.results import RunResult, StrategyDays
from market.tradables import Share
from strategies.allocation import AllocationConfig, AllocationMethod
from strategies.decisions import Decision
from strategies.features import Feature
from strategies.moving_average import MovingAverageCross
from strategies.sleeve import Sleeve
from strategies.views import View
from tests.backtest.recordings import SHARE, bars, of_bars, run

_HOUR_NS = 3_600_000_000_000
_DAY = 24
_OTHER = Share(symbol="ALT")
_CALM, _WILD = "calm", "wild"
_CONFIG = AllocationConfig(
    method=AllocationMethod.EQUAL_RISK, window_days=20, min_days=10, every_days=5, max_weight=1.0, min_change=0.0
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sized:
    """A crossing of averages that trades a share of the money that it is told of."""

    cross: MovingAverageCross

    @property
    def name(self) -> str:
        """That of the crossing."""
        return self.cross.name

    @property
    def features(self) -> tuple[Feature, ...]:
        """Those of the crossing."""
        return self.cross.features

    def decide(self, view: View) -> Decision:
        """Decide as the crossing of that size."""
        close = view.bars(self.cross.instrument.symbol, 1).close
        quantity = Decimal(max(int(0.5 * view.account.equity / float(close[-1])), 1))
        return replace(self.cross, quantity=quantity).decide(view)


def _closes(seed: int, volatility: float, n_days: int = 60) -> list[float]:
    draws = np.random.default_rng(seed)
    steps = volatility * draws.standard_normal(n_days * _DAY)
    closes: list[float] = (100.0 * np.exp(np.cumsum(steps))).round(2).tolist()
    return closes


def _history(n_days: int = 60) -> History:
    calm = bars(_closes(1, 0.001)[: n_days * _DAY], width_ns=_HOUR_NS)
    wild = bars(_closes(2, 0.004)[: n_days * _DAY], width_ns=_HOUR_NS, symbol="ALT")
    return replace(of_bars(calm, wild), instruments=(SHARE, _OTHER))


def _run(history: History, *, allocation: AllocationConfig | None = _CONFIG, **changed: object) -> RunResult:
    strategies = [
        _Sized(cross=MovingAverageCross(instrument=share, fast=2, slow=5, name=name))
        for share, name in ((SHARE, _CALM), (_OTHER, _WILD))
    ]
    sleeves = [Sleeve(inner=each, weight=None) for each in strategies] if allocation else strategies
    calendars = {"SYN": "24/7", "ALT": "24/7"}
    features = tuple(feature for each in strategies for feature in each.features)
    result = run(history, *sleeves, allocation=allocation, calendars=calendars, features=features, **changed)
    assert result.stopped == ""
    assert len(result.trades) > 10
    return result


def _days(result: RunResult) -> StrategyDays:
    assert result.strategy_days is not None
    return result.strategy_days


def test_profits_of_strategies_and_the_rest_are_those_of_the_account() -> None:
    """On each day, to a cent, with costs and interest; the strategies' part is their packages' net profit."""
    interest = CashInterest(source=ConstantRate(rate=Decimal("0.05")))
    result = _run(_history(), interest=interest)
    days = _days(result)
    profit = result.curve.equity[-1] - 100_000.0
    assert days.pnl.sum() + days.rest.sum() == pytest.approx(profit, abs=1e-6)
    assert days.rest.sum() == pytest.approx(result.curve.income[-1], abs=1e-6)
    for place, name in enumerate(days.strategies):
        closed = sum(float(trade.net_pnl) for trade in result.trades if trade.strategy == name)
        is_flat = all(package.strategy != name for package in result.open_packages)
        assert is_flat or abs(days.pnl[:, place].sum() - closed) < 2_000.0
        assert not is_flat or days.pnl[:, place].sum() == pytest.approx(closed, abs=1e-6)
    assert (np.diff(days.end_ns) > 0).all()


def test_the_calmer_strategy_is_given_more_money() -> None:
    """Four times the volatility is about a quarter of the weight, once there are days to tell."""
    days = _days(_run(_history()))
    assert days.weight[0].tolist() == [0.5, 0.5]
    ratio = days.weight[-1, 0] / days.weight[-1, 1]
    assert 2.5 < ratio < 6.0
    assert days.weight[-1].sum() == pytest.approx(1.0)


def test_weights_of_a_day_know_nothing_of_it() -> None:
    """Cut at any day, the weights until then are the same."""
    whole = _days(_run(_history()))
    for n_days in (15, 31, 47):
        part = _days(_run(_history(n_days)))
        n = part.weight.shape[0]
        assert np.array_equal(part.weight, whole.weight[:n])


def test_small_changes_leave_weights_as_they_are() -> None:
    """A band above any change keeps the initial weights for good."""
    days = _days(_run(_history(), allocation=replace(_CONFIG, min_change=0.9)))
    assert np.ptp(days.weight) == 0.0


def test_keeping_days_changes_no_run() -> None:
    """Without an allocation the days are kept, every weight is 1, and the record gives them back."""
    result = _run(_history(10), allocation=None)
    assert set(_days(result).weight.ravel().tolist()) == {1.0}
    assert result_digest(result) == result_digest(_run(_history(10), allocation=None))


def test_the_days_come_back_from_the_record(tmp_path: Path) -> None:
    """Names, profits, rest and weights, bit for bit."""
    result = _run(_history(30))
    for name, content in record_files(result):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    found, kept = _days(read_result(tmp_path)), _days(result)
    assert found.strategies == kept.strategies
    for name in ("end_ns", "pnl", "rest", "weight"):
        assert np.array_equal(getattr(found, name), getattr(kept, name))


def test_the_table_splits_risk_and_profit() -> None:
    """Shares of the risk sum to 1, net profits to the account's, and two equal strategies move together."""
    days = _days(_run(_history()))
    table = strategy_table(days)
    assert sum(share.risk_share for share in table.shares) == pytest.approx(1.0)
    assert sum(share.net for share in table.shares) == pytest.approx(days.pnl.sum())
    assert table.diversification >= 1.0
    twice = replace(days, pnl=np.repeat(days.pnl[:, :1], 2, axis=1))
    same = strategy_table(twice)
    assert same.diversification == pytest.approx(1.0)
    assert same.correlation[0, 1] == pytest.approx(1.0)


def test_a_strategy_that_never_traded_has_no_correlation() -> None:
    """Nothing is made up for a column of zeros."""
    days = _days(_run(_history(10)))
    still = replace(days, pnl=days.pnl * np.array([1.0, 0.0]))
    table = strategy_table(still)
    assert np.isnan(table.correlation[0, 1])
    assert np.isnan(table.shares[1].correlation_to_others)
    assert table.shares[1].risk_share == 0.0
