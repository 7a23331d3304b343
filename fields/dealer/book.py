"""The dealer book of one underlying: opened by an assumption, moved by signed trades, held to open interest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fields.dealer.anchoring import anchored, blank, refuse_foreign, refuse_half_split, split_values
from fields.dealer.config import DealerConfig
from fields.dealer.kernels import BUCKET_ROWS, Note, add_flow, first_flaw
from fields.dealer.messages import ContractSplit, DealerBookState, DealerPosition, OpenInterest, PositionReason
from fields.dealer.reading import read_position
from market.chains import BoolArray, FloatArray
from market.errors import DataError
from market.trades import Int64Array, TradeFlag

__all__ = ["DealerBook", "FlowCounters"]

_FOREVER: Final = int(np.iinfo(np.int64).max)
_DILUTED: Final = int(TradeFlag.AUCTION | TradeFlag.COMPLEX)
_EMPTY_SPAN: Final = (_FOREVER, -1)
# Members of an enumeration are slow to add and to index with, and these are read at every message.
_NEWEST: Final = int(Note.NEWEST_NS)
_FED: Final = slice(int(Note.APPLIED), int(Note.CANCELLED) + 1)
_FLAWS: Final = {
    1: ("a trade has no contract number", "a number from 0 below max_contracts"),
    2: ("a trade has no aggressor sign", "-1, 0 or +1"),
    3: ("a trade has no size", "contracts above 0"),
    4: ("a signed trade has no probability", "0 to 1"),
    5: ("a trade is in a contract whose terms a split has ended", "the contract's number after the split"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowCounters:
    """What a book has been fed.

    Parameters
    ----------
    applied : int
        Trades taken, cancelled ones included.
    signed : int
        Of these, those that moved a mean.
    out_of_order : int
        Trades older than one before them; they count all the same.
    cancelled : int
        Prints that the venue took back; they move nothing.
    """

    applied: int
    signed: int
    out_of_order: int
    cancelled: int


@final
class DealerBook:
    """Signed dealer contracts of one underlying and their standard error, by stable contract number.

    All updates are sums, and the cap is taken when the book is read, so that the order of trades changes nothing.

    Parameters
    ----------
    config : DealerConfig, optional
        Settings.
    """

    def __init__(self, config: DealerConfig | None = None) -> None:
        self.config: Final = config or DealerConfig()
        self._values = blank(1)
        self._expiry_ns = np.full(1, _FOREVER, dtype=np.int64)
        self._status = np.zeros(1, dtype=np.uint8)
        self._retired = np.zeros(1, dtype=np.bool_)
        self._n = 0
        self._close_ns = self._known_from_ns = -1
        self._session_end_ns = _FOREVER
        self._notes = np.array([-1, 0, 0, 0, 0, *_EMPTY_SPAN, *_EMPTY_SPAN], dtype=np.int64)

    def __len__(self) -> int:
        return self._n

    @property
    def ts_ns(self) -> int:
        """Newest instant that the book has heard of, ns since the epoch; -1 before the first."""
        return int(self._notes[_NEWEST])

    @property
    def close_ns(self) -> int:
        """The close that the book's open interest counts; -1 before the first. Only a later one is taken."""
        return self._close_ns

    @property
    def known_from_ns(self) -> int:
        """When the open interest that the book stands on was published; -1 before the first."""
        return self._known_from_ns

    @property
    def counters(self) -> FlowCounters:
        """What the book has been fed."""
        applied, signed, out_of_order, cancelled = self._notes[_FED].tolist()
        return FlowCounters(applied=applied, signed=signed, out_of_order=out_of_order, cancelled=cancelled)

    def list_contracts(self, numbers: Int64Array, expiry_ns: Int64Array) -> None:
        """Tell the book when contracts expire that no open interest has named, such as today's new listings.

        Parameters
        ----------
        numbers : ndarray of int64, shape (n_contracts,)
            Contract numbers.
        expiry_ns : ndarray of int64, shape (n_contracts,)
            Expiry instants, ns since the epoch, UTC.
        """
        self._grow(numbers)
        self._expiry_ns[numbers] = expiry_ns

    def on_flow(
        self,
        numbers: ArrayLike,
        aggressor: ArrayLike,
        size: ArrayLike,
        probability: ArrayLike,
        ts_ns: ArrayLike,
        flags: NDArray[np.uint8] | None = None,
    ) -> None:
        """Take trades; the dealer is the other side of the aggressor.

        Parameters
        ----------
        numbers : array_like of int, shape (n_trades,)
            Contract numbers.
        aggressor : array_like of int, shape (n_trades,)
            +1 buyer, -1 seller, 0 unknown.
        size : array_like, shape (n_trades,)
            Contracts, > 0.
        probability : array_like, shape (n_trades,)
            That the sign is right; not read where the aggressor is 0.
        ts_ns : array_like of int, shape (n_trades,)
            Instant of each trade, ns since the epoch, UTC.
        flags : ndarray of uint8, shape (n_trades,), optional
            `TradeFlag`; auction and complex prints are diluted, cancelled ones are left out.

        Notes
        -----
        A sign that is right with probability p has expectation (2p - 1) s, so the unbiased increment is
        -sign size / (2p - 1), with variance size^2 4p (1 - p) / (2p - 1)^2. An unsigned trade may be either side: no
        mean, variance size^2. Either all trades of a call are taken, or a `DataError` says why none is.
        """
        columns = _flow_columns(numbers, aggressor, size, probability, ts_ns)
        diluted, cancelled = _marks(flags, columns[0].shape)
        self._grow(columns[0])
        _refuse_flawed(*columns[:4], self._retired)
        end, minimum, share = self._session_end_ns, self.config.min_probability, self.config.diluted_share
        add_flow(*columns, diluted, cancelled, end, minimum, share, self._values, self._notes)

    def end_session(self, close_ns: int) -> None:
        """Count trades from an instant on as of the next session, which the next open interest does not hold yet.

        Parameters
        ----------
        close_ns : int
            `OpenInterest.close_ns` of the session that runs, ns since the epoch, UTC. It may lie ahead, but is told
            after the open interest of the session before has come.
        """
        if close_ns == self._session_end_ns:
            return
        last = int(max(self._notes[Note.LAST_NS], self._notes[Note.NEXT_LAST_NS]))
        if last >= close_ns:
            raise _mixed(f"a trade at {last}", close_ns)
        # Where a close went by without a publication, the next one counts both sessions.
        self._fold(0)
        self._session_end_ns = close_ns

    def on_open_interest(self, record: OpenInterest) -> None:
        """Open the book on a published open interest, or hold what was carried overnight to it.

        Parameters
        ----------
        record : OpenInterest
            Newer than the last one.
        """
        if self._known_from_ns >= 0 and record.close_ns <= self._close_ns:
            raise DataError(
                "open interest is not newer than the last",
                found=f"the close {record.close_ns}",
                expected=f"after {self._close_ns}",
            )
        self._grow(record.numbers)
        if self._retired[record.numbers].any():
            raise DataError(
                "open interest names contracts whose terms a split has ended",
                found=f"{int(self._retired[record.numbers].sum())} of {record.numbers.shape[0]}",
                expected="contract numbers after the split",
            )
        living = self._expiry_ns > record.known_from_ns
        refuse_foreign(self._values, living, self.config, record)
        self._separate(record.close_ns)
        self._expiry_ns[record.numbers] = record.expiry_ns
        self._values, carried = anchored(self._values, self.config, record, opened=self._known_from_ns >= 0)
        self._status[~self._retired] = PositionReason.KNOWN
        self._status[carried & ~self._retired] = PositionReason.CARRIED
        self._values[:, self._expiry_ns <= record.known_from_ns] = blank(1)
        self._notes[Note.FIRST_NS :] = [*self._notes[Note.NEXT_FIRST_NS :], *_EMPTY_SPAN]
        self._session_end_ns = _FOREVER
        self._close_ns, self._known_from_ns = record.close_ns, record.known_from_ns
        self.advance(record.known_from_ns)

    def on_split(self, split: ContractSplit) -> None:
        """Convert the contracts of a whole split; every living contract must be told its new number.

        Parameters
        ----------
        split : ContractSplit
            Old and new numbers.
        """
        self._grow(split.old)
        self._grow(split.new)
        refuse_half_split(self._values, self._expiry_ns > split.known_from_ns, split)
        expiry, status = self._expiry_ns[split.old], self._status[split.old]
        moved = split_values(self._values, split.old, split.ratio)
        self._values[:, split.old] = blank(1)
        self._status[split.old] = PositionReason.SPLIT
        self._values[:, split.new], self._expiry_ns[split.new], self._status[split.new] = moved, expiry, status
        self._retired = self._status == PositionReason.SPLIT
        self.advance(split.known_from_ns)

    def advance(self, ts_ns: int) -> None:
        """Let time pass without trades.

        Parameters
        ----------
        ts_ns : int
            Instant, ns since the epoch, UTC.
        """
        self._notes[_NEWEST] = max(self.ts_ns, ts_ns)

    def position(self, numbers: Int64Array, *, ts_ns: int | None = None) -> DealerPosition:
        """Return the dealer's contracts.

        Parameters
        ----------
        numbers : ndarray of int64, shape (n_contracts,)
            Contract numbers, in any order; -1 for contracts without one.
        ts_ns : int, optional
            Instant that decides what has expired; the newest that the book has heard of without it.

        Returns
        -------
        DealerPosition
            Aligned to `numbers`.
        """
        now = self.ts_ns if ts_ns is None else ts_ns
        known = (numbers >= 0) & (numbers < self._n)
        place = np.where(known, numbers, 0)
        values = np.take(self._values, place, axis=1)
        if not known.all():
            values[:, ~known] = blank(1)
        status, expired = np.where(known, self._status[place], 0), known & (self._expiry_ns[place] <= now)
        return read_position(values, status, expired, now, moved=self.config.moved_by_flow)

    def state(self) -> DealerBookState:
        """Return all that the book knows, for a restart.

        Returns
        -------
        DealerBookState
            Holds copies; the book goes on unchanged.
        """
        return DealerBookState(
            config=self.config,
            session_end_ns=self._session_end_ns,
            close_ns=self._close_ns,
            known_from_ns=self._known_from_ns,
            notes=self._notes.copy(),
            n_contracts=self._n,
            values=self._values.copy(),
            expiry_ns=self._expiry_ns.copy(),
            status=self._status.copy(),
        )

    @classmethod
    def from_state(cls, state: DealerBookState) -> Self:
        """Continue a book from its state.

        Parameters
        ----------
        state : DealerBookState
            As `state` returned it.

        Returns
        -------
        DealerBook
            It goes on bit for bit as the first would have.
        """
        book = cls(state.config)
        book._values, book._expiry_ns = state.values.copy(), state.expiry_ns.copy()
        book._status, book._n = state.status.copy(), state.n_contracts
        book._retired = book._status == PositionReason.SPLIT
        book._session_end_ns, book._notes = state.session_end_ns, state.notes.copy()
        book._close_ns, book._known_from_ns = state.close_ns, state.known_from_ns
        return book

    def _grow(self, numbers: Int64Array) -> None:
        if not numbers.shape[0]:
            return
        n = int(numbers.max()) + 1
        if n <= self._n:
            return
        if n > self.config.max_contracts:
            raise _beyond(n - 1, self.config.max_contracts)
        room = self._values.shape[1]
        if n > room:
            extra = max(n, min(2 * room, self.config.max_contracts)) - room
            self._values = np.concatenate((self._values, blank(extra)), axis=1)
            self._expiry_ns = np.concatenate((self._expiry_ns, np.full(extra, _FOREVER, dtype=np.int64)))
            self._status = np.concatenate((self._status, np.zeros(extra, dtype=np.uint8)))
            self._retired = np.concatenate((self._retired, np.zeros(extra, dtype=np.bool_)))
        self._n = n

    def _separate(self, close_ns: int) -> None:
        # Trades that came while no session end was told: all of one side of the close, or nobody can tell them apart.
        first, last, next_first, next_last = self._notes[Note.FIRST_NS :].tolist()
        early = next_first < close_ns
        if early:
            first, last = min(first, next_first), max(last, next_last)
        if first < close_ns <= last:
            raise _mixed(f"trades from {first} to {last}", close_ns)
        if early:
            self._fold(0)
        if last >= close_ns:
            self._fold(BUCKET_ROWS)

    def _fold(self, into: int) -> None:
        """Add one bucket of flow, with its span, to the other."""
        first, second = self._values[:BUCKET_ROWS], self._values[BUCKET_ROWS : 2 * BUCKET_ROWS]
        target, source = (second, first) if into else (first, second)
        target += source
        source[:] = 0.0
        a, b, c, d = self._notes[Note.FIRST_NS :].tolist()
        both = (min(a, c), max(b, d))
        self._notes[Note.FIRST_NS :] = (*_EMPTY_SPAN, *both) if into else (*both, *_EMPTY_SPAN)


