"""A whole session at once: the same rows into the same kernels as the stream, chosen and ordered in one go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fields.flow.config import MINUTE_NS, FlowConfig
from fields.flow.history import FlowHistory
from fields.flow.messages import FieldLevels, GreeksTable, OptionTrades, UnderlyingQuotes, UnderlyingTrades
from fields.flow.minute import MinuteEngine, MinuteRows
from fields.flow.pending import option_rows, quote_rows, trade_rows
from fields.flow.state import require_session
from market.chains import BoolArray, FloatArray
from market.errors import DataError
from market.trades import Int64Array

__all__ = ["Arrivals", "flow_minutes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """When each row was first known, ns since the epoch, UTC; rising arrays of int64.

    Parameters
    ----------
    option_trades, underlying_trades, underlying_quotes : ndarray of int64
        By stream, shape (n_rows,).
    """

    option_trades: Int64Array
    underlying_trades: Int64Array
    underlying_quotes: Int64Array

    @classmethod
    def in_time(
        cls, option_trades: OptionTrades, underlying_trades: UnderlyingTrades, underlying_quotes: UnderlyingQuotes
    ) -> Arrivals:
        """Return arrivals at the event times, where a row cannot come before the row that it follows."""

        def running(ts_ns: Int64Array) -> Int64Array:
            return np.maximum.accumulate(ts_ns) if ts_ns.shape[0] else ts_ns

        return cls(
            option_trades=running(option_trades.ts_ns),
            underlying_trades=running(underlying_trades.ts_ns),
            underlying_quotes=running(underlying_quotes.ts_ns),
        )


def flow_minutes(
    config: FlowConfig,
    session_ns: tuple[int, int],
    option_trades: OptionTrades,
    underlying_trades: UnderlyingTrades,
    underlying_quotes: UnderlyingQuotes,
    greeks: Sequence[GreeksTable | None],
    levels: Sequence[FieldLevels],
    arrivals: Arrivals | None = None,
) -> FlowHistory:
    """Return the records of a session's minutes.

    Parameters
    ----------
    config : FlowConfig
        Settings; `pending_limit` has no meaning here.
    session_ns : tuple of int
        Open and close of the session, ns since the epoch, UTC.
    option_trades : OptionTrades
        Signed option trades in order of arrival.
    underlying_trades : UnderlyingTrades
        Signed trades of the underlying in order of arrival.
    underlying_quotes : UnderlyingQuotes
        Best quotes of the underlying in order of arrival.
    greeks : sequence of GreeksTable or None
        One for each minute from the open; they say how many minutes are closed.
    levels : sequence of FieldLevels
        One for each minute.
    arrivals : Arrivals, optional
        When each row was known; by default `Arrivals.in_time`. A row counts where it arrives before its minute ends.

    Returns
    -------
    FlowHistory
        One record a minute, the same as `fields.flow.FlowState` gives where each minute is closed at its end.
    """
    open_ns, close_ns = session_ns
    require_session(open_ns, close_ns)
    if len(greeks) != len(levels) or open_ns + len(greeks) * MINUTE_NS > close_ns:
        raise DataError(
            "Greeks and levels do not fit the session",
            found=f"{len(greeks)} tables, {len(levels)} levels",
            expected=f"as many of each, at most {(close_ns - open_ns) // MINUTE_NS}",
        )
    known = arrivals or Arrivals.in_time(option_trades, underlying_trades, underlying_quotes)
    ends = MINUTE_NS * np.arange(len(greeks) + 1, dtype=np.int64)
    _, options, option_at = _sorted(option_trades.ts_ns, known.option_trades, option_rows(option_trades), ends, open_ns)
    trade_ns, trades, trade_at = _sorted(
        underlying_trades.ts_ns, known.underlying_trades, trade_rows(underlying_trades), ends, open_ns
    )
    quote_ns, quotes, quote_at = _sorted(
        underlying_quotes.ts_ns, known.underlying_quotes, quote_rows(underlying_quotes), ends, open_ns
    )
    engine = MinuteEngine(config)
    for k, (table, level) in enumerate(zip(greeks, levels, strict=True)):
        option, trade, quote = (slice(at[k], at[k + 1]) for at in (option_at, trade_at, quote_at))
        rows = MinuteRows(
            options=options[option],
            trade_ns=trade_ns[trade],
            trades=trades[trade],
            quote_ns=quote_ns[quote],
            quotes=quotes[quote],
        )
        start, end = int(ends[k]), int(ends[k + 1])
        engine.close(open_ns + end, start, end, rows, table, level)
    return engine.history


def _sorted(
    ts_ns: Int64Array,
    arrival_ns: Int64Array,
    rows: tuple[FloatArray, BoolArray],
    ends: Int64Array,
    open_ns: int,
) -> tuple[Int64Array, FloatArray, list[int]]:
    """Return the rows that count, ordered by instant and then arrival, and where each minute begins."""
    since = ts_ns - open_ns
    in_time = arrival_ns - open_ns < (since // MINUTE_NS + 1) * MINUTE_NS
    keep = np.flatnonzero(in_time & (since >= 0) & (since < ends[-1]) & rows[1])
    order = keep[np.argsort(since[keep], kind="stable")]
    since = since[order]
    return since, rows[0][order], np.searchsorted(since, ends).tolist()
