"""Results by regime, hour, weekday and month, each cell with its count and its interval."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import nan
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from backtest.metrics.clusters import ClusteredMean, clustered_mean
from backtest.metrics.days import CRYPTO_CALENDAR, DailyReturns, calendar_of, daily_returns
from backtest.metrics.performance import sharpe_ratio
from backtest.metrics.trade_statistics import TradeStatistics, trade_statistics
from backtest.results import RunResult
from execution.trades import Trade
from fields.evidence.multiplicity import holm_adjusted
from market.chains import FloatArray
from market.clock import datetime_of_ns
from market.trades import Int64Array

__all__ = [
    "MonthReturn",
    "ReturnCell",
    "TradeCell",
    "monthly_returns",
    "return_cells",
    "returns_by_group",
    "state_at",
    "trade_cells",
    "trades_by_group",
]

_WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_UNKNOWN: Final = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnCell:
    """Daily returns of one group.

    Parameters
    ----------
    axis, group : str
        Such as ``weekday`` and ``Monday``.
    mean : ClusteredMean
        Mean daily return with interval and count; small cells say so.
    adjusted_p_value : float
        Of a mean of 0, by Holm over the groups of the axis; NaN where there is none.
    total : float
        Compounded return of the group's days, a fraction.
    worst : float
        Worst day.
    sharpe : float
        Annual, of the group's days without subtraction of a rate; NaN for small or constant groups.
    """

    axis: str
    group: str
    mean: ClusteredMean
    adjusted_p_value: float
    total: float
    worst: float
    sharpe: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeCell:
    """Closed trades of one group.

    Parameters
    ----------
    axis, group : str
        Such as ``entry_hour`` and ``10``.
    mean : ClusteredMean
        Mean net profit per trade, account currency, clustered by the day of entry.
    adjusted_p_value : float
        As `ReturnCell`.
    statistics : TradeStatistics
        Win rate with pay-off ratio and worst loss.
    """

    axis: str
    group: str
    mean: ClusteredMean
    adjusted_p_value: float
    statistics: TradeStatistics


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthReturn:
    """The compounded return of one calendar month.

    Parameters
    ----------
    month : str
        ``2024-03``.
    value : float
        Fraction.
    n_days : int
        Daily returns in it; the first and last month may be cut.
    """

    month: str
    value: float
    n_days: int


def _adjusted(means: Sequence[ClusteredMean]) -> list[float]:
    return [float(p) for p in holm_adjusted(np.array([mean.p_value for mean in means]))]


def _groups(labels: Sequence[str], order: Sequence[str]) -> list[str]:
    found = set(labels)
    return [name for name in order if name in found] + sorted(found - set(order))


def return_cells(
    axis: str,
    labels: Sequence[str],
    daily: DailyReturns,
    *,
    periods_per_year: float,
    order: Sequence[str] = (),
) -> tuple[ReturnCell, ...]:
    """Return the cells of daily returns by label.

    Parameters
    ----------
    axis : str
        Name of the grouping.
    labels : sequence of str
        One per daily return, known before that return began.
    daily : DailyReturns
        Of a run.
    periods_per_year : float
        For the Sharpe ratio.
    order : sequence of str
        Groups that come first, in this order; the others follow by name.

    Returns
    -------
    tuple of ReturnCell
        Only groups with days.
    """
    names, marks = _groups(labels, order), np.array(labels, dtype=object)
    rows = [np.flatnonzero(marks == name) for name in names]
    means = [clustered_mean(daily.returns[row], daily.day[row]) for row in rows]
    return tuple(
        ReturnCell(
            axis=axis,
            group=name,
            mean=mean,
            adjusted_p_value=adjusted,
            total=float(np.prod(1.0 + daily.returns[row])) - 1.0,
            worst=float(daily.returns[row].min()),
            sharpe=sharpe_ratio(daily.returns[row], periods_per_year=periods_per_year).value,
        )
        for name, row, mean, adjusted in zip(names, rows, means, _adjusted(means), strict=True)
    )


def trade_cells(
    axis: str, label: Callable[[Trade], str], trades: Sequence[Trade], *, zone: str = "America/New_York"
) -> tuple[TradeCell, ...]:
    """Return the cells of closed trades by label.

    Parameters
    ----------
    axis : str
        Name of the grouping.
    label : callable
        Group of a trade, from what was known at its entry where the grouping is to be acted on.
    trades : sequence of Trade
        Closed packages.
    zone : str
        Whose dates are the days that trades are clustered by.

    Returns
    -------
    tuple of TradeCell
        Groups by name.
    """
    labels = [label(trade) for trade in trades]
    names, parts = _groups(labels, ()), []
    for name in names:
        part = [trade for trade, own in zip(trades, labels, strict=True) if own == name]
        parts.append((part, _mean_profit(part, ZoneInfo(zone))))
    adjusted = _adjusted([mean for _, mean in parts])
    return tuple(
        TradeCell(axis=axis, group=name, mean=mean, adjusted_p_value=p, statistics=trade_statistics(part))
        for name, (part, mean), p in zip(names, parts, adjusted, strict=True)
    )


def _mean_profit(trades: Sequence[Trade], zone: ZoneInfo) -> ClusteredMean:
    profits = np.array([float(trade.net_pnl) for trade in trades])
    return clustered_mean(profits, np.array([_local(trade.opened_ns, zone).toordinal() for trade in trades]))


def _local(instant_ns: int, zone: ZoneInfo) -> datetime:
    return datetime_of_ns(instant_ns).astimezone(zone)


def state_at(changes: Sequence[tuple[int, str]], instants: Int64Array) -> list[str]:
    """Return the state in force at each instant: the newest change at or before it.

    Parameters
    ----------
    changes : sequence of (int, str)
        Instant (ns since the epoch, UTC) and state, rising, as in `RunResult.regimes`.
    instants : ndarray of int64, shape (n,)
        ns since the epoch, UTC.

    Returns
    -------
    list of str
        ``unknown`` before the first change.
    """
    starts = np.array([at for at, _ in changes], dtype=np.int64)
    places = np.searchsorted(starts, instants, side="right") - 1
    return [changes[place][1] if place >= 0 else _UNKNOWN for place in places.tolist()]


def _zone(result: RunResult) -> str:
    return "UTC" if calendar_of(result.description.periods_per_year) == CRYPTO_CALENDAR else "America/New_York"


def returns_by_group(result: RunResult) -> tuple[ReturnCell, ...]:
    """Return daily returns by weekday, by month of the year, and by the state of each regime axis.

    Parameters
    ----------
    result : RunResult
        A run.

    Returns
    -------
    tuple of ReturnCell
        Axes ``weekday``, ``month`` and ``regime:...``. A day counts to the state in force when its return began, not
        to one that the day itself brought.
    """
    per_year = result.description.periods_per_year
    daily = daily_returns(result.curve, calendar_of(per_year))
    if not daily.returns.size:
        return ()
    weekday = [_WEEKDAYS[number] for number in ((daily.day.astype(np.int64) + 3) % 7).tolist()]
    month = [str(day)[5:7] for day in daily.day]
    began = daily.end_ns - np.rint(daily.elapsed_years * 365.0 * 86_400e9).astype(np.int64)
    cells = return_cells("weekday", weekday, daily, periods_per_year=per_year, order=_WEEKDAYS)
    cells += return_cells("month", month, daily, periods_per_year=per_year)
    for axis, changes in sorted(result.regimes.items()):
        cells += return_cells(f"regime:{axis}", state_at(changes, began), daily, periods_per_year=per_year)
    return cells


def trades_by_group(result: RunResult) -> tuple[TradeCell, ...]:
    """Return closed trades by hour and weekday of entry, strategy, structure, exit reason and regime at the entry.

    Parameters
    ----------
    result : RunResult
        A run.

    Returns
    -------
    tuple of TradeCell
        Hours in New York, of coins in UTC. The exit reason is known only at the end: it explains and predicts nothing.
    """
    name = _zone(result)
    zone = ZoneInfo(name)
    labels: dict[str, Callable[[Trade], str]] = {
        "entry_hour": lambda trade: f"{_local(trade.opened_ns, zone).hour:02d}",
        "entry_weekday": lambda trade: _WEEKDAYS[_local(trade.opened_ns, zone).weekday()],
        "strategy": lambda trade: trade.strategy,
        "structure": lambda trade: trade.structure,
        "exit_reason": lambda trade: trade.exit_reason,
    }
    for axis, changes in sorted(result.regimes.items()):
        labels[f"regime:{axis}"] = _state_label(changes)
    return tuple(cell for axis, label in labels.items() for cell in trade_cells(axis, label, result.trades, zone=name))


def _state_label(changes: Sequence[tuple[int, str]]) -> Callable[[Trade], str]:
    return lambda trade: state_at(changes, np.array([trade.opened_ns], dtype=np.int64))[0]


def monthly_returns(daily: DailyReturns) -> tuple[MonthReturn, ...]:
    """Return the compounded return of each calendar month with days, in time order."""
    months = daily.day.astype("datetime64[M]")
    found: list[MonthReturn] = []
    for month in np.unique(months):
        part: FloatArray = daily.returns[months == month]
        value = float(np.prod(1.0 + part)) - 1.0 if part.size else nan
        found.append(MonthReturn(month=str(month), value=value, n_days=part.size))
    return tuple(found)