_Flow = tuple[Int64Array, Int64Array, FloatArray, FloatArray, Int64Array]


def _flow_columns(
    numbers: ArrayLike, aggressor: ArrayLike, size: ArrayLike, probability: ArrayLike, ts_ns: ArrayLike
) -> _Flow:
    columns = (
        np.ascontiguousarray(numbers, dtype=np.int64),
        np.ascontiguousarray(aggressor, dtype=np.int64),
        np.ascontiguousarray(size, dtype=np.float64),
        np.ascontiguousarray(probability, dtype=np.float64),
        np.ascontiguousarray(ts_ns, dtype=np.int64),
    )
    shapes = [column.shape for column in columns]
    if len(set(shapes)) > 1 or len(shapes[0]) != 1:
        raise DataError("the columns of the trades differ in length", found=str(shapes), expected="one length")
    return columns


def _marks(flags: NDArray[np.uint8] | None, shape: tuple[int, ...]) -> tuple[BoolArray, BoolArray]:
    if flags is None:
        none = np.zeros(shape, dtype=np.bool_)
        return none, none
    if flags.shape != shape:
        raise DataError("flags and trades differ in length", found=f"shape {flags.shape}", expected=f"shape {shape}")
    return (flags & np.uint8(_DILUTED)) != 0, (flags & np.uint8(TradeFlag.CANCELLED)) != 0


def _refuse_flawed(
    numbers: Int64Array, aggressor: Int64Array, size: FloatArray, probability: FloatArray, retired: BoolArray
) -> None:
    flaw = first_flaw(numbers, aggressor, size, probability, retired)
    if flaw >= 0:
        row, kind = divmod(flaw, 8)
        what, expected = _FLAWS[kind]
        found = f"trade {row}: contract {numbers[row]}, aggressor {aggressor[row]}, size {size[row]:g}"
        raise DataError(what, found=f"{found}, probability {probability[row]:g}", expected=expected)


def _mixed(found: str, close_ns: int) -> DataError:
    return DataError(
        "trades before and after a close were added up together",
        found=found,
        expected=f"a session that ended at {close_ns}",
        action="call end_session before the first trade after the close, or rebuild with book_as_of",
    )


def _beyond(number: int, bound: int) -> DataError:
    return DataError(
        "a contract number is beyond the book's bound",
        found=str(number),
        expected=f"below {bound}",
        action="raise max_contracts, or begin a new index and book",
    )
