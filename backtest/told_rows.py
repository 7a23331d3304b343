"""Rows of recordings that feed the inputs of regimes, with the instants at which they became known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from backtest.history import History
from fields.live.bar_reading import spans_session
from fields.live.context import MarketContext
from fields.live.context_config import ContextConfig
from fields.live.histories import bar_rows
from market.bars import BarBatch
from market.funding import FundingBatch
from market.ports import ContextMessage
from market.series import SeriesBatch
from market.trades import Int64Array
from strategies.bar_history import of_underlying

__all__ = ["Recording", "recordings_of", "told_context"]

_Recorded = BarBatch | FundingBatch | SeriesBatch
_COLUMNS: Final[Mapping[type, tuple[str, ...]]] = {
    BarBatch: ("contract", "start_ns", "end_ns", "open", "high", "low", "close", "volume", "vwap", "n_trades"),
    FundingBatch: ("ts_ns", "funding_ns", "interval_ns", "rate", "is_settled", "mark", "index", "venue"),
    SeriesBatch: ("event_ns", "available_ns", "value"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """One recording with its rows in order of availability.

    Parameters
    ----------
    message : BarBatch, FundingBatch or SeriesBatch
        All of it.
    rows : ndarray of int64, shape (n_rows,)
        Places in it, by the instant at which each became known.
    known_ns : ndarray of int64, shape (n_rows,)
        Those instants, ns since the epoch, UTC, rising.
    """

    message: _Recorded
    rows: Int64Array
    known_ns: Int64Array

    def told(self, ts_ns: int) -> ContextMessage:
        """Return the rows as a message of an instant."""
        rows = np.sort(self.rows)  # a series keeps its order of events
        columns: dict[str, Any] = {name: getattr(self.message, name)[rows] for name in _COLUMNS[type(self.message)]}
        return replace(self.message, ts_event_ns=ts_ns, **columns)


def _recording(message: _Recorded, rows: Int64Array) -> Recording:
    if isinstance(message, BarBatch):
        known = message.end_ns
    else:
        known = message.ts_ns if isinstance(message, FundingBatch) else message.available_ns
    order = rows[np.argsort(known[rows], kind="stable")]
    return Recording(message=message, rows=order, known_ns=known[order])


def recordings_of(history: History, own: Sequence[str], indices: frozenset[str]) -> tuple[Recording, ...]:
    """Return what of a history the regimes of a symbol are read from.

    Parameters
    ----------
    history : History
        Bars, series and funding.
    own : sequence of str
        Whose daily bars and whose funding are those of the symbol.
    indices : frozenset of str
        Names of the series of rates and volatility indices; bars of that name serve as well.

    Returns
    -------
    tuple of Recording
        Shorter bars of the symbol itself are left out: neither regimes nor signals are made of them.
    """
    found = [_recording(each, np.arange(each.n_points)) for each in history.series if each.series in indices]
    found += [_recording(each, np.arange(each.n_rows)) for each in history.funding if each.symbol in own]
    for batch in history.bars:
        bars = of_underlying(batch)
        if bars.symbol in indices:
            found.append(_recording(bars, np.arange(bars.n_bars)))
        elif bars.symbol in own:
            rows = bar_rows(bars)
            # A bar without a close says nothing; the others keep their places.
            told = np.flatnonzero(np.isfinite(bars.close) & (bars.close > 0.0))
            found.append(_recording(bars, told[spans_session(rows)]))
    return tuple(each for each in found if each.rows.size)


def told_context(config: ContextConfig, recordings: Sequence[Recording]) -> MarketContext:
    """Return a context that knows recordings, each row from the instant at which it became known.

    Parameters
    ----------
    config : ContextConfig
        What feeds which input, and how old it may be.
    recordings : sequence of Recording
        As `recordings_of` finds them.

    Returns
    -------
    MarketContext
        Its inputs at an instant are those of a shard that was told until then and no further. Everything is told at
        once, because rows that come one by one among those of decades cost more than what is read from them.
    """
    context = MarketContext(config, keeps_all=True)
    last_ns = max((int(each.known_ns[-1]) for each in recordings), default=0)
    context.on_context(each.told(last_ns) for each in recordings)
    return context
