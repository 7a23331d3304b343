"""The flow of one symbol through a session: trades and quotes in, one record a minute out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self, final

import numpy as np
from numpy.typing import NDArray

from fields.flow.config import MINUTE_NS, FlowConfig
from fields.flow.history import FlowHistory
from fields.flow.messages import (
    FieldLevels,
    FlowCounts,
    FlowMinute,
    GreeksTable,
    OptionTrades,
    UnderlyingQuotes,
    UnderlyingTrades,
)
from fields.flow.minute import MinuteEngine, MinuteRows
from fields.flow.pending import (
    OPTION_WIDTH,
    QUOTE_WIDTH,
    TRADE_WIDTH,
    PendingRows,
    option_rows,
    quote_rows,
    trade_rows,
)
from market.chains import FloatArray
from market.errors import DataError
from market.trades import Int64Array

__all__ = ["FlowCheckpoint", "FlowState", "require_session"]

_LATE_CLOSE = "this minute was closed together with a later one, without Greeks and levels of its own"


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowCheckpoint:
    """All that a `FlowState` needs to go on, as if it had never stopped.

    Parameters
    ----------
    config : FlowConfig
        Settings that it ran under.
    open_ns, close_ns, closed_ns : int
        Session, and end of the last closed minute, ns since the epoch, UTC; all 0 before the first session.
    book : ndarray, shape (n_contracts, 6)
        Flow and inventory by contract number.
    trade_carry, quote_carry, option_carry : ndarray
        What the minutes of a session carry.
    minute_end_ns : ndarray of int64, shape (n_minutes,)
        Ends of the recorded minutes.
    values : ndarray, shape (n_minutes, n_columns)
        Their readings.
    reasons : ndarray of uint8, shape (n_minutes, n_columns)
        `FlowReason` of each.
    option_ns, trade_ns, quote_ns : ndarray of int64
        Instants of the rows that wait.
    option_rows, trade_rows, quote_rows : ndarray
        Those rows.
    counts : FlowCounts
        What happened to the rows.
    """

    config: FlowConfig
    open_ns: int
    close_ns: int
    closed_ns: int
    book: FloatArray
    trade_carry: FloatArray
    quote_carry: FloatArray
    option_carry: FloatArray
    minute_end_ns: Int64Array
    values: FloatArray
    reasons: NDArray[np.uint8]
    option_ns: Int64Array
    trade_ns: Int64Array
    quote_ns: Int64Array
    option_rows: FloatArray
    trade_rows: FloatArray
    quote_rows: FloatArray
    counts: FlowCounts


def require_session(open_ns: int, close_ns: int) -> None:
    """Raise where a session is not a whole number of minutes.

    Parameters
    ----------
    open_ns, close_ns : int
        First instant, and the instant after the last, ns since the epoch, UTC.
    """
    if close_ns <= open_ns or (close_ns - open_ns) % MINUTE_NS:
        raise DataError(
            "a session must be a whole number of minutes",
            found=f"{(close_ns - open_ns) / MINUTE_NS:g} minutes",
            expected="1 or more whole minutes",
        )


@final
class FlowState:
    """Keeps one symbol's flow and closes its minutes; batch and stream give the same records (`flow_minutes`).

    A row belongs to the minute of its event time. Rows of a closed minute are counted as late and never applied; rows
    of later minutes wait. Within a minute rows go in order of event time, and within an instant in order of arrival.

    Parameters
    ----------
    config : FlowConfig
        Settings.
    """

    def __init__(self, config: FlowConfig) -> None:
        self._engine = MinuteEngine(config)
        self._options = PendingRows(OPTION_WIDTH, config.pending_limit)
        self._trades = PendingRows(TRADE_WIDTH, config.pending_limit)
        self._quotes = PendingRows(QUOTE_WIDTH, config.pending_limit)
        self._open_ns = self._close_ns = self._closed_ns = 0

    @property
    def history(self) -> FlowHistory:
        """Records of the session so far."""
        return self._engine.history

    @property
    def counts(self) -> FlowCounts:
        """What happened to the rows of the session."""
        return FlowCounts(
            option_trades=self._options.counts,
            underlying_trades=self._trades.counts,
            underlying_quotes=self._quotes.counts,
        )

    def open_session(self, open_ns: int, close_ns: int) -> None:
        """Begin a session; nothing of the one before is carried over but the settings.

        Parameters
        ----------
        open_ns, close_ns : int
            First instant, and the instant after the last, ns since the epoch, UTC.
        """
        require_session(open_ns, close_ns)
        if open_ns < self._close_ns and open_ns != self._open_ns:
            raise DataError(
                "a session begins inside the one before",
                found=str(open_ns),
                expected=f"{self._close_ns} or later",
                action="sessions come in order of time",
            )
        self._engine.reset()
        for stream in (self._options, self._trades, self._quotes):
            stream.clear()
        self._open_ns, self._close_ns, self._closed_ns = open_ns, close_ns, open_ns

    def on_option_trades(self, trades: OptionTrades) -> None:
        """Take signed option trades."""
        self._add(self._options, trades.ts_ns, *option_rows(trades))

    def on_underlying_trades(self, trades: UnderlyingTrades) -> None:
        """Take signed trades of the underlying."""
        self._add(self._trades, trades.ts_ns, *trade_rows(trades))

    def on_underlying_quotes(self, quotes: UnderlyingQuotes) -> None:
        """Take best quotes of the underlying."""
        self._add(self._quotes, quotes.ts_ns, *quote_rows(quotes))

    def close_minute(self, minute_end_ns: int, greeks: GreeksTable | None, levels: FieldLevels) -> FlowMinute:
        """Close a minute, and those before it that are still open.

        Parameters
        ----------
        minute_end_ns : int
            End of the minute, ns since the epoch, UTC: a whole number of minutes after the open.
        greeks : GreeksTable or None
            Contracts as of the end; None where there are none.
        levels : FieldLevels
            Levels of the field as of the end.

        Returns
        -------
        FlowMinute
            The record of the minute; minutes that were skipped get records without Greeks in `history`.
        """
        self._require_open()
        if (
            minute_end_ns <= self._closed_ns
            or minute_end_ns > self._close_ns
            or (minute_end_ns - self._open_ns) % MINUTE_NS
        ):
            raise DataError(
                "this minute cannot be closed",
                found=str(minute_end_ns),
                expected=f"whole minutes from the open, after {self._closed_ns}, up to {self._close_ns}",
                action="close the minutes of a session once, in order",
            )
        while self._closed_ns + MINUTE_NS < minute_end_ns:
            self._close_next(None, FieldLevels.missing(_LATE_CLOSE))
        return self._close_next(greeks, levels)

    def checkpoint(self) -> FlowCheckpoint:
        """Return all that a restart needs."""
        engine, history = self._engine, self._engine.history
        (option_ns, options), (trade_ns, trades) = self._options.waiting, self._trades.waiting
        quote_ns, quotes = self._quotes.waiting
        return FlowCheckpoint(
            config=engine.config,
            open_ns=self._open_ns,
            close_ns=self._close_ns,
            closed_ns=self._closed_ns,
            book=engine.book.copy(),
            trade_carry=engine.trade_carry.copy(),
            quote_carry=engine.quote_carry.copy(),
            option_carry=engine.option_carry.copy(),
            minute_end_ns=history.minute_end_ns,
            values=history.values,
            reasons=history.reasons,
            option_ns=option_ns,
            trade_ns=trade_ns,
            quote_ns=quote_ns,
            option_rows=options,
            trade_rows=trades,
            quote_rows=quotes,
            counts=self.counts,
        )

    @classmethod
    def restore(cls, checkpoint: FlowCheckpoint) -> Self:
        """Return a state that goes on from a checkpoint with the same numbers."""
        state = cls(checkpoint.config)
        engine = state._engine
        state._open_ns, state._close_ns = checkpoint.open_ns, checkpoint.close_ns
        state._closed_ns = checkpoint.closed_ns
        engine.book = checkpoint.book.copy()
        engine.trade_carry[:] = checkpoint.trade_carry
        engine.quote_carry[:] = checkpoint.quote_carry
        engine.option_carry[:] = checkpoint.option_carry
        for end_ns, row, codes in zip(
            checkpoint.minute_end_ns.tolist(), checkpoint.values, checkpoint.reasons, strict=True
        ):
            engine.history.append(end_ns, row, codes)
        counts = checkpoint.counts
        state._options.restore(checkpoint.option_ns, checkpoint.option_rows, counts.option_trades)
        state._trades.restore(checkpoint.trade_ns, checkpoint.trade_rows, counts.underlying_trades)
        state._quotes.restore(checkpoint.quote_ns, checkpoint.quote_rows, counts.underlying_quotes)
        return state

    def _close_next(self, greeks: GreeksTable | None, levels: FieldLevels) -> FlowMinute:
        start, end = self._closed_ns, self._closed_ns + MINUTE_NS
        trade_ns, trades = self._trades.take(end)
        quote_ns, quotes = self._quotes.take(end)
        rows = MinuteRows(
            options=self._options.take(end)[1],
            trade_ns=trade_ns - self._open_ns,
            trades=trades,
            quote_ns=quote_ns - self._open_ns,
            quotes=quotes,
        )
        record = self._engine.close(end, start - self._open_ns, end - self._open_ns, rows, greeks, levels)
        self._closed_ns = end
        return record

    def _add(self, stream: PendingRows, ts_ns: Int64Array, rows: FloatArray, usable: NDArray[np.bool_]) -> None:
        self._require_open()
        stream.add(ts_ns, rows, usable, self._closed_ns, (self._open_ns, self._close_ns))

    def _require_open(self) -> None:
        if self._close_ns == 0:
            raise DataError("no session is open", action="call open_session first")
