"""Bars of one underlying and its options as a struct of arrays."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final

from market.chains import FloatArray, IntArray
from market.errors import DataError
from market.packing import PackedColumn, pack_columns, unpack_columns
from market.provenance import Provenance
from market.trades import UNDERLYING, ContractTable, Int64Array

__all__ = ["BarBatch"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BarBatch:
    """Bars of one underlying, index or perpetual, and of its options; arrays of shape ``(n_bars,)``.

    The batch takes prices as the source prints them: whether the low is the lowest is a question of quality.

    Parameters
    ----------
    symbol : str
        Underlying, index or perpetual.
    ts_event_ns : int
        Instant of the batch, ns since the epoch, UTC: the end of the newest bar or later.
    cause_id : str
        Id of the message or record that this one comes from.
    provenance : Provenance
        Source, origin and the simulated mark.
    contracts : ContractTable
        The options that `contract` points into.
    contract : ndarray of int32
        Place in `contracts`; `market.trades.UNDERLYING` for the symbol itself.
    start_ns, end_ns : ndarray of int64
        The bar holds what happened from `start_ns` up to, but not at, `end_ns`, ns since the epoch, UTC; it can be
        known at `end_ns` at the earliest. Of a daily bar: open and close of the session.
    open, high, low, close : ndarray
        Prices per unit of the underlying, or levels of an index; NaN where the source has none.
    volume : ndarray
        Contracts, or units of the underlying; NaN where the source has none, as of an index.
    vwap : ndarray
        Mean price weighted by volume; NaN where the source has none.
    n_trades : ndarray
        Number of trades; NaN where the source has none.
    """

    symbol: str
    ts_event_ns: int
    cause_id: str
    provenance: Provenance
    contracts: ContractTable
    contract: IntArray
    start_ns: Int64Array
    end_ns: Int64Array
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    vwap: FloatArray
    n_trades: FloatArray

    def __post_init__(self) -> None:
        n, known = self.contract.shape[0], self.contracts.n_contracts
        for name in _COLUMNS:
            value = getattr(self, name)
            if value.shape != (n,):
                raise _broken(f"bar array {name}", f"shape {value.shape}", f"shape ({n},)")
        if n and not (int(self.contract.min()) >= UNDERLYING and int(self.contract.max()) < known):
            raise _broken("contract", f"up to {int(self.contract.max())}", f"-1 to {known - 1}")
        if n and not int((self.end_ns - self.start_ns).min()) > 0:
            raise _broken("a bar's end", "an end at or before the start", "end_ns > start_ns")

    def __reduce__(self) -> tuple[Any, ...]:
        forms, block = pack_columns([getattr(self, name) for name in _COLUMNS])
        return _unpacked, (tuple(getattr(self, name) for name in _HEAD), forms, block)

    @property
    def n_bars(self) -> int:
        """Number of bars."""
        return int(self.contract.shape[0])


_HEAD: Final = ("symbol", "ts_event_ns", "cause_id", "provenance", "contracts")
_COLUMNS: Final = tuple(item.name for item in fields(BarBatch) if item.name not in _HEAD)


def _unpacked(head: tuple[Any, ...], forms: tuple[PackedColumn, ...], block: bytes) -> BarBatch:
    values: dict[str, Any] = dict(zip((*_HEAD, *_COLUMNS), (*head, *unpack_columns(forms, block)), strict=True))
    return BarBatch(**values)


def _broken(what: str, found: str, expected: str) -> DataError:
    return DataError(f"{what} breaks the batch", found=found, expected=expected)
