"""Daily moves of a run's underlyings and of its volatility index, for the limits of the tail."""

from __future__ import annotations

from typing import final

import numpy as np

from backtest.config import EngineConfig
from backtest.history import History
from market.bars import BarBatch
from risk.stress.daily_moves import DailyCloses, bar_closes, daily_moves, joined_closes, series_closes, split_closes
from risk.stress.value_at_risk import MarketMoves
from strategies.bar_history import of_underlying

__all__ = ["PastDays"]


@final
class PastDays:
    """The daily closes that a history holds.

    Parameters
    ----------
    history : History
        Bars, series and splits.
    config : EngineConfig
        Which bars stand for an underlying (those that its regimes are read from), and which index is its volatility.

    Notes
    -----
    Each move carries the instant from which it was known, and only those known by the instant of a book are applied to
    it. Of a day the widest bars count: the close of a daily bar is the official one, that of a minute may be later.
    """

    def __init__(self, history: History, config: EngineConfig) -> None:
        self._history, self._named = history, config.readings.context.bars
        self._index = config.risk.volatility_index
        self._moves: dict[tuple[str, ...], MarketMoves] = {}

    def moves(self, underlyings: tuple[str, ...]) -> MarketMoves:
        """Return the moves of underlyings over the days that all of them, and the index, have.

        Parameters
        ----------
        underlyings : tuple of str
            Of a book; those without bars are left out.

        Returns
        -------
        MarketMoves
            The same object for the same underlyings.
        """
        if underlyings not in self._moves:
            names = {each: self._named.get(each, each) for each in underlyings} | {self._index: self._index}
            found = {each: self._closes(name) for each, name in names.items()}
            closes = {each: told for each, told in found.items() if told is not None}
            self._moves[underlyings] = daily_moves(closes, underlyings, self._index)
        return self._moves[underlyings]

    def _closes(self, name: str) -> DailyCloses | None:
        batches = [of_underlying(batch) for batch in self._history.bars if batch.symbol == name]
        widest_first = sorted((batch for batch in batches if batch.n_bars), key=_width_ns, reverse=True)
        parts = [bar_closes(batch) for batch in widest_first]
        parts += [series_closes(batch) for batch in self._history.series if batch.series == name]
        if not parts:
            return None
        found = parts[0]
        for part in parts[1:]:
            found = joined_closes(found, part)
        for split in self._history.splits:
            if split.symbol == name:
                found = split_closes(found, split.ts_event_ns, split.numerator / split.denominator)
        return found


def _width_ns(batch: BarBatch) -> float:
    return float(np.median(batch.end_ns - batch.start_ns))
