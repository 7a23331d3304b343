"""Trades and quotes of one underlying and its options as structs of arrays."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from enum import IntFlag
from functools import lru_cache
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from market.chains import BoolArray, FloatArray, IntArray
from market.errors import DataError
from market.instruments import ExpirySeries
from market.packing import PackedColumn, pack_columns, unpack_columns
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
    "concatenate",
    "select",
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

    def __reduce__(self) -> tuple[Any, ...]:
        columns = (self.series_index, self.strike, self.is_call)
        return _unpacked_table, (_pickled_series(self.series), *pack_columns(list(columns)))

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

    def __reduce__(self) -> tuple[Any, ...]:
        return _packed(self)

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

    def __reduce__(self) -> tuple[Any, ...]:
        return _packed(self)

    @property
    def n_quotes(self) -> int:
        """Number of quotes."""
        return int(self.contract.shape[0])


Batch = TypeVar("Batch", bound="TradeBatch | QuoteBatch")
_HEAD = ("symbol", "ts_event_ns", "cause_id", "provenance", "contracts")
_COLUMNS: dict[type, tuple[str, ...]] = {
    kind: tuple(item.name for item in fields(kind) if item.name not in _HEAD) for kind in (TradeBatch, QuoteBatch)
}


def select(batch: Batch, rows: NDArray[Any] | slice) -> Batch:
    """Return some rows of a batch, with the contracts that they speak of.

    Parameters
    ----------
    batch : TradeBatch or QuoteBatch
        The batch.
    rows : ndarray of int or bool, or slice
        Which rows, in which order.

    Returns
    -------
    TradeBatch or QuoteBatch
        With `ts_event_ns` unchanged; its contracts keep their order, and those that no row names are left out.
    """
    columns = {name: getattr(batch, name)[rows] for name in _COLUMNS[type(batch)]}
    used = np.zeros(batch.contracts.n_contracts, dtype=np.bool_)
    options = columns["contract"] != UNDERLYING
    used[columns["contract"][options]] = True
    place = np.cumsum(used, dtype=np.int32) - 1
    columns["contract"] = columns["contract"].copy()
    columns["contract"][options] = place[columns["contract"][options]]
    return replace(batch, contracts=_chosen(batch.contracts, used), **columns)


def concatenate(batches: Sequence[Batch]) -> Batch:
    """Return batches of one underlying as one, in the order given.

    Parameters
    ----------
    batches : sequence of TradeBatch or of QuoteBatch
        At least one, of one symbol.

    Returns
    -------
    TradeBatch or QuoteBatch
        With the newest `ts_event_ns`, and cause and provenance of the last batch; simulated where any is. A contract
        that several batches name may stand several times in its table.
    """
    if len({batch.symbol for batch in batches}) != 1:
        raise _broken("the symbols", str(sorted({batch.symbol for batch in batches})), "batches of one underlying")
    last = batches[-1]
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(batch, name) for batch in batches]) for name in _COLUMNS[type(last)]
    }
    tables = [batch.contracts for batch in batches]
    starts = np.cumsum([0] + [table.n_contracts for table in tables])[:-1]
    shift = np.repeat(starts, [batch.contract.shape[0] for batch in batches]).astype(np.int32)
    columns["contract"] = np.where(columns["contract"] == UNDERLYING, UNDERLYING, columns["contract"] + shift)
    columns["contract"] = columns["contract"].astype(np.int32)
    return replace(
        last,
        ts_event_ns=max(batch.ts_event_ns for batch in batches),
        provenance=replace(last.provenance, simulated=any(batch.provenance.simulated for batch in batches)),
        contracts=_joined(tables),
        **columns,
    )


def _chosen(table: ContractTable, used: BoolArray) -> ContractTable:
    if used.all():
        return table
    kept, index = np.unique(table.series_index[used], return_inverse=True)
    return ContractTable(
        series=tuple(table.series[place] for place in kept.tolist()),
        series_index=index.astype(np.int32),
        strike=table.strike[used],
        is_call=table.is_call[used],
    )


def _joined(tables: list[ContractTable]) -> ContractTable:
    if len(tables) == 1:
        return tables[0]
    place: dict[ExpirySeries, int] = {}
    codes = [[place.setdefault(series, len(place)) for series in table.series] for table in tables]
    index = [np.array(code, dtype=np.int32)[table.series_index] for code, table in zip(codes, tables, strict=True)]
    return ContractTable(
        series=tuple(place),
        series_index=np.concatenate(index).astype(np.int32),
        strike=np.concatenate([table.strike for table in tables]),
        is_call=np.concatenate([table.is_call for table in tables]),
    )


@lru_cache(maxsize=4096)
def _pickled_series(series: tuple[ExpirySeries, ...]) -> bytes:
    return pickle.dumps(series, protocol=5)


@lru_cache(maxsize=4096)
def _series(pickled: bytes) -> tuple[ExpirySeries, ...]:
    found: tuple[ExpirySeries, ...] = pickle.loads(pickled)  # noqa: S301  # inside a pickle already
    return found


@lru_cache(maxsize=2048)  # a source names the same contracts again and again, and who numbers them knows a table again
def _unpacked_table(series: bytes, forms: tuple[PackedColumn, ...], block: bytes) -> ContractTable:
    index, strike, is_call = unpack_columns(forms, block)
    return ContractTable(series=_series(series), series_index=index, strike=strike, is_call=is_call)


def _packed(batch: TradeBatch | QuoteBatch) -> tuple[Any, ...]:
    # Thousands of small batches travel each second: one block of packed columns instead of eight arrays.
    forms, block = pack_columns([getattr(batch, name) for name in _COLUMNS[type(batch)]])
    return _unpacked, (type(batch), tuple(getattr(batch, name) for name in _HEAD), forms, block)


def _unpacked(
    kind: type[TradeBatch | QuoteBatch], head: tuple[Any, ...], forms: tuple[PackedColumn, ...], block: bytes
) -> TradeBatch | QuoteBatch:
    made: Any = object.__new__(kind)  # its parts were checked when the batch was made
    for name, value in zip((*_HEAD, *_COLUMNS[kind]), (*head, *unpack_columns(forms, block)), strict=True):
        object.__setattr__(made, name, value)
    return cast("TradeBatch | QuoteBatch", made)


def _check_columns(batch: TradeBatch | QuoteBatch) -> None:
    n = batch.contract.shape[0]
    for name in _COLUMNS[type(batch)]:
        value = getattr(batch, name)
        if value.shape != (n,):
            raise _broken(f"batch array {name}", f"shape {value.shape}", f"shape ({n},)")
    known = batch.contracts.n_contracts
    if n and not (int(batch.contract.min()) >= UNDERLYING and int(batch.contract.max()) < known):
        raise _broken("contract", f"up to {int(batch.contract.max())}", f"-1 to {known - 1}")


def _broken(what: str, found: str, expected: str) -> DataError:
    return DataError(f"{what} breaks the batch", found=found, expected=expected)
