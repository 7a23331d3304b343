"""Past days of underlyings and their volatility index, from files of daily prices, as they were known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from adapters.inputs import read_inputs
from market.bars import BarBatch
from market.chains import FloatArray
from market.series import SeriesBatch
from market.trades import UNDERLYING, Int64Array
from risk.value_at_risk import MarketMoves

__all__ = ["DailyHistory", "betas_of", "read_history"]

_DAY_NS: Final = 86_400_000_000_000
_LONGEST_GAP_DAYS: Final = 7  # September 2001; a longer hole is no day's move
_BETA_WINDOW: Final = 252
_LEAST_BETA_DAYS: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class _Closes:
    """Last value of each day of one symbol: days since 1970, values, instants from which they were known."""

    day: Int64Array
    value: FloatArray
    known_ns: Int64Array


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyHistory:
    """Daily closes by symbol.

    Parameters
    ----------
    closes : mapping of str to _Closes
        Of bars and of series of index points.
    """

    closes: Mapping[str, _Closes]

    @property
    def symbols(self) -> tuple[str, ...]:
        """Names, sorted."""
        return tuple(sorted(self.closes))

    def last(self, symbol: str, now_ns: int) -> tuple[float, int]:
        """Return the newest value known by an instant, and since when; NaN and -1 where there is none."""
        found = self.closes.get(symbol)
        known = np.flatnonzero(found.known_ns <= now_ns) if found is not None else np.zeros(0, dtype=np.int64)
        if found is None or not known.size:
            return float("nan"), -1
        return float(found.value[known[-1]]), int(found.known_ns[known[-1]])

    def moves(self, underlyings: Sequence[str], volatility: str) -> MarketMoves:
        """Return daily moves of underlyings, each beside the same volatility index.

        Parameters
        ----------
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
        names = tuple(name for name in underlyings if name in self.closes)
        parts = [self.closes[name] for name in names]
        index = self.closes.get(volatility)
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


def betas_of(moves: MarketMoves, benchmark: str, now_ns: int) -> dict[str, float]:
    """Return the slope of each underlying's days on those of a benchmark over the last year that was known.

    Parameters
    ----------
    moves : MarketMoves
        With the benchmark among its underlyings.
    benchmark : str
        Its name.
    now_ns : int
        Instant, ns since the epoch, UTC.

    Returns
    -------
    dict of str to float
        Least squares over 252 days; none where there are fewer than 60.
    """
    if benchmark not in moves.underlyings:
        return {}
    past = moves.spot_return[moves.known_ns <= now_ns][-_BETA_WINDOW:]
    past = past[np.isfinite(past).all(axis=1)]
    if past.shape[0] < _LEAST_BETA_DAYS:
        return {}
    centred = past - past.mean(axis=0)
    market = centred[:, moves.underlyings.index(benchmark)]
    slopes = market @ centred / float(market @ market)
    return dict(zip(moves.underlyings, slopes.tolist(), strict=True))


def read_history(paths: Sequence[Path]) -> DailyHistory:
    """Read files of daily bars and of series of index points, as `adapters.inputs.read_inputs` knows them."""
    closes: dict[str, _Closes] = {}
    for path in paths:
        for told in read_inputs(path):
            message = told.message
            if isinstance(message, BarBatch):
                own = np.flatnonzero((message.contract == UNDERLYING) & (message.close > 0.0))
                day = (message.end_ns[own] - 1) // _DAY_NS
                _add(closes, message.symbol, _daily(day, message.close[own], told.known_ns[own]))
            elif isinstance(message, SeriesBatch):
                own = np.flatnonzero(message.value > 0.0)
                day = message.event_ns[own] // _DAY_NS
                _add(closes, message.series, _daily(day, message.value[own], told.known_ns[own]))
    return DailyHistory(closes=closes)


def _add(closes: dict[str, _Closes], symbol: str, found: _Closes) -> None:
    """Join files of one symbol; of a day that several tell the first counts."""
    known = closes.get(symbol)
    if known is None:
        closes[symbol] = found
        return
    day, places = np.unique(np.concatenate((known.day, found.day)), return_index=True)
    closes[symbol] = _Closes(
        day=day,
        value=np.concatenate((known.value, found.value), dtype=np.float64)[places],
        known_ns=np.concatenate((known.known_ns, found.known_ns), dtype=np.int64)[places],
    )


def _daily(day: Int64Array, value: FloatArray, known_ns: Int64Array) -> _Closes:
    """Keep the last value of each day."""
    last = np.append(day[1:] != day[:-1], True) if day.size else np.zeros(0, dtype=np.bool_)
    return _Closes(day=day[last], value=value[last], known_ns=known_ns[last])


def _on(closes: _Closes, days: Int64Array) -> tuple[FloatArray, Int64Array]:
    places = np.searchsorted(closes.day, days)
    return closes.value[places], closes.known_ns[places]


def _steps(value: FloatArray, days: Int64Array) -> FloatArray:
    """Return log changes from day to day; NaN over a hole."""
    found: FloatArray = np.where(np.diff(days) <= _LONGEST_GAP_DAYS, np.diff(np.log(value)), np.nan)
    return found
