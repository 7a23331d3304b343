"""The quotes that a stream holds: the newest of each contract and venue, and a bounded log of those before it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from fields.jit import F64, F64_2D, I32, I64, INT, OUT, OUT_2D, kernel
from fields.signing.matching import I16, VENUE_CODES, VENUE_OFFSET, MetQuotes, quote_columns, quote_status
from fields.signing.messages import SigningStatus
from fields.signing.prints import OUT_I64, OUT_U16, as_column
from market.chains import FloatArray
from market.trades import CONSOLIDATED, Int64Array, QuoteBatch, TradeBatch

__all__ = ["HeldQuotes", "SavedQuotes"]

_START_NS = -(2**63)
_FIRST_LOG = 1_024
_NO_QUOTE = int(SigningStatus.NO_QUOTE)
_OLD_QUOTE = int(SigningStatus.OLD_QUOTE)
_LOST_QUOTE = int(SigningStatus.LOST_QUOTE)


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedQuotes:
    """The quotes that a restart needs, one row a contract and venue.

    Parameters
    ----------
    place : ndarray of int64, shape (n_slots,)
        0 for the underlying, else contract number + 1.
    venue : ndarray of int16, shape (n_slots,)
        Number of the venue.
    ts_ns, before_ns : ndarray of int64, shape (n_slots,)
        Instants of the standing quote and of the one before it; the smallest int64 where there was none.
    values, before_values : ndarray, shape (n_slots, 4)
        Bid, ask and their sizes.
    """

    place: Int64Array
    venue: NDArray[np.int16]
    ts_ns: Int64Array
    values: FloatArray
    before_ns: Int64Array
    before_values: FloatArray


@lru_cache(maxsize=1)
def _consolidated_alone() -> NDArray[np.int16]:
    """Return the ranks of all venue codes where national quotes alone are held; whoever ranks others copies them."""
    ranks = np.full(VENUE_CODES, -1, dtype=np.int16)
    ranks[CONSOLIDATED + VENUE_OFFSET] = 0
    return ranks


@final
class HeldQuotes:
    """Holds quotes so that a trade finds the newest one before an instant.

    Parameters
    ----------
    limit : int
        Superseded quotes that are held, over all contracts and venues.
    with_exchange : bool
        Whether quotes of single exchanges are held.

    Notes
    -----
    The standing quote of a slot (contract and venue) is never lost. A superseded one goes into a ring that all slots
    share and points to the one before it; a look-up walks back from the standing quote.
    """

    def __init__(self, limit: int, *, with_exchange: bool) -> None:
        self._limit = limit
        self._with_exchange = with_exchange
        self._ranks = _consolidated_alone()
        self._n_ranks = 1
        self._n_places = 0
        self._ts_ns = np.zeros(0, dtype=np.int64)
        self._before = np.zeros(0, dtype=np.int64)
        self._values = np.zeros((0, 4))
        self._log_ts_ns = np.zeros(0, dtype=np.int64)
        self._log_before = np.zeros(0, dtype=np.int64)
        self._log_values = np.zeros((0, 4))
        # Entries ever logged, quotes that came after a newer one, look-ups whose quote was no longer held.
        self._counts = np.zeros(3, dtype=np.int64)

    @property
    def n_late(self) -> int:
        """Quotes left out because a newer one of their contract and venue had come before."""
        return int(self._counts[1])

    @property
    def n_lost(self) -> int:
        """Look-ups whose quote was no longer held."""
        return int(self._counts[2])

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays."""
        standing = self._ts_ns.nbytes + self._before.nbytes + self._values.nbytes
        return standing + self._log_ts_ns.nbytes + self._log_before.nbytes + self._log_values.nbytes

    def saved(self) -> SavedQuotes:
        """Return the standing quote of each slot and the one before it, for a restart."""
        slots = np.flatnonzero(self._ts_ns != _START_NS)
        step, room = self._before[slots], self._log_ts_ns.shape[0]
        logged = (step >= 0) & (step >= self._counts[0] - room)
        place = np.where(logged, step, 0) % max(room, 1)
        before_ns = np.full(slots.shape[0], _START_NS, dtype=np.int64)
        before = np.full((slots.shape[0], 4), np.nan)
        before_ns[logged], before[logged] = self._log_ts_ns[place[logged]], self._log_values[place[logged]]
        codes = np.flatnonzero(self._ranks >= 0)
        venue = np.zeros(self._n_ranks, dtype=np.int64)
        venue[self._ranks[codes]] = codes - VENUE_OFFSET
        return SavedQuotes(
            place=slots // self._n_ranks,
            venue=venue[slots % self._n_ranks].astype(np.int16),
            ts_ns=self._ts_ns[slots],
            values=self._values[slots],
            before_ns=before_ns,
            before_values=before,
        )

    def restore(self, saved: SavedQuotes, n_places: int) -> None:
        """Take back what `saved` gave.

        Parameters
        ----------
        saved : SavedQuotes
            The quotes.
        n_places : int
            Places there are: the underlying and the contracts.
        """
        self.grow(n_places)
        self._rank_venues(saved.venue)
        self._lengthen(saved.ts_ns.shape[0])
        numbers, empty = np.arange(n_places, dtype=np.int64), saved.before_ns == _START_NS
        older = np.flatnonzero(~empty)
        for rows, ts_ns, values in (
            (older, saved.before_ns, saved.before_values),
            (np.arange(saved.ts_ns.shape[0]), saved.ts_ns, saved.values),
        ):
            bid, ask, bid_size, ask_size = np.ascontiguousarray(values[rows].T)
            _push(
                numbers, self._ranks, self._n_ranks, (saved.place[rows] - 1).astype(np.int32), saved.venue[rows],
                ts_ns[rows], bid, ask, bid_size, ask_size,
                self._ts_ns, self._before, self._values, self._log_ts_ns, self._log_before, self._log_values,
                self._counts,
            )  # fmt: skip

    def grow(self, n_places: int) -> None:
        """Make room for contracts.

        Parameters
        ----------
        n_places : int
            Places needed: the underlying and the contracts.
        """
        if n_places > self._n_places:
            self._relay(n_places, self._n_ranks)

    def add(self, quotes: QuoteBatch, numbers: Int64Array) -> None:
        """Take in quotes in order of arrival.

        Parameters
        ----------
        quotes : QuoteBatch
            The quotes.
        numbers : ndarray of int64
            The place of contract c of their table at c + 1.
        """
        self._rank_venues(quotes.venue)
        self._lengthen(quotes.n_quotes)
        where, ts_ns, values = quote_columns(quotes)
        _push(
            numbers, self._ranks, self._n_ranks, *where, ts_ns, *values,
            self._ts_ns, self._before, self._values, self._log_ts_ns, self._log_before, self._log_values, self._counts,
        )  # fmt: skip

    def match(
        self, trades: TradeBatch, numbers: Int64Array, status: np.ndarray, *, lag_ns: int, max_age_ns: int
    ) -> MetQuotes:
        """Return the newest held quote before each trade less the lag, and mark what is wrong with the national one.

        Parameters
        ----------
        trades : TradeBatch
            The trades.
        numbers : ndarray of int64
            The place of contract c of their table at c + 1.
        status : ndarray of uint16, shape (n_trades,)
            Bits are added.
        lag_ns, max_age_ns : int
            As in `SigningConfig`.

        Returns
        -------
        MetQuotes
            The quotes.
        """
        met = MetQuotes.empty(trades.n_trades, with_exchange=self._with_exchange)
        for exchange in (False, True) if self._with_exchange else (False,):
            _pull(
                int(exchange), numbers, self._ranks, self._n_ranks, as_column(trades.contract, np.int32),
                as_column(trades.venue, np.int16), as_column(trades.ts_ns, np.int64), lag_ns, max_age_ns,
                self._ts_ns, self._before, self._values, self._log_ts_ns, self._log_before, self._log_values,
                self._counts, *(met[4:] if exchange else met[:4]), status,
            )  # fmt: skip
        return met

    def _rank_venues(self, venue: np.ndarray) -> None:
        if not self._with_exchange:
            return
        venues = venue.astype(np.int64) + VENUE_OFFSET
        fresh = np.unique(venues[self._ranks[venues] < 0])
        if fresh.shape[0]:
            if self._n_ranks == 1:
                self._ranks = self._ranks.copy()
            self._ranks[fresh] = np.arange(self._n_ranks, self._n_ranks + fresh.shape[0])
            self._relay(self._n_places, self._n_ranks + fresh.shape[0])

    def _relay(self, n_places: int, n_ranks: int) -> None:
        """Lay the slots out for more contracts or venues."""
        old, shape = (self._n_places, self._n_ranks), (n_places, n_ranks)
        ts_ns = np.full(shape, _START_NS, dtype=np.int64)
        before = np.full(shape, -1, dtype=np.int64)
        values = np.full((*shape, 4), np.nan)
        part = np.s_[: old[0], : old[1]]
        ts_ns[part], before[part] = self._ts_ns.reshape(old), self._before.reshape(old)
        values[part] = self._values.reshape((*old, 4))
        self._ts_ns, self._before, self._values = ts_ns.ravel(), before.ravel(), values.reshape(-1, 4)
        self._n_places, self._n_ranks = shape

    def _lengthen(self, n_more: int) -> None:
        """Double the log until it takes the next quotes or has reached the limit; before that it never wraps."""
        have = self._log_ts_ns.shape[0]
        need = min(self._limit, int(self._counts[0]) + n_more)
        if need > have:
            length = min(self._limit, max(_FIRST_LOG, 1 << (need - 1).bit_length()))
            self._log_ts_ns = np.concatenate((self._log_ts_ns, np.zeros(length - have, dtype=np.int64)))
            self._log_before = np.concatenate((self._log_before, np.zeros(length - have, dtype=np.int64)))
            self._log_values = np.concatenate((self._log_values, np.zeros((length - have, 4))))


