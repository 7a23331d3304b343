"""Accounts that follow a crossing of averages over some days, many points at a time: returns by day, and counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from backtest.compiled.bar_ticks import BarTicks
from backtest.compiled.crossing import require_room
from backtest.compiled.kernels import crossing_days
from backtest.metrics.days import days_of
from market.chains import FloatArray
from market.errors import ConfigError
from market.trades import Int64Array

__all__ = ["CrossingAccounts", "CrossingBook", "CrossingTerms"]

_FACTS: Final = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossingTerms:
    """One account and what it follows.

    Parameters
    ----------
    fast, slow : int
        Windows in bars, ``1 <= fast < slow``.
    allows_short : bool
        Whether it sells short below.
    unit : float
        Money for a tick of a whole position, account currency.
    half_spread : int
        Ticks beyond the open at which an order fills, >= 0.
    rate : float
        Charge for the traded value, a fraction.
    fee : float
        Charge for each order, account currency.
    cash : float
        Money at the start, account currency.
    collar : float
        How far beyond the price seen an order may fill, fraction.
    """

    fast: int
    slow: int
    allows_short: bool
    unit: float
    half_spread: int
    rate: float
    fee: float
    cash: float
    collar: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossingAccounts:
    """What accounts earned on some days; arrays of shape ``(n_points,)`` unless told otherwise.

    Parameters
    ----------
    end_ns : ndarray of int64, shape (n_days,)
        Last bar of each day.
    returns : ndarray, shape (n_points, n_days)
        Simple, after costs.
    n_orders, n_trades : ndarray
        Orders, those included that were under way at the end; packages closed.
    turnover : ndarray
        Traded value over the mean equity; NaN where there was one bar.
    costs : ndarray
        Account currency.
    open_at_end : ndarray
        Packages.
    is_bound : ndarray of bool
        Whether an order could have missed its limit, or a position was more than half of the account: the engine must
        run such a point.
    """

    end_ns: Int64Array
    returns: FloatArray
    n_orders: FloatArray
    n_trades: FloatArray
    turnover: FloatArray
    costs: FloatArray
    open_at_end: FloatArray
    is_bound: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]


@final
class CrossingBook:
    """Bars of one instrument, summed once for all points and all spans.

    Parameters
    ----------
    bars : BarTicks
        Whole recording, what comes before the account included.
    calendar : str
        Of the days, as `backtest.metrics.days.days_of`.
    """

    def __init__(self, bars: BarTicks, calendar: str) -> None:
        self._bars, self._calendar = bars, calendar
        self._sums = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(bars.close)])

    def run(self, terms: Sequence[CrossingTerms], first_ns: int, last_ns: int) -> CrossingAccounts:
        """Run accounts over a span, each from cash alone; what lies before warms the averages up.

        Parameters
        ----------
        terms : sequence of CrossingTerms
            One or more.
        first_ns, last_ns : int
            Both included, ns since the epoch, UTC.

        Returns
        -------
        CrossingAccounts
            In the order given.

        Raises
        ------
        ConfigError
            No bar ends in the span, or prices are too large for exact sums over such windows.
        """
        bars = self._bars
        require_room(bars, max(each.slow for each in terms))
        first = int(bars.end_ns.searchsorted(first_ns, side="left"))
        stop = int(bars.end_ns.searchsorted(last_ns, side="right"))
        is_opened = stop < bars.n_bars and int(bars.start_ns[stop]) <= last_ns
        if first == stop:
            raise ConfigError("no bar ends in the span of an account", found=f"{first_ns} to {last_ns} ns")
        ends = days_of(bars.end_ns[first:stop], self._calendar)
        day_last = ends.place + first
        equity, facts = np.empty((len(terms), day_last.shape[0])), np.empty((len(terms), _FACTS))
        whole = np.array([[getattr(each, name) for each in terms] for name in _WHOLE], dtype=np.int64)
        money = np.array([[getattr(each, name) for each in terms] for name in _MONEY], dtype=np.float64)
        span = np.array([first, stop, stop + is_opened], dtype=np.int64)
        crossing_days(bars.open, bars.close, self._sums, bars.end_ns, day_last, span, whole, money, equity, facts)
        before = np.concatenate([money[_CASH][:, None], equity[:, :-1]], axis=1)
        is_marked = day_last > first  # a first day with one mark has no return
        whole_ns = float(bars.end_ns[stop - 1] - bars.end_ns[first])
        mean = facts[:, 4] / whole_ns if whole_ns > 0.0 else np.full(len(terms), np.nan)
        return CrossingAccounts(
            end_ns=bars.end_ns[day_last[is_marked]],
            returns=(equity / before - 1.0)[:, is_marked],
            n_orders=facts[:, 0],
            n_trades=facts[:, 1],
            turnover=facts[:, 2] / mean,
            costs=facts[:, 3],
            open_at_end=facts[:, 5],
            is_bound=facts[:, 6] > 0.0,
        )


_WHOLE: Final = ("fast", "slow", "allows_short", "half_spread")
_MONEY: Final = ("unit", "rate", "fee", "cash", "collar")
_CASH: Final = _MONEY.index("cash")
