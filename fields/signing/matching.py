"""The quote that each trade meets, for a history whose quotes are all known."""

from __future__ import annotations

from typing import Any, NamedTuple, Self

import numpy as np
from numba import types

from fields.jit import BOOL, F64, I32, I64, INT, OUT, kernel, primitive
from fields.signing.messages import SigningStatus
from fields.signing.prints import OUT_BOOL, OUT_I64, OUT_U16, as_column
from market.chains import FloatArray
from market.trades import CONSOLIDATED, Int64Array, QuoteBatch, TradeBatch

__all__ = [
    "I16",
    "VENUE_CODES",
    "VENUE_OFFSET",
    "MetQuotes",
    "match_history",
    "quote_columns",
    "quote_status",
    "venue_ranks",
]

I16: Any = types.Array(types.int16, 1, "C", readonly=True)
_START_NS = -(2**63)

VENUE_CODES = 65_536
"""Venue numbers that an int16 has; a table over all of them makes the rank of a venue one look-up."""

VENUE_OFFSET = 32_768
"""Place of venue 0 in such a table."""

_NO_QUOTE = int(SigningStatus.NO_QUOTE)
_OLD_QUOTE = int(SigningStatus.OLD_QUOTE)
_ONE_SIDED = int(SigningStatus.ONE_SIDED)
_LOCKED = int(SigningStatus.LOCKED)
_CROSSED = int(SigningStatus.CROSSED)


class MetQuotes(NamedTuple):
    """The quotes that trades meet; arrays of shape ``(n_trades,)``, NaN where there is none.

    Parameters
    ----------
    bid, ask, bid_size, ask_size : ndarray
        National quote.
    exchange_bid, exchange_ask, exchange_bid_size, exchange_ask_size : ndarray
        Quote of the trade's own exchange; the national arrays again where no rule asks for it.
    """

    bid: FloatArray
    ask: FloatArray
    bid_size: FloatArray
    ask_size: FloatArray
    exchange_bid: FloatArray
    exchange_ask: FloatArray
    exchange_bid_size: FloatArray
    exchange_ask_size: FloatArray

    @classmethod
    def empty(cls, n_trades: int, *, with_exchange: bool) -> Self:
        """Return arrays to be filled.

        Parameters
        ----------
        n_trades : int
            Length.
        with_exchange : bool
            Whether the exchange's quotes have arrays of their own.

        Returns
        -------
        MetQuotes
            Uninitialised arrays.
        """
        rows = np.empty((8 if with_exchange else 4, n_trades))
        return cls(*rows) if with_exchange else cls(*rows, *rows)

    @classmethod
    def none(cls, trades: TradeBatch) -> Self:
        """Return columns for rules that read no quote.

        Parameters
        ----------
        trades : TradeBatch
            The trades.

        Returns
        -------
        MetQuotes
            Arrays of the right length and no meaning.
        """
        return cls(*(as_column(trades.price, np.float64),) * 8)


def venue_ranks(venues: np.ndarray, *, with_exchange: bool) -> np.ndarray:
    """Return a table from venue number to rank: 0 for the national quote, from 1 for exchanges, -1 for others.

    Parameters
    ----------
    venues : ndarray of int16
        Venues that quotes name.
    with_exchange : bool
        Whether exchanges are ranked at all.

    Returns
    -------
    ndarray of int16, shape (65536,)
        Rank at ``venue + 32768``.
    """
    table = np.full(VENUE_CODES, -1, dtype=np.int16)
    if with_exchange:
        present = np.zeros(VENUE_CODES, dtype=np.bool_)
        present[venues.astype(np.int64) + VENUE_OFFSET] = True
        present[CONSOLIDATED + VENUE_OFFSET] = False
        table[present] = np.arange(1, int(present.sum()) + 1)
    table[CONSOLIDATED + VENUE_OFFSET] = 0
    return table


def quote_columns(quotes: QuoteBatch) -> tuple[tuple[Any, Any], Any, tuple[Any, Any, Any, Any]]:
    """Return contract and venue, instants, and bid, ask and their sizes as kernels take them."""
    where = as_column(quotes.contract, np.int32), as_column(quotes.venue, np.int16)
    bid, ask, bid_size, ask_size = (
        as_column(column, np.float64) for column in (quotes.bid, quotes.ask, quotes.bid_size, quotes.ask_size)
    )
    return where, as_column(quotes.ts_ns, np.int64), (bid, ask, bid_size, ask_size)


@primitive
def quote_status(bid: float, ask: float) -> int:
    """Return the status bits of a quote that stands."""
    if not ((bid > 0.0) & (ask > 0.0)):
        return _ONE_SIDED
    return _LOCKED if bid == ask else (_CROSSED if bid > ask else 0)


