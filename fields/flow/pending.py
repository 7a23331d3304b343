"""Rows that wait for their minute to close, and the form in which the kernels read them."""

from __future__ import annotations

from typing import final

import numpy as np

from fields.flow.messages import OptionTrades, StreamCounts, UnderlyingQuotes, UnderlyingTrades
from market.chains import BoolArray, FloatArray
from market.trades import Int8Array, Int64Array

__all__ = ["OPTION_WIDTH", "QUOTE_WIDTH", "TRADE_WIDTH", "PendingRows", "option_rows", "quote_rows", "trade_rows"]

OPTION_WIDTH, TRADE_WIDTH, QUOTE_WIDTH = 6, 3, 4
_FIRST_CAPACITY = 256


def _expected_sign(aggressor: Int8Array, probability: FloatArray) -> FloatArray:
    # The mean of a sign that is right with probability p; an unknown probability leaves no side.
    sign: FloatArray = aggressor * (2.0 * probability - 1.0)
    sign[np.isnan(sign)] = 0.0
    return sign


def _is_trade(price: FloatArray, size: FloatArray) -> BoolArray:
    return (price > 0.0) & (price < np.inf) & (size > 0.0) & (size < np.inf)


def option_rows(trades: OptionTrades) -> tuple[FloatArray, BoolArray]:
    """Return (number, price, size, expected sign, call, multiplier) by row, and which rows are trades."""
    rows = np.empty((trades.ts_ns.shape[0], OPTION_WIDTH))
    rows[:, 0], rows[:, 1], rows[:, 2] = trades.number, trades.price, trades.size
    rows[:, 3] = _expected_sign(trades.aggressor, trades.probability)
    rows[:, 4], rows[:, 5] = trades.is_call, trades.multiplier
    return rows, _is_trade(trades.price, trades.size) & (trades.multiplier > 0.0)


def trade_rows(trades: UnderlyingTrades) -> tuple[FloatArray, BoolArray]:
    """Return (price, size, expected sign) by row, and which rows are trades."""
    rows = np.empty((trades.ts_ns.shape[0], TRADE_WIDTH))
    rows[:, 0], rows[:, 1] = trades.price, trades.size
    rows[:, 2] = _expected_sign(trades.aggressor, trades.probability)
    return rows, _is_trade(trades.price, trades.size)


def quote_rows(quotes: UnderlyingQuotes) -> tuple[FloatArray, BoolArray]:
    """Return (bid, ask, bid size, ask size) by row; a quote that cannot be used ends the one before it."""
    rows = np.empty((quotes.ts_ns.shape[0], QUOTE_WIDTH))
    rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3] = quotes.bid, quotes.ask, quotes.bid_size, quotes.ask_size
    return rows, np.ones(rows.shape[0], dtype=np.bool_)


@final
class PendingRows:
    """The rows of one stream whose minute is still open, and what happened to the others.

    Parameters
    ----------
    width : int
        Columns of a row.
    limit : int
        Rows that may wait.
    """

    def __init__(self, width: int, limit: int) -> None:
        self._limit = limit
        self._ts = np.zeros(_FIRST_CAPACITY, dtype=np.int64)
        self._rows = np.zeros((_FIRST_CAPACITY, width))
        self._n = 0
        self._counts = np.zeros(5, dtype=np.int64)

    @property
    def counts(self) -> StreamCounts:
        """What happened to the rows of this session."""
        accepted, late, outside, broken, refused = self._counts.tolist()
        return StreamCounts(accepted=accepted, late=late, outside=outside, broken=broken, refused=refused)

    @property
    def waiting(self) -> tuple[Int64Array, FloatArray]:
        """Instants and rows that wait, in order of arrival; copies."""
        return self._ts[: self._n].copy(), self._rows[: self._n].copy()

    def clear(self) -> None:
        """Forget the rows and the counts."""
        self._n = 0
        self._counts[:] = 0

    def restore(self, ts_ns: Int64Array, rows: FloatArray, counts: StreamCounts) -> None:
        """Take back what `waiting` and `counts` gave."""
        self.clear()
        self._append(ts_ns, rows)
        self._counts[:] = (counts.accepted, counts.late, counts.outside, counts.broken, counts.refused)

    def add(self, ts_ns: Int64Array, rows: FloatArray, usable: BoolArray, since_ns: int, span: tuple[int, int]) -> None:
        """Take rows that may still count, and count the others.

        Parameters
        ----------
        ts_ns : ndarray of int64, shape (n_rows,)
            Instants.
        rows : ndarray, shape (n_rows, width)
            Rows in order of arrival.
        usable : ndarray of bool, shape (n_rows,)
            False for rows that are no trade.
        since_ns : int
            End of the last closed minute: what is older is late.
        span : tuple of int
            Open and close of the session.
        """
        n = ts_ns.shape[0]
        if not n:
            return
        counts = self._counts
        if ts_ns.min() >= since_ns and ts_ns.max() < span[1] and usable.all():
            room = min(n, self._limit - self._n)
            counts[0] += room
            counts[4] += n - room
        else:
            inside = (ts_ns >= span[0]) & (ts_ns < span[1])
            timely = inside & (ts_ns >= since_ns)
            taken = timely & usable
            n_inside, n_timely, n_taken = int(inside.sum()), int(timely.sum()), int(taken.sum())
            room = min(n_taken, self._limit - self._n)
            ts_ns, rows = ts_ns[taken], rows[taken]
            counts += (room, n_inside - n_timely, n - n_inside, n_timely - n_taken, n_taken - room)
        self._append(ts_ns[:room], rows[:room])

    def take(self, end_ns: int) -> tuple[Int64Array, FloatArray]:
        """Remove and return what is older than an instant, in order of time and within an instant of arrival.

        Parameters
        ----------
        end_ns : int
            End of the minute.

        Returns
        -------
        ts_ns : ndarray of int64, shape (n_rows,)
            Instants.
        rows : ndarray, shape (n_rows, width)
            Rows; they are valid until the next `add`.
        """
        ts, rows = self._ts[: self._n], self._rows[: self._n]
        due = ts < end_ns
        if due.all():
            self._n = 0
        else:
            kept_ts, kept = ts[~due], rows[~due]
            ts, rows = ts[due], rows[due]
            self._n = 0
            self._append(kept_ts, kept)
        if (ts[1:] < ts[:-1]).any():
            order = np.argsort(ts, kind="stable")
            ts, rows = ts[order], rows[order]
        return ts, rows

    def _append(self, ts_ns: Int64Array, rows: FloatArray) -> None:
        n = self._n + ts_ns.shape[0]
        if n > self._ts.shape[0]:
            capacity = max(n, min(2 * self._ts.shape[0], self._limit))
            ts, wider = np.zeros(capacity, dtype=np.int64), np.zeros((capacity, rows.shape[1]))
            ts[: self._n], wider[: self._n] = self._ts[: self._n], self._rows[: self._n]
            self._ts, self._rows = ts, wider
        self._ts[self._n : n], self._rows[self._n : n] = ts_ns, rows
        self._n = n
