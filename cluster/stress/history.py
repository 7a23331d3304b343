"""Past days of underlyings and their volatility index, from files of daily prices, as they were known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from adapters.inputs import read_inputs
from market.bars import BarBatch
from market.series import SeriesBatch
from risk.stress.daily_moves import DailyCloses, bar_closes, daily_moves, joined_closes, series_closes
from risk.stress.value_at_risk import MarketMoves

__all__ = ["DailyHistory", "betas_of", "read_history"]

_BETA_WINDOW: Final = 252
_LEAST_BETA_DAYS: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyHistory:
    """Daily closes by symbol.

    Parameters
    ----------
    closes : mapping of str to DailyCloses
        Of bars and of series of index points.
    """

    closes: Mapping[str, DailyCloses]

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
        """Return daily moves of underlyings beside a volatility index, as `risk.stress.daily_moves.daily_moves`."""
        return daily_moves(self.closes, underlyings, volatility)


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
    closes: dict[str, DailyCloses] = {}
    for path in paths:
        for told in read_inputs(path):
            message = told.message
            if isinstance(message, BarBatch):
                _add(closes, message.symbol, bar_closes(message, told.known_ns))
            elif isinstance(message, SeriesBatch):
                _add(closes, message.series, series_closes(message, told.known_ns))
    return DailyHistory(closes=closes)


def _add(closes: dict[str, DailyCloses], symbol: str, found: DailyCloses) -> None:
    """Join files of one symbol; of a day that several tell the first counts."""
    known = closes.get(symbol)
    closes[symbol] = found if known is None else joined_closes(known, found)
