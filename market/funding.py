"""Funding of one perpetual future as a struct of arrays: rates, when they are paid, mark and index prices."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from market.chains import BoolArray, FloatArray
from market.errors import DataError
from market.packing import PackedColumn, pack_columns, unpack_columns
from market.provenance import Provenance
from market.trades import Int64Array

__all__ = ["FundingBatch", "payment_intervals"]

_MINUTE_NS: Final = 60_000_000_000
# Longer distances than this between payments are gaps, unless the venue itself says that it pays less often.
_LONGEST_NS: Final = 8 * 60 * _MINUTE_NS


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingBatch:
    """What a venue says about the funding of one perpetual future, in order of arrival; arrays of shape ``(n_rows,)``.

    Parameters
    ----------
    symbol : str
        The perpetual, such as ``BTC/USDT:USDT``.
    ts_event_ns : int
        Instant of the batch, ns since the epoch, UTC: that of the newest row or later.
    cause_id : str
        Id of the message or record that this one comes from.
    provenance : Provenance
        Source, origin and the simulated mark.
    ts_ns : ndarray of int64
        Instant that each row speaks of, ns since the epoch, UTC; of a settled row the instant of payment.
    funding_ns : ndarray of int64
        Instant at which the rate is, or was, paid, ns since the epoch, UTC.
    interval_ns : ndarray of int64
        Time for which the rate is paid, ns, > 0: eight hours on most venues, but the venue's own.
    rate : ndarray
        Fraction of the notional at the mark price that longs pay to shorts for the interval; negative where shorts
        pay; NaN where the source has none.
    is_settled : ndarray of bool
        True where the rate was paid, False where it is the venue's forecast of the next payment.
    mark, index : ndarray
        Mark price of the perpetual and price of its index, quote currency per unit; NaN where the source has none.
    venue : ndarray of int16
        Number of the exchange; `market.trades.CONSOLIDATED` where it is not told.
    """

    symbol: str
    ts_event_ns: int
    cause_id: str
    provenance: Provenance
    ts_ns: Int64Array
    funding_ns: Int64Array
    interval_ns: Int64Array
    rate: FloatArray
    is_settled: BoolArray
    mark: FloatArray
    index: FloatArray
    venue: NDArray[np.int16]

    def __post_init__(self) -> None:
        n = self.ts_ns.shape[0]
        for name in _COLUMNS:
            value = getattr(self, name)
            if value.shape != (n,):
                raise DataError(
                    f"funding array {name} breaks the batch", found=f"shape {value.shape}", expected=f"shape ({n},)"
                )
        if n and not int(self.interval_ns.min()) > 0:
            raise DataError(
                "a funding interval must be a span of time",
                found=f"{int(self.interval_ns.min())} ns",
                expected="> 0 ns",
                action="read the interval from the venue, or from the distance between payments",
            )

    def __reduce__(self) -> tuple[Any, ...]:
        forms, block = pack_columns([getattr(self, name) for name in _COLUMNS])
        return _unpacked, (tuple(getattr(self, name) for name in _HEAD), forms, block)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return int(self.ts_ns.shape[0])

    @property
    def basis(self) -> FloatArray:
        """Mark price over index price less 1, shape (n_rows,); NaN where either is missing."""
        with np.errstate(divide="ignore", invalid="ignore"):
            basis: FloatArray = np.where(self.index > 0.0, self.mark / self.index - 1.0, np.nan)
        return basis

    @property
    def rate_per_year(self) -> FloatArray:
        """Rate times the intervals in a year of 365 days, shape (n_rows,): simple, not compounded."""
        yearly: FloatArray = self.rate * (_YEAR_NS / self.interval_ns)
        return yearly


_HEAD: Final = ("symbol", "ts_event_ns", "cause_id", "provenance")
_COLUMNS: Final = tuple(item.name for item in fields(FundingBatch) if item.name not in _HEAD)
_YEAR_NS: Final = 365.0 * 86_400e9


def _unpacked(head: tuple[Any, ...], forms: tuple[PackedColumn, ...], block: bytes) -> FundingBatch:
    values: dict[str, Any] = dict(zip((*_HEAD, *_COLUMNS), (*head, *unpack_columns(forms, block)), strict=True))
    return FundingBatch(**values)


def payment_intervals(ts_ns: Int64Array, *, before_ns: int, declared_ns: int) -> Int64Array:
    """Return the interval that each payment covers, from the distance to the payment before.

    Venues move perpetuals between intervals of 8, 4, 2 and 1 hours, and tell only today's: the past is in the
    distances.

    Parameters
    ----------
    ts_ns : ndarray of int64, shape (n_rows,)
        Instants of payment, rising.
    before_ns : int
        The payment before the first; 0 where it is not known.
    declared_ns : int
        Interval of today as the venue tells it; 0 where it does not.

    Returns
    -------
    ndarray of int64, shape (n_rows,)
        Whole minutes in ns. Behind a gap it is that of the next payment, else the declared one.

    Raises
    ------
    DataError
        Neither distances nor the venue tell an interval.
    """
    before = np.concatenate(([before_ns or ts_ns[0] - (1 << 61)], ts_ns[:-1]))
    # Payments are stamped some milliseconds late.
    distance = (ts_ns - before + _MINUTE_NS // 2) // _MINUTE_NS * _MINUTE_NS
    known = (distance > 0) & (distance <= max(declared_ns, _LONGEST_NS))
    found = np.where(known, distance, 0)
    following = declared_ns
    for place in range(found.shape[0] - 1, -1, -1):
        if found[place]:
            following = int(found[place])
        elif following:
            found[place] = following
        else:
            raise DataError(
                "a funding interval is not known",
                found="one payment, and no interval told by the exchange",
                expected="two payments or a declared interval",
                action="ask for a longer history",
            )
    return found.astype(np.int64)