@kernel(
    I64, I16, INT, I32, I16, I64, F64, F64, F64, F64,
    OUT_I64, OUT_I64, OUT_2D, OUT_I64, OUT_I64, OUT_2D, OUT_I64,
)  # fmt: skip
def _push(
    numbers: Any, ranks: Any, n_ranks: int, contract: Any, venue: Any, ts_ns: Any,
    bid: Any, ask: Any, bid_size: Any, ask_size: Any,
    now_ns: Any, before: Any, values: Any, log_ns: Any, log_before: Any, log_values: Any, counts: Any,
) -> None:  # fmt: skip
    """Make each quote the standing one of its slot; of one instant the last stands and the others leave no trace."""
    for i in range(contract.shape[0]):
        rank = np.int64(ranks[np.int64(venue[i]) + VENUE_OFFSET])
        if rank < 0:
            continue
        slot = numbers[contract[i] + 1] * n_ranks + rank
        if ts_ns[i] < now_ns[slot]:
            counts[1] += 1
            continue
        if ts_ns[i] > now_ns[slot] and now_ns[slot] != _START_NS:
            at = counts[0] % log_ns.shape[0]
            log_ns[at] = now_ns[slot]
            log_before[at] = before[slot]
            for c in range(4):
                log_values[at, c] = values[slot, c]
            before[slot] = counts[0]
            counts[0] += 1
        now_ns[slot] = ts_ns[i]
        values[slot, 0] = bid[i]
        values[slot, 1] = ask[i]
        values[slot, 2] = bid_size[i]
        values[slot, 3] = ask_size[i]


