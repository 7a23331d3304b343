"""The account by strategy: what each earned and risked, what moved together, and what the whole owes to each."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

import numpy as np

from backtest.metrics.clusters import ClusteredMean, clustered_mean
from backtest.results import StrategyDays
from market.chains import FloatArray

__all__ = ["StrategyShare", "StrategyTable", "strategy_table"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyShare:
    """One strategy of an account.

    Parameters
    ----------
    strategy : str
        Its name.
    net : float
        Marked profit of all days, net of the costs of its packages, account currency.
    mean : ClusteredMean
        Mean profit a day, account currency, with interval and count.
    deviation : float
        Sample deviation of the profit a day, account currency; NaN with less than two days.
    worst_day : float
        Smallest profit of a day, account currency.
    drawdown : float
        Deepest fall of its running profit, account currency, >= 0.
    risk_share : float
        Its part of the variance of the account's daily profit, the rest's part included in none; NaN without variance.
    correlation_to_others : float
        Of its daily profit with the sum of all other strategies; NaN where one of them does not vary.
    mean_weight : float
        Mean share of the money that it might reckon with.
    """

    strategy: str
    net: float
    mean: ClusteredMean
    deviation: float
    worst_day: float
    drawdown: float
    risk_share: float
    correlation_to_others: float
    mean_weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyTable:
    """All strategies of an account.

    Parameters
    ----------
    shares : tuple of StrategyShare
        In the order of the account.
    correlation : ndarray, shape (n_strategies, n_strategies)
        Of daily profits; NaN where one of two does not vary.
    rest : float
        What belongs to no strategy, such as interest on cash, account currency.
    n_days : int
        Days with a mark.
    diversification : float
        Sum of the deviations over the deviation of the sum, >= 1: 1 where all move together; NaN without variance.
    """

    shares: tuple[StrategyShare, ...]
    correlation: FloatArray
    rest: float
    n_days: int
    diversification: float


def strategy_table(days: StrategyDays) -> StrategyTable:
    """Return the account by strategy.

    Parameters
    ----------
    days : StrategyDays
        Of a run.

    Returns
    -------
    StrategyTable
        Sums over strategies and the rest are the account's profit. Correlations are of the days of one run: with few
        days, or few of them with a position, they say little, and the count stands beside them.
    """
    pnl, n = days.pnl, len(days.strategies)
    n_days = pnl.shape[0]
    covariance = np.atleast_2d(np.cov(pnl, rowvar=False)) if n_days > 1 else np.full((n, n), nan)
    deviation = np.sqrt(np.diag(covariance))
    total = float(covariance.sum())
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = covariance / np.outer(deviation, deviation)
        risk = covariance.sum(axis=1) / total if total > 0.0 else np.full(n, nan)
        spread = float(deviation.sum() / np.sqrt(total)) if total > 0.0 else nan
    correlation[~np.isfinite(correlation)] = nan
    shares = tuple(_share(days, place, deviation, risk) for place in range(n))
    return StrategyTable(
        shares=shares, correlation=correlation, rest=float(days.rest.sum()), n_days=n_days, diversification=spread
    )


def _share(days: StrategyDays, place: int, deviation: FloatArray, risk: FloatArray) -> StrategyShare:
    own = days.pnl[:, place]
    others = days.pnl.sum(axis=1) - own
    running = np.concatenate(([0.0], np.cumsum(own)))
    return StrategyShare(
        strategy=days.strategies[place],
        net=float(own.sum()),
        mean=clustered_mean(own, np.arange(own.size)),
        deviation=float(deviation[place]),
        worst_day=float(own.min()) if own.size else nan,
        drawdown=float((np.maximum.accumulate(running) - running).max()),
        risk_share=float(risk[place]),
        correlation_to_others=_correlation(own, others),
        mean_weight=float(days.weight[:, place].mean()) if own.size else nan,
    )


def _correlation(one: FloatArray, other: FloatArray) -> float:
    if one.size < 2 or not (np.ptp(one) > 0.0 and np.ptp(other) > 0.0):
        return nan
    return float(np.corrcoef(one, other)[0, 1])
