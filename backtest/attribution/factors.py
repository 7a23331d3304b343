"""Whether a factor that was known before the trade ranks its result: out of time, by day, and for all factors together.

The original called a factor predictive where winners had a higher mean than losers. That looks at one sample, weighs a
small win like a ruinous loss and has no error; the difference is kept as a named legacy column beside the test.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import nan, sqrt
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from scipy.special import ndtr

from backtest.attribution.rank_correlation import block_bootstrap_spearman, spearman
from backtest.metrics.clusters import MIN_DAYS
from execution.trades import Trade
from fields.evidence.auc import block_bootstrap_auc, estimate_auc
from fields.evidence.multiplicity import holm_adjusted
from fields.evidence.study import interval_of
from market.chains import FloatArray
from market.clock import datetime_of_ns
from market.errors import ConfigError
from market.trades import Int64Array

__all__ = ["FACTOR_COLUMNS", "MIN_TRADES", "FactorRow", "FactorTest", "factor_attribution", "factor_table"]

MIN_TRADES: Final = 30
"""Fewer trades in either part give no test."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorTest:
    """How factors are tested.

    Parameters
    ----------
    n_draws : int
        Resamples of days, at least 100.
    alpha : float
        Share outside the intervals.
    later_share : float
        Share of the days, the last ones, on which the direction found before is tested.
    zone : str
        Whose dates are the days.
    """

    n_draws: int = 1_000
    alpha: float = 0.05
    later_share: float = 0.4
    zone: str = "America/New_York"

    def __post_init__(self) -> None:
        if self.n_draws < 100 or not 0.0 < self.alpha < 1.0 or not 0.0 < self.later_share < 1.0:
            raise ConfigError(
                "a test of factors cannot be",
                found=f"{self.n_draws} draws, alpha {self.alpha}, later share {self.later_share}",
                expected="100 draws or more, and shares between 0 and 1",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorRow:
    """One factor against the net profit of the trades; NaN where `reason` says why.

    Parameters
    ----------
    factor : str
        Name.
    n_trades, n_days, n_missing : int
        Trades with the factor, days among them, and trades without it.
    spearman, spearman_low, spearman_high : float
        Rank correlation with the net profit over all trades, and its interval by resampled days.
    auc, auc_low, auc_high : float
        Chance that a winner has the higher factor, and its interval by resampled days.
    profit_top_less_bottom : float
        Mean net profit of the third with the highest factor less that of the lowest, account currency.
    spearman_earlier, spearman_later : float
        Rank correlation in the first days, which sets the direction, and in the last ones, which test it.
    p_value : float
        One-sided, of the later part in the direction of the earlier one.
    p_holm : float
        The same for all factors together.
    legacy_delta_f : float
        Mean of winners less mean of losers: the original's figure, in the factor's own unit, without any test.
    reason : str
        Why there is no test; empty where there is one.
    """

    factor: str
    n_trades: int
    n_days: int
    n_missing: int
    spearman: float = nan
    spearman_low: float = nan
    spearman_high: float = nan
    auc: float = nan
    auc_low: float = nan
    auc_high: float = nan
    profit_top_less_bottom: float = nan
    spearman_earlier: float = nan
    spearman_later: float = nan
    p_value: float = nan
    p_holm: float = nan
    legacy_delta_f: float = nan
    reason: str = ""


FACTOR_COLUMNS: Final = tuple(FactorRow.__slots__)
"""Columns of ``factor_attribution.csv`` (Q110), in this order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    factor: FloatArray
    profit: FloatArray
    day: Int64Array


def factor_attribution(
    trades: Sequence[Trade], *, rng: np.random.Generator, test: FactorTest | None = None
) -> tuple[FactorRow, ...]:
    """Test each factor of closed trades against their net profit.

    Parameters
    ----------
    trades : sequence of Trade
        In any order; `Trade.factors` holds what was known before the entry.
    rng : numpy.random.Generator
        Source of chance.
    test : FactorTest, optional
        How to test.

    Returns
    -------
    tuple of FactorRow
        By name. Every factor that any trade carries counts as a test, also one that could not be tested.
    """
    rules = test or FactorTest()
    names = sorted({name for trade in trades for name in trade.factors})
    ordered = sorted(trades, key=lambda trade: (trade.opened_ns, trade.package_id))
    table = np.array([[trade.factors.get(name, nan) for name in names] for trade in ordered])
    profit = np.array([float(trade.net_pnl) for trade in ordered])
    day = _days(ordered, rules.zone)
    rows = [_row(name, table[:, place], profit, day, rng, rules) for place, name in enumerate(names)]
    adjusted = holm_adjusted(np.array([row.p_value for row in rows]))
    return tuple(replace(row, p_holm=float(p)) for row, p in zip(rows, adjusted, strict=True))


def factor_table(rows: Sequence[FactorRow]) -> tuple[tuple[object, ...], ...]:
    """Return the rows of ``factor_attribution.csv``: `FACTOR_COLUMNS`, then one row per factor."""
    return (FACTOR_COLUMNS, *(tuple(getattr(row, name) for name in FACTOR_COLUMNS) for row in rows))


def _days(trades: Sequence[Trade], zone: str) -> Int64Array:
    local = ZoneInfo(zone)
    opened = (datetime_of_ns(trade.opened_ns).astimezone(local) for trade in trades)
    return np.array([instant.toordinal() for instant in opened], dtype=np.int64)


def _row(
    name: str,
    values: FloatArray,
    profit: FloatArray,
    day: Int64Array,
    rng: np.random.Generator,
    rules: FactorTest,
) -> FactorRow:
    known = np.isfinite(values)
    sample = _Sample(factor=values[known], profit=profit[known], day=day[known])
    n_days = np.unique(sample.day).size
    row = FactorRow(
        factor=name,
        n_trades=sample.factor.size,
        n_days=n_days,
        n_missing=int((~known).sum()),
        legacy_delta_f=_legacy(sample),
    )
    earlier, later = _split(sample, rules.later_share)
    reason = _untestable(sample, earlier, later)
    if reason:
        return replace(row, reason=reason)
    low, high = _quantiles(_draws(sample, rng, rules), rules.alpha)
    auc, auc_low, auc_high = _auc(sample, n_days, rng, rules)
    first, second = spearman(earlier.factor, earlier.profit), spearman(later.factor, later.profit)
    return replace(
        row,
        spearman=spearman(sample.factor, sample.profit),
        spearman_low=low,
        spearman_high=high,
        auc=auc,
        auc_low=auc_low,
        auc_high=auc_high,
        profit_top_less_bottom=_thirds(sample),
        spearman_earlier=first,
        spearman_later=second,
        p_value=_later_p_value(first, second, later, rng, rules),
    )


def _legacy(sample: _Sample) -> float:
    won, lost = sample.factor[sample.profit > 0.0], sample.factor[sample.profit < 0.0]
    return float(won.mean() - lost.mean()) if won.size and lost.size else nan


def _split(sample: _Sample, later_share: float) -> tuple[_Sample, _Sample]:
    # Whole days: trades of one day share its weather.
    days = np.unique(sample.day)
    n_first = round(days.size * (1.0 - later_share))
    edge = days[n_first] if n_first < days.size else np.iinfo(np.int64).max
    return _part(sample, sample.day < edge), _part(sample, sample.day >= edge)


def _part(sample: _Sample, rows: np.ndarray) -> _Sample:
    return _Sample(factor=sample.factor[rows], profit=sample.profit[rows], day=sample.day[rows])


def _untestable(sample: _Sample, *parts: _Sample) -> str:
    if sample.factor.size and np.ptp(sample.factor) == 0.0:
        return "the factor is constant"
    if sample.profit.size and np.ptp(sample.profit) == 0.0:
        return "every trade earned the same"
    n_trades = min(part.factor.size for part in parts)
    n_days = min(np.unique(part.day).size for part in parts)
    if n_trades < MIN_TRADES:
        return f"{n_trades} trades in one part; at least {MIN_TRADES} are needed"
    if n_days < MIN_DAYS:
        return f"{n_days} days in one part; at least {MIN_DAYS} are needed"
    flat = any(np.ptp(part.factor) == 0.0 or np.ptp(part.profit) == 0.0 for part in parts)
    return "the factor or the profit is constant in one part" if flat else ""


def _draws(sample: _Sample, rng: np.random.Generator, rules: FactorTest) -> FloatArray:
    drawn = block_bootstrap_spearman(sample.factor, sample.profit, sample.day, n_draws=rules.n_draws, rng=rng)
    return drawn[np.isfinite(drawn)]


def _quantiles(drawn: FloatArray, alpha: float) -> tuple[float, float]:
    low, high = np.quantile(drawn, [alpha / 2.0, 1.0 - alpha / 2.0])
    return float(low), float(high)


def _auc(sample: _Sample, n_days: int, rng: np.random.Generator, rules: FactorTest) -> tuple[float, float, float]:
    won = sample.profit > 0.0
    drawn = block_bootstrap_auc(sample.factor[None, :], won, sample.day, n_draws=rules.n_draws, rng=rng)
    found = interval_of(estimate_auc(sample.factor, won), drawn[:, 0], n_blocks=n_days, alpha=rules.alpha)
    return found.value, found.low, found.high


def _thirds(sample: _Sample) -> float:
    low, high = np.quantile(sample.factor, [1.0 / 3.0, 2.0 / 3.0])
    bottom, top = sample.profit[sample.factor <= low], sample.profit[sample.factor >= high]
    return float(top.mean() - bottom.mean())


def _later_p_value(earlier: float, later: float, sample: _Sample, rng: np.random.Generator, rules: FactorTest) -> float:
    # The error is no smaller than that of unrelated rows: near 1 the resampled spread shrinks with luck.
    error = max(float(_draws(sample, rng, rules).std(ddof=1)), 1.0 / sqrt(sample.factor.size - 1))
    return float(ndtr(-np.sign(earlier) * later / error)) if earlier != 0.0 else 1.0