@kernel(
    INT, I64, I16, INT, I32, I16, I64, INT, INT, I64, I64, F64_2D, I64, I64, F64_2D,
    OUT_I64, OUT, OUT, OUT, OUT, OUT_U16,
)  # fmt: skip
def _pull(
    exchange: int, numbers: Any, ranks: Any, n_ranks: int, contract: Any, venue: Any, ts_ns: Any,
    lag_ns: int, max_age_ns: int,
    now_ns: Any, before: Any, values: Any, log_ns: Any, log_before: Any, log_values: Any,
    counts: Any, bid: Any, ask: Any, bid_size: Any, ask_size: Any, status: Any,
) -> None:  # fmt: skip
    """Walk back from the standing quote to the newest one before the instant asked; status is that of the national."""
    for i in range(contract.shape[0]):
        asked_ns = ts_ns[i] - lag_ns
        rank = np.int64(ranks[np.int64(venue[i]) + VENUE_OFFSET]) if exchange else 0
        told = _NO_QUOTE
        row, found_ns, logged = -1, _START_NS, False
        if rank > 0 or not exchange:
            slot = numbers[contract[i] + 1] * n_ranks + rank
            row, found_ns = slot, now_ns[slot]
            step = before[slot]
            while found_ns >= asked_ns and row >= 0:
                row, logged = -1, True
                if step >= 0 and step >= counts[0] - log_ns.shape[0]:
                    row = step % log_ns.shape[0]
                    found_ns, step = log_ns[row], log_before[row]
                elif step >= 0:
                    told = _LOST_QUOTE
                    counts[2] += 1
            if row >= 0 and found_ns != _START_NS:
                told = _OLD_QUOTE if asked_ns - found_ns > max_age_ns else 0
        bid[i] = np.nan if told else (log_values[row, 0] if logged else values[row, 0])
        ask[i] = np.nan if told else (log_values[row, 1] if logged else values[row, 1])
        bid_size[i] = np.nan if told else (log_values[row, 2] if logged else values[row, 2])
        ask_size[i] = np.nan if told else (log_values[row, 3] if logged else values[row, 3])
        if not exchange:
            status[i] |= np.uint16(told or quote_status(bid[i], ask[i]))
