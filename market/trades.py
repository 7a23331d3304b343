"""Trades and quotes of one underlying and its options as structs of arrays."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntFlag

import numpy as np
from numpy.typing import NDArray

from market.chains import BoolArray, FloatArray, IntArray
from market.errors import DataError
from market.instruments import ExpirySeries
from market.provenance import Provenance

__all__ = [
    "CONSOLIDATED",
    "UNDERLYING",
    "ContractTable",
    "Int8Array",
    "Int64Array",
    "QuoteBatch",
    "TradeBatch",
    "TradeFlag",
]

Int8Array = NDArray[np.int8]
Int64Array = NDArray[np.int64]

UNDERLYING = -1
"""Contract number of a trade or quote in the underlying itself."""

CONSOLIDATED = -1
"""Venue number of a national best quote, or of a trade whose venue is not told."""


class TradeFlag(IntFlag):
    """What is special about a print; 0 is a plain electronic trade."""

    NONE = 0
    AUCTION = 1  # opening, closing, price-improvement or other auction
    COMPLEX = 2  # a leg of a multi-leg order
    OUT_OF_SEQUENCE = 4  # reported late: its place in time is not known
    CANCELLED = 8  # taken back by the venue
    BAR = 16  # a bar's close and volume, not a single print
    OFF_EXCHANGE = 32  # printed away from the lit book, or against a hidden order


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractTable:
    """The option contracts that a batch speaks of; arrays of shape ``(n_contracts,)``.

    Parameters
    ----------
    series : tuple of ExpirySeries
        Expirations, in any order.
    series_index : ndarray of int32
        For each contract its place in `series`.
    strike : ndarray
        Strikes, > 0.
    is_call : ndarray of bool
        True for calls.
    """

    series: tuple[ExpirySeries, ...]
    series_index: IntArray
    strike: FloatArray
    is_call: BoolArray

    def __post_init__(self) -> None:
        n = self.strike.shape[0]
        if self.series_index.shape != (n,) or self.is_call.shape != (n,):
            raise _broken("contract table", f"{n} strikes, {self.series_index.shape[0]} series", "equal lengths")
        if n and not (int(self.series_index.min()) >= 0 and int(self.series_index.max()) < len(self.series)):
            raise _broken("series_index", f"up to {int(self.series_index.max())}", f"0 to {len(self.series) - 1}")

    @property
    def n_contracts(self) -> int:
        """Number of contracts."""
        return int(self.strike.shape[0])

    @classmethod
    def empty(cls) -> ContractTable:
        """Return the table of a batch that speaks of the underlying only."""
        return cls(
            series=(),
            series_index=np.zeros(0, dtype=np.int32),
            strike=np.zeros(0),
            is_call=np.zeros(0, dtype=np.bool_),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeBatch:
    """Trades of one underlying and its options, in order of arrival; arrays of shape ``(n_trades,)``.

    Parameters
    ----------
    symbol : str
        Underlying.
    ts_event_ns : int
        Instant of the batch, ns since the epoch, UTC: that of the newest trade or later.
    cause_id : str
        Id of the message or record that this one comes from.
    provenance : Provenance
        Source, origin and the simulated mark.
    contracts : ContractTable
        The options that `contract` points into.
    contract : ndarray of int32
        Place in `contracts`; `UNDERLYING` for the underlying.
    ts_ns : ndarray of int64
        Instant of each trade, ns since the epoch, UTC.
    trade_id : ndarray of int64
        The venue's number of the trade, by which a repeated print is known; -1 where it has none.
    price : ndarray
        Per unit of the underlying, > 0.
    size : ndarray
        Contracts, or units of the underlying, > 0.
    flags : ndarray of uint8
        `TradeFlag`.
    venue : ndarray of int16
        Number of the exchange; `CONSOLIDATED` where it is not told.
    aggressor : ndarray of int8
        +1 buyer, -1 seller, where the venue tells it; 0 where it does not.
    """

    symbol: str
    ts_event_ns: int
    cause_id: str
    provenance: Provenance
    contracts: ContractTable
    contract: IntArray
    ts_ns: Int64Array
    trade_id: Int64Array
    price: FloatArray
    size: FloatArray
    flags: NDArray[np.uint8]
    venue: NDArray[np.int16]
    aggressor: Int8Array

    def __post_init__(self) -> None:
        _check_columns(self)

    @property
    def n_trades(self) -> int:
        """Number of trades."""
        return int(self.contract.shape[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteBatch:
    """Best quotes of one underlying and its options, in order of arrival; arrays of shape ``(n_quotes,)``.

    Parameters
    ----------
    symbol : str
        Underlying.
    ts_event_ns : int
        Instant of the batch, ns since the epoch, UTC: that of the newest quote or later.
    cause_id : str
        Id of the message or record that this one comes from.
    provenance : Provenance
        Source, origin and the simulated mark.
    contracts : ContractTable
        The options that `contract` points into.
    contract : ndarray of int32
        Place in `contracts`; `UNDERLYING` for the underlying.
    ts_ns : ndarray of int64
        Instant from which each quote stands, ns since the epoch, UTC.
    bid, ask : ndarray
        Per unit of the underlying; 0 or NaN where the venue shows none.
    bid_size, ask_size : ndarray
        Contracts, or units of the underlying; NaN where not told.
    venue : ndarray of int16
        Number of the exchange; `CONSOLIDATED` for the best of all.
    """

    symbol: str
    ts_event_ns: int
    cause_id: str
    provenance: Provenance
    contracts: ContractTable
    contract: IntArray
    ts_ns: Int64Array
    bid: FloatArray
    ask: FloatArray
    bid_size: FloatArray
    ask_size: FloatArray
    venue: NDArray[np.int16]

    def __post_init__(self) -> None:
        _check_columns(self)

    @property
    def n_quotes(self) -> int:
        """Number of quotes."""
        return int(self.contract.shape[0])


def _check_columns(batch: TradeBatch | QuoteBatch) -> None:
    n = batch.contract.shape[0]
    for item in fields(batch):
        value = getattr(batch, item.name)
        if isinstance(value, np.ndarray) and value.shape != (n,):
            raise _broken(f"batch array {item.name}", f"shape {value.shape}", f"shape ({n},)")
    known = batch.contracts.n_contracts
    if n and not (int(batch.contract.min()) >= UNDERLYING and int(batch.contract.max()) < known):
        raise _broken("contract", f"up to {int(batch.contract.max())}", f"-1 to {known - 1}")


def _broken(what: str, found: str, expected: str) -> DataError:
    return DataError(f"{what} breaks the batch", found=found, expected=expected)
