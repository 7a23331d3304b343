"""What is known of a print before any quote: a repeat, a late one, and the price it differs from.

The kernels walk over trades in the order of arrival and keep their state by contract, so a history given at once and a
stream given in pieces pass through the same states.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numba import types
from numpy.typing import NDArray

from fields.jit import BOOL, F64, I32, I64, INT, OUT, kernel, primitive
from fields.signing.messages import SigningStatus
from fields.signing.rules import OUT_I8, OUT_U8, PRICE_TOLERANCE, U8
from market.chains import BoolArray, FloatArray, IntArray
from market.trades import Int8Array, Int64Array, TradeBatch, TradeFlag

__all__ = ["OUT_BOOL", "OUT_I64", "OUT_U16", "PrintMemory", "Prints", "SavedPrints", "WaitingTrades", "as_column"]

OUT_I64: Any = types.Array(types.int64, 1, "C")
OUT_I64_2D: Any = types.Array(types.int64, 2, "C")
OUT_I32: Any = types.Array(types.int32, 1, "C")
OUT_U16: Any = types.Array(types.uint16, 1, "C")
OUT_BOOL: Any = types.Array(types.boolean, 1, "C")

_START_NS = -(2**63)
_NO_ID = -1
_SAVED_IDS = 1_024
_FIRST_WINDOW = 256  # rows of a log at first: most underlyings print little
_EXCLUDED = int(SigningStatus.EXCLUDED)
_DUPLICATE = int(SigningStatus.DUPLICATE)
_LATE = int(SigningStatus.LATE)
_OUT_OF_SEQUENCE = int(TradeFlag.OUT_OF_SEQUENCE)
_MIX = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)


def as_column(values: NDArray[Any], kind: Any) -> NDArray[Any]:
    """Return an array as a kernel takes it: contiguous and of one type; a copy only where it is not."""
    if values.dtype == kind and values.flags.c_contiguous:
        return values
    return np.ascontiguousarray(values, dtype=kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Prints:
    """What trades are without their quotes; arrays of shape ``(n_trades,)``.

    Parameters
    ----------
    contract : ndarray of int32
        Number of the contract, `UNDERLYING` for the underlying.
    flags : ndarray of uint8
        `TradeFlag`; with `OUT_OF_SEQUENCE` for trades that came late.
    status : ndarray of uint16
        `SigningStatus`.
    blocked : ndarray of bool
        Not to be signed.
    moves : ndarray of bool
        A price for the tick of others.
    tick : ndarray of int8
        Side of the last different price; 0 where there is none or the trade has no tick.
    """

    contract: IntArray
    flags: NDArray[np.uint8]
    status: NDArray[np.uint16]
    blocked: BoolArray
    moves: BoolArray
    tick: Int8Array


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPrints:
    """What a restart needs of earlier prints; arrays of shape ``(n_places,)`` but for `ids`.

    Parameters
    ----------
    place : ndarray of int64
        0 for the underlying, else contract number + 1.
    newest_ns : ndarray of int64
        Newest instant.
    last_price : ndarray
        Last price, NaN before the first.
    direction : ndarray of int8
        Side of the last different price.
    highest_id : ndarray of int64
        Highest id.
    ids : ndarray of int64, shape (n_ids, 2)
        The newest ids, with the places of their contracts.
    """

    place: Int64Array
    newest_ns: Int64Array
    last_price: FloatArray
    direction: Int8Array
    highest_id: Int64Array
    ids: Int64Array


@final
class PrintMemory:
    """What is remembered of earlier prints: newest instant, last price and direction by contract, and the ids seen.

    Parameters
    ----------
    window : int
        A repeated print is known among at least this many before it.

    Notes
    -----
    Ids are written into two logs of `window` rows. When the younger one is full, the older one is emptied and takes
    over, so that between one and two windows are known; which ones depends on the order of arrival alone. An id above
    all before it of its contract is new. Only another one is looked up, in a hash table of each log that is filled
    then: a venue that counts upwards never pays for it. The logs grow to their `window` with what comes: until the
    first is full there is no other, and so nothing is known less long.
    """

    def __init__(self, window: int) -> None:
        self._window = window
        self._log, self._table = _room_for(min(window, _FIRST_WINDOW))
        # Which log is the younger one; rows of each log; and how many of them the tables have.
        self._progress = np.zeros(5, dtype=np.int64)
        self._highest_id = np.zeros(0, dtype=np.int64)
        self._newest_ns = np.zeros(0, dtype=np.int64)
        self._last_price = np.zeros(0)
        self._direction = np.zeros(0, dtype=np.int8)

    def survey(self, trades: TradeBatch, numbers: Int64Array, n_places: int, *, excluded: int, no_tick: int) -> Prints:
        """Pass over trades in order of arrival.

        Parameters
        ----------
        trades : TradeBatch
            The trades.
        numbers : ndarray of int64
            The place of contract c of their table at c + 1.
        n_places : int
            Places there are: the underlying and the contracts.
        excluded, no_tick : int
            As in `SigningConfig`.

        Returns
        -------
        Prints
            One row a trade.
        """
        self._grow(n_places)
        self._lengthen(trades.n_trades)
        n = trades.n_trades
        found = Prints(
            contract=np.empty(n, dtype=np.int32),
            flags=np.empty(n, dtype=np.uint8),
            status=np.empty(n, dtype=np.uint16),
            blocked=np.empty(n, dtype=np.bool_),
            moves=np.empty(n, dtype=np.bool_),
            tick=np.empty(n, dtype=np.int8),
        )
        _survey(
            numbers, as_column(trades.contract, np.int32), as_column(trades.ts_ns, np.int64),
            as_column(trades.trade_id, np.int64), as_column(trades.price, np.float64),
            as_column(trades.flags, np.uint8), excluded, no_tick,
            self._log, self._table, self._progress, self._highest_id,
            self._newest_ns, self._last_price, self._direction,
            found.contract, found.flags, found.status, found.blocked, found.moves, found.tick,
        )  # fmt: skip
        return found

    def saved(self) -> SavedPrints:
        """Return the last price of each contract that has traded and the newest ids, for a restart."""
        place = np.flatnonzero((self._newest_ns != _START_NS) | (self._highest_id != _NO_ID))
        return SavedPrints(
            place=place,
            newest_ns=self._newest_ns[place],
            last_price=self._last_price[place],
            direction=self._direction[place],
            highest_id=self._highest_id[place],
            ids=self._newest_ids(),
        )

    def _newest_ids(self) -> Int64Array:
        window, young = self._log.shape[0] >> 1, int(self._progress[0])
        parts = []
        for which in (1 - young, young):
            start = which * window
            parts.append(self._log[start : start + int(self._progress[1 + which])])
        return np.concatenate(parts)[-_SAVED_IDS:]

    def restore(self, saved: SavedPrints, n_places: int) -> None:
        """Take back what `saved` gave.

        Parameters
        ----------
        saved : SavedPrints
            The prints.
        n_places : int
            Places there are: the underlying and the contracts.
        """
        self._grow(n_places)
        for name in ("newest_ns", "last_price", "direction", "highest_id"):
            getattr(self, f"_{name}")[saved.place] = getattr(saved, name)
        ids = saved.ids[max(0, saved.ids.shape[0] - self._window + 1) :]
        self._lengthen(ids.shape[0])
        self._log[: ids.shape[0]] = ids
        self._progress[:] = 0
        self._progress[1] = ids.shape[0]

    def _lengthen(self, n_more: int) -> None:
        """Double the logs until the first takes the next ids or has its window; only a full window changes logs."""
        have, written = self._log.shape[0] >> 1, int(self._progress[1])
        if have == self._window or written + n_more < have:
            return
        log = self._log[:written]
        self._log, self._table = _room_for(min(self._window, 1 << (written + n_more).bit_length()))
        self._log[:written] = log
        self._progress[3:] = 0  # the tables are filled again when an id is looked up

    def _grow(self, n_places: int) -> None:
        more = n_places - self._newest_ns.shape[0]
        if more > 0:
            self._highest_id = np.concatenate((self._highest_id, np.full(more, _NO_ID, dtype=np.int64)))
            self._newest_ns = np.concatenate((self._newest_ns, np.full(more, _START_NS, dtype=np.int64)))
            self._last_price = np.concatenate((self._last_price, np.full(more, np.nan)))
            self._direction = np.concatenate((self._direction, np.zeros(more, dtype=np.int8)))


def _room_for(window: int) -> tuple[Int64Array, IntArray]:
    """Return two empty logs, an id and the place of its contract a row, and their tables of row + 1, 0 is free."""
    return np.zeros((2 * window, 2), dtype=np.int64), np.zeros(2 << (2 * window - 1).bit_length(), dtype=np.int32)


@primitive
def _slot(log: Any, table: Any, first: int, trade_id: int, owner: int) -> Any:
    """Return the slot of an id in one table, or that of the free slot where it would stand."""
    half = table.shape[0] >> 1
    mixed = (np.uint64(trade_id) * _MIX) ^ (np.uint64(owner) << _HALF)
    mixed = (mixed ^ (mixed >> _HALF)) * _MIX
    k = np.int64(mixed >> _HALF) & (half - 1)
    while True:
        row = np.int64(table[first + k]) - 1
        if row < 0 or (log[row, 0] == trade_id and log[row, 1] == owner):
            return first + k
        k = (k + 1) & (half - 1)


@primitive
def _has(log: Any, table: Any, progress: Any, which: int, trade_id: int, owner: int) -> Any:
    """Bring the table of a log up to date, and tell whether it has an id."""
    start = which * (log.shape[0] >> 1)
    first = which * (table.shape[0] >> 1)
    for row in range(start + progress[3 + which], start + progress[1 + which]):
        table[_slot(log, table, first, log[row, 0], log[row, 1])] = np.int32(row + 1)
    progress[3 + which] = progress[1 + which]
    return table[_slot(log, table, first, trade_id, owner)] > 0


@primitive
def _is_repeat(log: Any, table: Any, progress: Any, highest: Any, trade_id: int, owner: int) -> Any:
    """Remember an id, and tell whether it was known."""
    window = log.shape[0] >> 1
    young = progress[0]
    known = False
    if trade_id > highest[owner]:
        highest[owner] = trade_id
    else:
        if _has(log, table, progress, young, trade_id, owner):
            return True
        known = _has(log, table, progress, 1 - young, trade_id, owner)
    row = young * window + progress[1 + young]
    log[row, 0] = trade_id
    log[row, 1] = owner
    progress[1 + young] += 1
    if progress[1 + young] == window:
        young = 1 - young
        if progress[3 + young]:
            half = table.shape[0] >> 1
            for k in range(young * half, (young + 1) * half):
                table[k] = 0
        progress[0] = young
        progress[1 + young] = 0
        progress[3 + young] = 0
    return known


@kernel(
    I64, I32, I64, I64, F64, U8, INT, INT,
    OUT_I64_2D, OUT_I32, OUT_I64, OUT_I64, OUT_I64, OUT, OUT_I8,
    OUT_I32, OUT_U8, OUT_U16, OUT_BOOL, OUT_BOOL, OUT_I8,
)  # fmt: skip
def _survey(
    numbers: Any, contract: Any, ts_ns: Any, trade_id: Any, price: Any, flags: Any,
    excluded: int, no_tick: int,
    log: Any, table: Any, progress: Any, highest_id: Any, newest_ns: Any, last_price: Any, direction: Any,
    number: Any, flags_out: Any, status: Any, blocked: Any, moves: Any, tick: Any,
) -> None:  # fmt: skip
    """Fill number, flags, status and tick sign in order of arrival; `numbers[contract + 1]` is the contract's place.

    `moves` marks the trades that are a price for others; the tick sign of the rest is 0.
    """
    for i in range(contract.shape[0]):
        c = numbers[contract[i] + 1]
        flag = np.int64(flags[i])
        told = 0
        repeat = trade_id[i] != _NO_ID and _is_repeat(log, table, progress, highest_id, trade_id[i], c)
        if repeat:
            told |= _DUPLICATE
        elif ts_ns[i] < newest_ns[c]:
            told |= _LATE
            flag |= _OUT_OF_SEQUENCE
        else:
            newest_ns[c] = ts_ns[i]
        if flag & excluded:
            told |= _EXCLUDED
        p = price[i]
        counts = told == 0 and not flag & no_tick and p > 0.0
        s = np.int8(0)
        if counts:
            d = p - last_price[c]
            s = np.int8(1) if d > PRICE_TOLERANCE * p else (np.int8(-1) if d < -PRICE_TOLERANCE * p else direction[c])
            last_price[c] = p
            direction[c] = s
        tick[i] = s
        moves[i] = counts
        blocked[i] = told & (_DUPLICATE | _EXCLUDED) != 0
        status[i] = np.uint16(told)
        flags_out[i] = np.uint8(flag)
        number[i] = np.int32(c - 1)


@final
class WaitingTrades:
    """Trades of each contract that wait for the next different price: one chain of block rows by contract.

    Parameters
    ----------
    limit : int
        Trades a contract that may wait.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._running = np.zeros(0)
        self._head = np.zeros(0, dtype=np.int64)
        self._tail = np.zeros(0, dtype=np.int64)
        self._count = np.zeros(0, dtype=np.int64)
        self._link = np.zeros(0, dtype=np.int64)

    def grow(self, n_places: int) -> None:
        """Make room for contracts.

        Parameters
        ----------
        n_places : int
            Places needed: the underlying and the contracts.
        """
        more = n_places - self._running.shape[0]
        if more > 0:
            self._running = np.concatenate((self._running, np.full(more, np.nan)))
            self._head, self._tail = (np.concatenate((a, np.full(more, -1))) for a in (self._head, self._tail))
            self._count = np.concatenate((self._count, np.zeros(more, dtype=np.int64)))

    def settle(self, place: Int64Array, price: FloatArray, moves: BoolArray, waits: BoolArray, start: int) -> Any:
        """Return the reverse tick of the trades of a block that need wait no longer.

        Parameters
        ----------
        place, price, moves, waits : ndarray, shape (n_block,)
            Place of the contract, price, whether the trade is a price for others and whether it has no sign yet. The
            block begins with the trades that waited after the call before.
        start : int
            First row that is new.

        Returns
        -------
        tuple of ndarray
            Sign and whether the row still waits.
        """
        n = price.shape[0]
        self._link = np.concatenate((self._link, np.full(n - self._link.shape[0], -1)))
        sign = np.zeros(n, dtype=np.int8)
        waiting = waits & moves
        state = (self._running, self._head, self._tail, self._count, self._link)
        _settle(place, price, moves, start, self._limit, *state, sign, waiting)
        return sign, waiting

    def keep(self, waiting: BoolArray) -> None:
        """Renumber the chains for a block of the waiting rows alone.

        Parameters
        ----------
        waiting : ndarray of bool, shape (n_block,)
            What `settle` returned.
        """
        # The last place stands for "none", which is -1 as an index.
        renumbered = np.append(np.cumsum(waiting) - 1, -1)
        self._head, self._tail = renumbered[self._head], renumbered[self._tail]
        self._link = renumbered[self._link[waiting]]

    def drop(self) -> None:
        """Forget the chains, not the prices."""
        self._head[:], self._tail[:], self._count[:] = -1, -1, 0
        self._link = np.zeros(0, dtype=np.int64)


@kernel(I64, F64, BOOL, INT, INT, OUT, OUT_I64, OUT_I64, OUT_I64, OUT_I64, OUT_I8, OUT_BOOL)
def _settle(
    place: Any, price: Any, moves: Any, start: int, limit: int,
    running: Any, head: Any, tail: Any, count: Any, link: Any, sign: Any, waiting: Any,
) -> None:  # fmt: skip
    """Give every chain the sign against the first different price, and append the rows that wait."""
    for i in range(start, price.shape[0]):
        if not moves[i]:
            continue
        c, p = place[i], price[i]
        if abs(p - running[c]) > PRICE_TOLERANCE * p:
            s = 1 if running[c] > p else -1
            j = head[c]
            while j >= 0:
                sign[j] = np.int8(s)
                waiting[j] = False
                j = link[j]
            head[c] = -1
            count[c] = 0
        running[c] = p
        if waiting[i]:
            if head[c] < 0:
                head[c] = i
            else:
                link[tail[c]] = i
            tail[c] = i
            count[c] += 1
            if count[c] > limit:
                waiting[head[c]] = False
                head[c] = link[head[c]]
                count[c] -= 1