def match_history(
    trades: TradeBatch,
    quotes: QuoteBatch,
    numbers: tuple[Int64Array, Int64Array],
    status: np.ndarray,
    *,
    lag_ns: int,
    max_age_ns: int,
    with_exchange: bool,
    with_sizes: bool,
) -> MetQuotes:
    """Return the newest quote before each trade less the lag, and mark in `status` what is wrong with the national one.

    Parameters
    ----------
    trades, quotes : TradeBatch, QuoteBatch
        The history.
    numbers : tuple of ndarray of int64
        For trades and for quotes the place of contract c of their table at c + 1.
    status : ndarray of uint16, shape (n_trades,)
        Bits are added.
    lag_ns, max_age_ns : int
        As in `SigningConfig`.
    with_exchange : bool
        Whether the exchange's quotes are asked.
    with_sizes : bool
        Whether their sizes are.

    Returns
    -------
    MetQuotes
        The quotes.

    Notes
    -----
    One sweep over both in order of time holds the place of the standing quote of each contract and venue. Rows of one
    instant stay in their order; a quote that arrives after a newer one of its contract and venue is left out, as in a
    stream.
    """
    met = MetQuotes.empty(trades.n_trades, with_exchange=with_exchange)
    ranks = venue_ranks(quotes.venue, with_exchange=with_exchange)
    n_ranks = int(ranks.max()) + 1
    n_slots = (int(max(part.max() for part in numbers)) + 1) * n_ranks
    slots = (ranks, n_ranks)
    where, quote_ns, values = quote_columns(quotes)
    trade_ns = as_column(trades.ts_ns, np.int64)
    keep = np.zeros(0, dtype=np.bool_)
    quote_order = _order_of(quote_ns)
    if quote_order.shape[0]:
        keep = np.empty(quotes.n_quotes, dtype=np.bool_)
        newest = np.full(n_slots, _START_NS, dtype=np.int64)
        _mark_in_order(numbers[1], *slots, *where, quote_ns, newest, keep)
    found = np.empty((1 + with_exchange, trades.n_trades), dtype=np.int64)
    exchange = found[1] if with_exchange else np.empty(0, dtype=np.int64)
    _sweep(
        numbers[1], numbers[0], *slots, *where, quote_ns, keep, quote_order,
        as_column(trades.contract, np.int32), as_column(trades.venue, np.int16), trade_ns, _order_of(trade_ns),
        lag_ns, np.full(n_slots, -1, dtype=np.int64), found[0], exchange,
    )  # fmt: skip
    instants = trade_ns, lag_ns, max_age_ns, quote_ns
    _gather(found[0], *instants, *values, int(with_sizes), *met[:4], status)
    if with_exchange:
        ignored = np.zeros(trades.n_trades, dtype=np.uint16)
        _gather(exchange, *instants, *values, int(with_sizes), *met[4:], ignored)
    return met


def _order_of(ts_ns: Int64Array) -> Int64Array:
    """Return the stable order of time, empty where the rows stand in it."""
    if bool((ts_ns[1:] >= ts_ns[:-1]).all()):
        return np.zeros(0, dtype=np.int64)
    return np.argsort(ts_ns, kind="stable")


@kernel(I64, I16, INT, I32, I16, I64, OUT_I64, OUT_BOOL)
def _mark_in_order(
    numbers: Any, ranks: Any, n_ranks: int, contract: Any, venue: Any, ts_ns: Any, newest: Any, keep: Any
) -> None:
    """Mark the quotes that are not older than one of their slot before them in order of arrival."""
    for i in range(contract.shape[0]):
        rank = np.int64(ranks[np.int64(venue[i]) + VENUE_OFFSET])
        keep[i] = False
        if rank >= 0:
            slot = numbers[contract[i] + 1] * n_ranks + rank
            keep[i] = ts_ns[i] >= newest[slot]
            newest[slot] = max(newest[slot], ts_ns[i])


@kernel(
    I64, I64, I16, INT, I32, I16, I64, BOOL, I64,
    I32, I16, I64, I64, INT, OUT_I64, OUT_I64, OUT_I64,
)  # fmt: skip
def _sweep(
    q_numbers: Any, t_numbers: Any, ranks: Any, n_ranks: int,
    q_contract: Any, q_venue: Any, q_ts: Any, keep: Any, q_order: Any,
    t_contract: Any, t_venue: Any, t_ts: Any, t_order: Any, lag_ns: int,
    standing: Any, national: Any, exchange: Any,
) -> None:  # fmt: skip
    """Find the row of the newest quote before each trade, -1 where there is none, by one merge in order of time.

    `standing` has for each slot the row of its newest quote so far.
    """
    n_quotes = q_ts.shape[0]
    k = 0
    for m in range(t_ts.shape[0]):
        i = t_order[m] if t_order.shape[0] else m
        asked_ns = t_ts[i] - lag_ns
        while k < n_quotes:
            j = q_order[k] if q_order.shape[0] else k
            if q_ts[j] >= asked_ns:
                break
            rank = np.int64(ranks[np.int64(q_venue[j]) + VENUE_OFFSET])
            if rank >= 0 and (not keep.shape[0] or keep[j]):
                standing[q_numbers[q_contract[j] + 1] * n_ranks + rank] = j
            k += 1
        first = t_numbers[t_contract[i] + 1] * n_ranks
        national[i] = standing[first]
        if exchange.shape[0]:
            rank = np.int64(ranks[np.int64(t_venue[i]) + VENUE_OFFSET])
            exchange[i] = standing[first + rank] if rank > 0 else -1


@kernel(I64, I64, INT, INT, I64, F64, F64, F64, F64, INT, OUT, OUT, OUT, OUT, OUT_U16)
def _gather(
    found: Any, t_ts: Any, lag_ns: int, max_age_ns: int, q_ts: Any,
    q_bid: Any, q_ask: Any, q_bid_size: Any, q_ask_size: Any, with_sizes: int,
    bid: Any, ask: Any, bid_size: Any, ask_size: Any, status: Any,
) -> None:  # fmt: skip
    """Copy the quotes found; apart from the merge, whose jumps would hold these loads up."""
    for i in range(found.shape[0]):
        j = found[i]
        told = _NO_QUOTE if j < 0 else (_OLD_QUOTE if t_ts[i] - lag_ns - q_ts[j] > max_age_ns else 0)
        bid[i] = q_bid[j] if told == 0 else np.nan
        ask[i] = q_ask[j] if told == 0 else np.nan
        if with_sizes:
            bid_size[i] = q_bid_size[j] if told == 0 else np.nan
            ask_size[i] = q_ask_size[j] if told == 0 else np.nan
        status[i] |= np.uint16(quote_status(bid[i], ask[i]) if told == 0 else told)
