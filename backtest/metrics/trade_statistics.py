"""What trades earned: the share of wins never without pay-off ratio and worst loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import nan, sqrt
from typing import Final

import numpy as np

from execution.trades import Trade
from market.chains import FloatArray

__all__ = ["TradeStatistics", "trade_statistics", "trade_statistics_of", "wilson_interval"]

_Z95: Final = 1.959963984540054
_HOUR_NS: Final = 3_600e9


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeStatistics:
    """Closed trades in one message, so that no share of wins is shown without what it hides; account currency, net.

    Parameters
    ----------
    n_trades, n_wins, n_losses : int
        Closed trades; those with a net profit above 0, and below. A trade at exactly 0 is neither.
    win_rate : float
        Wins over all trades.
    win_rate_low, win_rate_high : float
        Wilson's 95 % interval of it, trades taken as independent: too narrow where several share a day.
    payoff_ratio : float
        Mean win over mean loss.
    break_even_win_rate : float
        Share of wins at which this pay-off ratio earns nothing.
    worst_loss : float
        Net profit of the worst trade that lost, < 0.
    best_win : float
        Net profit of the best trade that won.
    mean_win, mean_loss : float
        Mean of each kind; the loss < 0.
    profit_factor : float
        Sum of wins over the sum of losses.
    expectancy : float
        Mean net profit per trade.
    net_profit, gross_profit, costs : float
        Sums over the closed trades, added exactly before they are rounded.
    median_hours : float
        Median time from first to last booking.
    reasons : tuple of (str, str)
        Why a field is NaN.
    """

    n_trades: int
    n_wins: int
    n_losses: int
    win_rate: float
    win_rate_low: float
    win_rate_high: float
    payoff_ratio: float
    break_even_win_rate: float
    worst_loss: float
    best_win: float
    mean_win: float
    mean_loss: float
    profit_factor: float
    expectancy: float
    net_profit: float
    gross_profit: float
    costs: float
    median_hours: float
    reasons: tuple[tuple[str, str], ...]


def wilson_interval(n_hits: int, n: int, *, z: float = _Z95) -> tuple[float, float]:
    """Return Wilson's interval of a share.

    Parameters
    ----------
    n_hits, n : int
        Hits among so many.
    z : float
        Normal quantile; 1.96 for 95 %.

    Returns
    -------
    tuple of float
        Low and high, within 0 and 1, also for 0 or n hits; NaN for n = 0.

    References
    ----------
    Wilson (1927), Journal of the American Statistical Association 22.
    """
    if n == 0:
        return nan, nan
    share, weight = n_hits / n, z * z / n
    centre = (share + weight / 2.0) / (1.0 + weight)
    half = z / (1.0 + weight) * sqrt(share * (1.0 - share) / n + weight / (4.0 * n))
    return max(centre - half, 0.0), min(centre + half, 1.0)


def trade_statistics(trades: Sequence[Trade]) -> TradeStatistics:
    """Return the statistics of closed trades.

    Parameters
    ----------
    trades : sequence of Trade
        In any order.

    Returns
    -------
    TradeStatistics
        What is not defined is NaN with its reason, such as the pay-off ratio before the first loss.
    """
    return trade_statistics_of(
        np.array([float(trade.net_pnl) for trade in trades]),
        gross=float(sum((trade.gross_pnl for trade in trades), Decimal(0))),
        costs=float(sum((trade.costs for trade in trades), Decimal(0))),
        net=float(sum((trade.net_pnl for trade in trades), Decimal(0))),
        hours=np.array([(trade.closed_ns - trade.opened_ns) / _HOUR_NS for trade in trades]),
    )


def trade_statistics_of(
    net_pnl: FloatArray,
    *,
    gross: float = nan,
    costs: float = nan,
    net: float | None = None,
    hours: FloatArray | None = None,
) -> TradeStatistics:
    """Return the statistics of net profits where no trades stand behind them.

    Parameters
    ----------
    net_pnl : ndarray, shape (n_trades,)
        Net profit of each, account currency.
    gross, costs : float
        Sums, account currency.
    net : float, optional
        Exact sum of the net profits.
    hours : ndarray, shape (n_trades,), optional
        Time that each was held.

    Returns
    -------
    TradeStatistics
        As `trade_statistics`.
    """
    # Sorted first: sums in floats then do not depend on the order of the trades.
    ordered = np.sort(net_pnl)
    wins, losses = ordered[ordered > 0.0], ordered[ordered < 0.0]
    n, n_wins, n_losses = ordered.size, wins.size, losses.size
    mean_win = float(wins.mean()) if n_wins else nan
    mean_loss = float(losses.mean()) if n_losses else nan
    payoff = mean_win / -mean_loss
    low, high = wilson_interval(n_wins, n)
    return TradeStatistics(
        n_trades=n,
        n_wins=n_wins,
        n_losses=n_losses,
        win_rate=n_wins / n if n else nan,
        win_rate_low=low,
        win_rate_high=high,
        payoff_ratio=payoff,
        break_even_win_rate=1.0 / (1.0 + payoff),
        worst_loss=float(losses[0]) if n_losses else nan,
        best_win=float(wins[-1]) if n_wins else nan,
        mean_win=mean_win,
        mean_loss=mean_loss,
        profit_factor=float(wins.sum() / -losses.sum()) if n_losses else nan,
        expectancy=float(ordered.mean()) if n else nan,
        net_profit=float(ordered.sum()) if net is None else net,
        gross_profit=gross,
        costs=costs,
        median_hours=float(np.median(hours)) if hours is not None and hours.size else nan,
        reasons=_reasons(n, n_wins, n_losses),
    )


def _reasons(n: int, n_wins: int, n_losses: int) -> tuple[tuple[str, str], ...]:
    if n == 0:
        names = ("win_rate", "win_rate_low", "win_rate_high", "expectancy", "median_hours")
        found = [(name, "no closed trade") for name in names]
    else:
        found = []
    no_loss = "no trade lost: what a loss costs is not known" if n else "no closed trade"
    no_win = "no trade won" if n else "no closed trade"
    found += [(name, no_loss) for name in ("worst_loss", "mean_loss", "profit_factor") if not n_losses]
    found += [(name, no_win) for name in ("best_win", "mean_win") if not n_wins]
    either = no_win if n_losses else no_loss
    if not (n_wins and n_losses):
        found += [(name, either) for name in ("payoff_ratio", "break_even_win_rate")]
    return tuple(found)
