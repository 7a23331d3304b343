"""Daily closes of underlyings and of a volatility index, and their moves from day to day, as they became known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from market.bars import BarBatch
from market.chains import FloatArray
from market.series import SeriesBatch
from market.trades import UNDERLYING, Int64Array
from risk.stress.value_at_risk import MarketMoves

__all__ = ["DailyCloses", "bar_closes", "daily_moves", "joined_closes", "series_closes", "split_closes"]

_DAY_NS: Final = 86_400_000_000_000
_LONGEST_GAP_DAYS: Final = 7  # September 2001; a longer hole is no day's move


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyCloses:
    """Last value of each day of one symbol; arrays of shape ``(n_days,)``.

    Parameters
    ----------
    day : ndarray of int64
        Days since 1970, UTC, rising, each once.
    value : ndarray
        Values, > 0.
    known_ns : ndarray of int64
        Instants from which they were known, ns since the epoch, UTC.
    """

    day: Int64Array
    value: FloatArray
    known_ns: Int64Array


def bar_closes(bars: BarBatch, known_ns: Int64Array | None = None) -> DailyCloses:
    """Return the last close of each day of an underlying's own bars.

    Parameters
    ----------
    bars : BarBatch
        Of any width; rows of options are left out.
    known_ns : ndarray of int64, optional
        Instant from which each bar was known, ns since the epoch, UTC; its end where it is not told.

    Returns
    -------
    DailyCloses
        A bar belongs to the day of its last instant, UTC.
    """
    own = np.flatnonzero((bars.contract == UNDERLYING) & (bars.close > 0.0))
    own = own[np.argsort(bars.end_ns[own], kind="stable")]
    known = bars.end_ns if known_ns is None else known_ns
    return _daily((bars.end_ns[own] - 1) // _DAY_NS, bars.close[own], known[own])


def series_closes(series: SeriesBatch, known_ns: Int64Array | None = None) -> DailyCloses:
    """Return the last value of each day of a series.

    Parameters
    ----------
    series : SeriesBatch
        Such as a volatility index.
    known_ns : ndarray of int64, optional
        Instant from which each value was known; that of the series where it is not told.

    Returns
    -------
    DailyCloses
        A value that was revised counts as it was revised last, and from then on.
    """
    own = np.flatnonzero(series.value > 0.0)
    known = series.available_ns if known_ns is None else known_ns
    return _daily(series.event_ns[own] // _DAY_NS, series.value[own], known[own])


def joined_closes(first: DailyCloses, second: DailyCloses) -> DailyCloses:
    """Return the days of both; of a day that both tell the first counts."""
    day, places = np.unique(np.concatenate((first.day, second.day)), return_index=True)
    return DailyCloses(
        day=day,
        value=np.concatenate((first.value, second.value), dtype=np.float64)[places],
        known_ns=np.concatenate((first.known_ns, second.known_ns), dtype=np.int64)[places],
    )


def split_closes(closes: DailyCloses, ts_event_ns: int, ratio: float) -> DailyCloses:
    """Return closes with those that were known before a split in new shares: a split is no move.

    Parameters
    ----------
    closes : DailyCloses
        As they were traded.
    ts_event_ns : int
        Instant of the split, ns since the epoch, UTC.
    ratio : float
        New shares for an old one.

    Returns
    -------
    DailyCloses
        The returns of all other days are the same.
    """
    return replace(closes, value=np.where(closes.known_ns < ts_event_ns, closes.value / ratio, closes.value))


def daily_moves(closes: Mapping[str, DailyCloses], underlyings: Sequence[str], volatility: str) -> MarketMoves:
    """Return daily moves of underlyings, each beside the same volatility index.

    Parameters
    ----------
    closes : mapping of str to DailyCloses
        By symbol.
    underlyings : sequence of str
        Those without closes are left out.
    volatility : str
        Name of the index.

    Returns
    -------
    MarketMoves
        Over days of which every column has a close. A move over more than seven calendar days is NaN, and so is the
        volatility of all days where its index has none.
    """
    names = tuple(name for name in underlyings if name in closes)
    parts = [closes[name] for name in names]
    index = closes.get(volatility)
    days = parts[0].day if parts else np.zeros(0, dtype=np.int64)
    for each in (*parts, *([] if index is None else [index])):
        days = np.intersect1d(days, each.day)
    found = [_on(each, days) for each in parts]
    known = [known_ns for _, known_ns in found]
    with np.errstate(invalid="ignore"):
        spot = [_steps(value, days) for value, _ in found]
    level, level_known = (np.full(days.size, np.nan), days * 0) if index is None else _on(index, days)
    vol = _steps(level, days)
    n_days = max(days.size - 1, 0)
    known_ns = np.max([*known, level_known], axis=0)[1:] if n_days else np.zeros(0, dtype=np.int64)
    return MarketMoves(
        known_ns=np.maximum.accumulate(known_ns),
        underlyings=names,
        spot_return=np.expm1(np.column_stack(spot)) if names else np.zeros((n_days, 0)),
        vol_log=np.repeat(vol[:, None], len(names), axis=1),
    )


def _daily(day: Int64Array, value: FloatArray, known_ns: Int64Array) -> DailyCloses:
    """Keep the last value of each day."""
    last = np.append(day[1:] != day[:-1], True) if day.size else np.zeros(0, dtype=np.bool_)
    return DailyCloses(day=day[last], value=value[last], known_ns=known_ns[last])


def _on(closes: DailyCloses, days: Int64Array) -> tuple[FloatArray, Int64Array]:
    places = np.searchsorted(closes.day, days)
    return closes.value[places], closes.known_ns[places]


def _steps(value: FloatArray, days: Int64Array) -> FloatArray:
    """Return log changes from day to day; NaN over a hole."""
    found: FloatArray = np.where(np.diff(days) <= _LONGEST_GAP_DAYS, np.diff(np.log(value)), np.nan)
    return found
