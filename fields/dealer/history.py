"""A bounded record of signed trades, and the dealer book that they give as of any instant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fields.dealer.book import DealerBook
from fields.dealer.config import DealerConfig
from fields.dealer.messages import ContractSplit, DealerBookState, OpenInterest
from fields.jit import BOOL, I32, I64, INT, kernel
from market.chains import BoolArray, IntArray
from market.errors import ConfigError, DataError
from market.trades import Int64Array

__all__ = ["FlowHistory", "book_as_of"]

_COLUMNS: Final = {
    "number": np.int32,
    "trade_id": np.int64,
    "aggressor": np.int8,
    "flags": np.uint8,
    "size": np.float64,
    "probability": np.float64,
    "ts_ns": np.int64,
}
_FIRST_ROOM: Final = 1024
_OUT_BOOL: Any = BOOL.dtype[::1]
_OUT_I32: Any = I32.dtype[::1]
_OUT_I64: Any = INT[::1]


@kernel(I64, I64, INT, _OUT_I32, _OUT_I64, _OUT_I32, _OUT_BOOL, returns=INT)
def _enter(
    numbers: Int64Array,
    trade_id: Int64Array,
    row: int,
    known_number: IntArray,
    known_id: Int64Array,
    table: IntArray,
    fresh: BoolArray,
) -> int:
    """Write the keys of trades not seen before from a row on and mark them; return the row after the last."""
    mask = table.shape[0] - 1
    for i in range(numbers.shape[0]):
        number, identity = numbers[i], trade_id[i]
        fresh[i] = True
        if identity >= 0:
            mixed = identity * 0x9E3779B97F4A7C1 + number * 0x5851F42D4C957F2D
            slot = (mixed ^ (mixed >> 31)) & mask
            while table[slot] >= 0:
                if known_id[table[slot]] == identity and known_number[table[slot]] == number:
                    fresh[i] = False
                    break
                slot = (slot + 1) & mask
            if not fresh[i]:
                continue
            table[slot] = row
        known_number[row] = number
        known_id[row] = identity
        row += 1
    return row


@final
class FlowHistory:
    """Signed trades in order of arrival, the newest `max_events` of them; a repeated trade number is left out.

    A trade is known from the newest instant that had been seen when it arrived; one that comes late not before.

    Parameters
    ----------
    max_events : int, optional
        Bound on the trades that are kept, 54 bytes each at most; beyond it the oldest quarter is forgotten and counted.
    """

    def __init__(self, max_events: int = 250_000) -> None:
        if max_events < 4:
            raise ConfigError("a flow history needs room", found=str(max_events), expected="4 trades or more")
        self._max_events = max_events
        self._columns: dict[str, NDArray[Any]] = {}
        self._n = 0
        self._newest_ns = -1
        self._first_newest_ns = -1
        self.forgotten = 0
        self.duplicates = 0
        self.out_of_order = 0
        self._rebuild(_FIRST_ROOM)

    def __len__(self) -> int:
        return self._n

    @property
    def nbytes(self) -> int:
        """Bytes that the history holds."""
        return sum(column.nbytes for column in self._columns.values()) + self._table.nbytes

    def append(
        self,
        numbers: ArrayLike,
        aggressor: ArrayLike,
        size: ArrayLike,
        probability: ArrayLike,
        ts_ns: ArrayLike,
        *,
        trade_id: ArrayLike | None = None,
        flags: ArrayLike | None = None,
    ) -> BoolArray:
        """Keep trades that were not seen before.

        Parameters
        ----------
        numbers : array_like of int, shape (n_trades,)
            Contract numbers.
        aggressor : array_like of int, shape (n_trades,)
            +1 buyer, -1 seller, 0 unknown.
        size : array_like, shape (n_trades,)
            Contracts, > 0.
        probability : array_like, shape (n_trades,)
            That the sign is right.
        ts_ns : array_like of int, shape (n_trades,)
            Instant of each trade, ns since the epoch, UTC.
        trade_id : array_like of int, shape (n_trades,), optional
            The venue's numbers of the trades, one each per contract; -1, or none given: a repeat cannot be known.
        flags : array_like of uint8, shape (n_trades,), optional
            `TradeFlag`.

        Returns
        -------
        ndarray of bool, shape (n_trades,)
            True for the trades kept; these are the ones to give to a book.
        """
        number = np.ascontiguousarray(numbers, dtype=np.int64)
        n = number.shape[0]
        identity = np.full(n, -1) if trade_id is None else np.ascontiguousarray(trade_id, dtype=np.int64)
        columns: dict[str, NDArray[Any]] = {
            "aggressor": np.asarray(aggressor),
            "flags": np.zeros(n, dtype=np.uint8) if flags is None else np.asarray(flags),
            "size": np.asarray(size),
            "probability": np.asarray(probability),
            "ts_ns": np.asarray(ts_ns, dtype=np.int64),
        }
        if {number.shape, identity.shape, *(column.shape for column in columns.values())} != {(n,)}:
            raise DataError("the columns of the trades differ in length", expected=f"shape ({n},)")
        fresh = np.empty(n, dtype=np.bool_)
        # A batch larger than the whole history is kept piece by piece, so that the bound holds throughout.
        step = max(self._max_events // 4, 1)
        for start in range(0, n, step):
            piece = slice(start, start + step)
            self._make_room(number[piece].shape[0])
            keys = self._columns["number"], self._columns["trade_id"]
            end = _enter(number[piece], identity[piece], self._n, *keys, self._table, fresh[piece])
            for name, column in columns.items():
                self._columns[name][self._n : end] = column[piece][fresh[piece]]
            self._n = end
        self.duplicates += n - int(np.count_nonzero(fresh))
        self._note_order(columns["ts_ns"][fresh])
        return fresh

    def forget_before(self, instant_ns: int) -> None:
        """Drop the trades that were known before an instant, such as the start of the session.

        Parameters
        ----------
        instant_ns : int
            Instant, ns since the epoch, UTC.
        """
        self._forget(int(np.searchsorted(self._known_ns(), instant_ns, side="left")))

    def replay(self, book: DealerBook, sequence: int, before_ns: int, *, inclusive: bool = False) -> int:
        """Give a book the trades from a place in the sequence on that were known before an instant.

        Parameters
        ----------
        book : DealerBook
            Takes the trades.
        sequence : int
            Place of the first trade, counted from 0 over all that the history was ever given.
        before_ns : int
            Instant, ns since the epoch, UTC.
        inclusive : bool, optional
            Also the trades known at that instant itself.

        Returns
        -------
        int
            Place after the last trade given.
        """
        first = sequence - self.forgotten
        if first < 0:
            raise DataError(
                "the flow history does not reach back far enough",
                found=f"{self.forgotten} trades forgotten",
                expected=f"all trades from {sequence} on",
                action="rebuild from a later checkpoint, or raise max_events",
            )
        last = int(np.searchsorted(self._known_ns(), before_ns, side="right" if inclusive else "left"))
        if last > first:
            names = ("number", "aggressor", "size", "probability", "ts_ns", "flags")
            book.on_flow(*(self._columns[name][first:last] for name in names))
        return max(first, last) + self.forgotten

    def _known_ns(self) -> Int64Array:
        known = np.maximum.accumulate(self._columns["ts_ns"][: self._n])
        return np.maximum(known, self._first_newest_ns)

    def _note_order(self, ts_ns: Int64Array) -> None:
        if ts_ns.shape[0]:
            newest = np.maximum.accumulate(np.concatenate(([self._newest_ns], ts_ns)))
            self.out_of_order += int(np.count_nonzero(ts_ns < newest[:-1]))
            self._newest_ns = int(newest[-1])

    def _make_room(self, n: int) -> None:
        if self._n + n > self._max_events:
            self._forget(max(self._max_events // 4, self._n + n - self._max_events))
        room = self._columns["number"].shape[0]
        if self._n + n > room:
            self._rebuild(min(max(2 * room, self._n + n), self._max_events))

    def _forget(self, n: int) -> None:
        if n <= 0:
            return
        self._first_newest_ns = int(self._known_ns()[n - 1])
        for column in self._columns.values():
            column[: self._n - n] = column[n : self._n].copy()
        self._n -= n
        self.forgotten += n
        self._rebuild(self._columns["number"].shape[0])

    def _rebuild(self, room: int) -> None:
        """Give the columns room and enter the keys of what is kept into a table at most half full."""
        kept = {name: self._columns[name][: self._n] for name in self._columns}
        self._columns = {name: np.empty(room, dtype=dtype) for name, dtype in _COLUMNS.items()}
        for name, column in kept.items():
            self._columns[name][: self._n] = column
        self._table = np.full(1 << (2 * room - 1).bit_length(), -1, dtype=np.int32)
        numbers, identity = self._columns["number"], self._columns["trade_id"]
        old = numbers[: self._n].astype(np.int64), identity[: self._n].copy()
        _enter(*old, 0, numbers, identity, self._table, np.empty(self._n, dtype=np.bool_))


def book_as_of(
    history: FlowHistory,
    records: Sequence[OpenInterest | ContractSplit],
    instant_ns: int,
    *,
    config: DealerConfig | None = None,
    base: DealerBookState | None = None,
) -> DealerBook:
    """Rebuild the book as it stood at an instant, from what was known by then.

    Parameters
    ----------
    history : FlowHistory
        All trades since the beginning, or since `base`.
    records : sequence of OpenInterest or ContractSplit
        Each is used from its ``known_from_ns`` on; later ones are not looked at.
    instant_ns : int
        Instant, ns since the epoch, UTC; what was known at the instant itself counts.
    config : DealerConfig, optional
        Settings of a book that begins empty.
    base : DealerBookState, optional
        A checkpoint, taken before `instant_ns` from a book that was fed by this history.

    Returns
    -------
    DealerBook
        Equal to one that was fed as the records and trades came in.
    """
    book = DealerBook(config) if base is None else DealerBook.from_state(base)
    begun_ns = book.ts_ns
    if begun_ns > instant_ns:
        raise DataError(
            "the checkpoint is newer than the instant asked for", found=str(begun_ns), expected=f"<= {instant_ns}"
        )
    sequence = book.counters.applied
    known = [record for record in records if begun_ns < record.known_from_ns <= instant_ns]
    for record in sorted(known, key=lambda record: record.known_from_ns):
        if isinstance(record, ContractSplit):
            sequence = history.replay(book, sequence, record.known_from_ns)
            book.on_split(record)
            continue
        sequence = history.replay(book, sequence, record.close_ns)
        book.end_session(record.close_ns)
        sequence = history.replay(book, sequence, record.known_from_ns)
        book.on_open_interest(record)
    history.replay(book, sequence, instant_ns, inclusive=True)
    book.advance(instant_ns)
    return book
