"""What goes into a dealer book and what comes out of it, as frozen messages keyed by contract number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from fields.dealer.config import DealerConfig
from market.chains import BoolArray, FloatArray, OptionChain
from market.contracts import ContractIndex
from market.errors import DataError
from market.trades import ContractTable, Int64Array

__all__ = [
    "ContractSplit",
    "DealerBookState",
    "DealerPosition",
    "OpenInterest",
    "PositionReason",
    "open_interest_record",
    "split_table",
]

_REASON_TEXT = {
    1: "neither open interest nor a trade has been seen",
    2: "it has expired",
    3: "no open interest was published; only today's trades are known",
    4: "the newest open interest does not name it; carried over",
    5: "it was split into new terms",
    6: "the user's vector does not know it",
}


class PositionReason(IntEnum):
    """Why a contract's dealer position is missing, zero, or stands on less than its open interest."""

    KNOWN = 0
    UNSEEN = 1  # NaN: neither open interest nor a trade
    EXPIRED = 2  # 0: from the expiry instant on
    NO_OPEN_INTEREST = 3  # flow alone; NaN under a convention, which flow does not move
    CARRIED = 4  # the newest record lacks it
    SPLIT = 5  # NaN: its terms are those before a split
    USER_UNKNOWN = 6  # NaN: the user's vector is NaN there

    @property
    def text(self) -> str:
        """The reason as a clause; empty where the position is known."""
        return _REASON_TEXT.get(int(self), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenInterest:
    """Open interest of one close as it was published; arrays of shape ``(n_contracts,)``.

    Parameters
    ----------
    numbers : ndarray of int64
        Contract numbers, each once.
    open_interest : ndarray
        Contracts, >= 0; NaN where not published.
    is_call : ndarray of bool
        True for calls.
    expiry_ns : ndarray of int64
        Expiry instant, ns since the epoch, UTC.
    close_ns : int
        End of the session that it counts, ns since the epoch, UTC: all trades before it are in it, none from it on.
        Set it after the last late print and before the next session's first trade.
    known_from_ns : int
        Instant of publication, ns since the epoch, UTC; for US options about 06:30 New York time of the next session.
    user : ndarray
        Signed dealer contracts of a ``user`` opening, NaN where unknown; shape ``(0,)`` where there is no such vector.
    """

    numbers: Int64Array
    open_interest: FloatArray
    is_call: BoolArray
    expiry_ns: Int64Array
    close_ns: int
    known_from_ns: int
    user: FloatArray

    def __post_init__(self) -> None:
        n = self.numbers.shape
        if not n == self.open_interest.shape == self.is_call.shape == self.expiry_ns.shape:
            raise DataError("the columns of an open interest differ in length", expected=f"shape {n}")
        if self.user.shape not in {n, (0,)}:
            raise DataError("the user's vector does not fit", found=f"shape {self.user.shape}", expected=f"shape {n}")
        if np.isinf(self.open_interest).any() or (self.open_interest < 0.0).any() or np.isinf(self.user).any():
            raise DataError("open interest is negative or infinite", expected="contracts from 0, or NaN")
        if np.unique(self.numbers).shape != n or (n[0] and int(self.numbers.min()) < 0):
            raise DataError("open interest names a contract twice", expected="each number from 0 once")
        if self.known_from_ns < self.close_ns:
            raise DataError(
                "open interest is known before the close that it counts",
                found=str(self.known_from_ns),
                expected=f"an instant from {self.close_ns}",
                action="stamp it with its publication, about 06:30 New York time",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractSplit:
    """Contracts whose terms change by a whole split: each old one becomes `ratio` new ones at 1/ratio of the strike.

    Parameters
    ----------
    ratio : int
        New shares for one old, from 2.
    old, new : ndarray of int64, shape (n_contracts,)
        Contract numbers before and after, in the same order, each once. A number may stand in both.
    known_from_ns : int
        First instant of the new terms, ns since the epoch, UTC.
    """

    ratio: int
    old: Int64Array
    new: Int64Array
    known_from_ns: int

    def __post_init__(self) -> None:
        if self.ratio != int(self.ratio) or self.ratio < 2:
            raise DataError(
                "only a whole split converts contracts",
                found=f"ratio {self.ratio}",
                expected="a whole number from 2",
                action="open a new book: other corporate actions change the deliverable, not the number of contracts",
            )
        if self.old.shape != self.new.shape or any(np.unique(x).shape != x.shape for x in (self.old, self.new)):
            raise DataError("a split does not pair contracts one to one", expected="each number once on each side")


@dataclass(frozen=True, slots=True, kw_only=True)
class DealerPosition:
    """Dealer contracts at one instant, aligned to the contracts asked for; arrays of shape ``(n_contracts,)``.

    Parameters
    ----------
    ts_ns : int
        Instant, ns since the epoch, UTC.
    contracts : ndarray
        Signed contracts, + dealer long; NaN where unknown.
    standard_error : ndarray
        Of `contracts`, in contracts; NaN where unknown.
    flow : ndarray
        Net dealer contracts of the trades since the last open interest, unbiased, before the cap.
    opening : ndarray
        Signed contracts at the close of the last open interest; NaN where unknown.
    cap : ndarray
        Most contracts that can be open: the published open interest plus all volume since.
    capped : ndarray of bool
        True where the estimate lay beyond the cap and was moved onto it.
    reason : ndarray of uint8
        `PositionReason`.
    """

    ts_ns: int
    contracts: FloatArray
    standard_error: FloatArray
    flow: FloatArray
    opening: FloatArray
    cap: FloatArray
    capped: BoolArray
    reason: NDArray[np.uint8]

    @property
    def reasons(self) -> Mapping[PositionReason, int]:
        """How many contracts stand under each reason but ``KNOWN``."""
        counts = np.bincount(self.reason, minlength=len(PositionReason)).tolist()
        return {reason: counts[reason] for reason in PositionReason if reason and counts[reason]}


@dataclass(frozen=True, slots=True, kw_only=True)
class DealerBookState:
    """All that a dealer book knows, for a restart; `DealerBook.from_state` continues it bit for bit.

    The numbers are those of the `ContractIndex` that the book's owner keeps, which has to be saved beside it.

    Parameters
    ----------
    config : DealerConfig
        Settings.
    session_end_ns : int
        Trades from here on belong to the session after.
    close_ns, known_from_ns : int
        Of the last open interest; -1 before the first.
    notes : ndarray of int64
        As in `fields.dealer.kernels.Note`.
    n_contracts : int
        Contract numbers below it are in use; the columns may have room for more.
    values : ndarray, shape (n_rows, n_columns)
        Rows as in `fields.dealer.kernels.Row`.
    expiry_ns : ndarray of int64, shape (n_columns,)
        Expiry instants; the largest int64 where not told.
    status : ndarray of uint8, shape (n_columns,)
        0, or the `PositionReason` that sticks to a contract.
    """

    config: DealerConfig
    session_end_ns: int
    close_ns: int
    known_from_ns: int
    notes: Int64Array
    n_contracts: int
    values: FloatArray
    expiry_ns: Int64Array
    status: NDArray[np.uint8]


def open_interest_record(
    index: ContractIndex,
    contracts: OptionChain | ContractTable,
    open_interest: FloatArray,
    *,
    close_ns: int,
    known_from_ns: int,
    user: FloatArray | None = None,
) -> OpenInterest:
    """Return the open interest of a chain or table as a record by contract number.

    Parameters
    ----------
    index : ContractIndex
        Gives the numbers; new contracts are registered.
    contracts : OptionChain or ContractTable
        The contracts.
    open_interest : ndarray, shape (n_contracts,)
        Contracts; NaN where not published.
    close_ns, known_from_ns : int
        See `OpenInterest`.
    user : ndarray, shape (n_contracts,), optional
        Signed dealer contracts of a ``user`` opening.

    Returns
    -------
    OpenInterest
        The record.
    """
    expiry = np.array([series.expiry_ns for series in contracts.series], dtype=np.int64)
    return OpenInterest(
        numbers=index.register(contracts),
        open_interest=np.asarray(open_interest, dtype=np.float64),
        is_call=contracts.is_call,
        expiry_ns=expiry[contracts.series_index] if expiry.shape[0] else np.zeros(0, dtype=np.int64),
        close_ns=close_ns,
        known_from_ns=known_from_ns,
        user=np.zeros(0) if user is None else np.asarray(user, dtype=np.float64),
    )


def split_table(contracts: ContractTable, ratio: int) -> ContractTable:
    """Return the contracts after a whole split: strikes divided by the ratio and rounded to the cent.

    Parameters
    ----------
    contracts : ContractTable
        Terms before the split.
    ratio : int
        New shares for one old.

    Returns
    -------
    ContractTable
        The same rows in the new terms.
    """
    strike = np.rint(contracts.strike / ratio * 100.0) / 100.0
    return ContractTable(
        series=contracts.series, series_index=contracts.series_index, strike=strike, is_call=contracts.is_call
    )
