"""What flow is told and what it tells: trades, quotes, Greeks and levels in, one record a minute out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np

from fields.flow.features import FlowColumn
from market.chains import BoolArray, FloatArray
from market.errors import DataError
from market.trades import Int8Array, Int64Array

__all__ = [
    "FieldLevels",
    "FlowCounts",
    "FlowMinute",
    "GreeksTable",
    "OptionTrades",
    "StreamCounts",
    "UnderlyingQuotes",
    "UnderlyingTrades",
]

# Up to this many possible numbers for each contract a mark for every number is cheaper than a sort.
_DENSE = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionTrades:
    """Signed trades of options in order of arrival; arrays of shape ``(n_trades,)``.

    Parameters
    ----------
    number : ndarray of int64
        Contract numbers of `market.contracts.ContractIndex`.
    is_call : ndarray of bool
        True for calls.
    multiplier : ndarray
        Units of the underlying per contract.
    ts_ns : ndarray of int64
        Instants, ns since the epoch, UTC.
    price : ndarray
        Per unit of the underlying, USD.
    size : ndarray
        Contracts.
    aggressor : ndarray of int8
        +1 buyer, -1 seller, 0 unknown.
    probability : ndarray
        That `aggressor` is right; 1 where the venue tells it, NaN where it is not known.
    """

    number: Int64Array
    is_call: BoolArray
    multiplier: FloatArray
    ts_ns: Int64Array
    price: FloatArray
    size: FloatArray
    aggressor: Int8Array
    probability: FloatArray

    def __post_init__(self) -> None:
        _require_one_length(self)
        _require_sides(self)
        if self.number.shape[0] and int(self.number.min()) < 0:
            raise DataError(
                "an option trade has no contract number",
                found=str(int(self.number.min())),
                expected="0 or more",
                action="register the contract first",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderlyingTrades:
    """Signed trades of the underlying in order of arrival; arrays of shape ``(n_trades,)``.

    Parameters
    ----------
    ts_ns : ndarray of int64
        Instants, ns since the epoch, UTC.
    price : ndarray
        USD.
    size : ndarray
        Units of the underlying.
    aggressor : ndarray of int8
        +1 buyer, -1 seller, 0 unknown.
    probability : ndarray
        As in `OptionTrades`.
    """

    ts_ns: Int64Array
    price: FloatArray
    size: FloatArray
    aggressor: Int8Array
    probability: FloatArray

    def __post_init__(self) -> None:
        _require_one_length(self)
        _require_sides(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderlyingQuotes:
    """Best quotes of the underlying in order of arrival; arrays of shape ``(n_quotes,)``.

    Parameters
    ----------
    ts_ns : ndarray of int64
        Instant from which each quote stands, ns since the epoch, UTC.
    bid, ask : ndarray
        USD; 0 or NaN where there is none.
    bid_size, ask_size : ndarray
        Units of the underlying; NaN where not told.
    """

    ts_ns: Int64Array
    bid: FloatArray
    ask: FloatArray
    bid_size: FloatArray
    ask_size: FloatArray

    def __post_init__(self) -> None:
        _require_one_length(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class GreeksTable:
    """Contracts at the end of a minute; arrays of shape ``(n_contracts,)``, each contract once.

    Parameters
    ----------
    number : ndarray of int64
        Contract numbers.
    delta, gamma : ndarray
        Per unit of the underlying; NaN where unknown.
    multiplier : ndarray
        Units of the underlying per contract.
    strike : ndarray
        USD.
    is_call : ndarray of bool
        True for calls.
    open_interest : ndarray
        Contracts at the previous close; NaN where unknown.
    spot : float
        Price of the underlying that the Greeks belong to, USD; NaN where unknown.
    """

    number: Int64Array
    delta: FloatArray
    gamma: FloatArray
    multiplier: FloatArray
    strike: FloatArray
    is_call: BoolArray
    open_interest: FloatArray
    spot: float

    def __post_init__(self) -> None:
        _require_one_length(self)
        if self.spot <= 0.0 or self.spot == np.inf:
            raise DataError("spot cannot be a price", found=f"{self.spot:g}", expected="above 0, or NaN where unknown")
        if not self.number.shape[0]:
            return
        if int(self.number.min()) < 0:
            raise DataError("a contract has no number", found=str(int(self.number.min())), expected="0 or more")
        if _stands_twice(self.number):
            raise DataError(
                "a contract stands twice in the table of Greeks", found="a repeated number", expected="once"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldLevels:
    """Levels of the dealer field as of a minute's end, or earlier; NaN where there is none.

    Parameters
    ----------
    zero_gamma, zero_delta : float
        Roots nearest to spot of the re-evaluated dealer gamma and delta, USD.
    positive_wall, negative_wall : float
        Strikes with the largest positive and negative dealer gamma, USD.
    reasons : Mapping of str to str
        Why a level is missing, by the names above.
    """

    zero_gamma: float
    zero_delta: float
    positive_wall: float
    negative_wall: float
    reasons: Mapping[str, str]

    @classmethod
    def missing(cls, reason: str) -> Self:
        """Return levels that are all missing for one reason."""
        nan = float("nan")
        names = ("zero_gamma", "zero_delta", "positive_wall", "negative_wall")
        return cls(
            zero_gamma=nan, zero_delta=nan, positive_wall=nan, negative_wall=nan, reasons=dict.fromkeys(names, reason)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowMinute:
    """The record of one minute, true at its end from what came strictly before it.

    Parameters
    ----------
    minute_end_ns : int
        End of the minute, ns since the epoch, UTC.
    values : ndarray, shape (n_columns,)
        Readings by `FlowColumn`, in the units of `FLOW_FEATURES`; NaN where missing.
    reasons : Mapping of str to str
        Why a reading is missing, by its name.
    """

    minute_end_ns: int
    values: FloatArray
    reasons: Mapping[str, str]

    def value(self, column: FlowColumn) -> float:
        """Return one reading."""
        return float(self.values[column])


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamCounts:
    """What happened to the rows of one stream in this session.

    Parameters
    ----------
    accepted : int
        Rows that were taken into their minute, or wait for it to close.
    late : int
        Rows whose minute was closed already.
    outside : int
        Rows before the open or from the close on.
    broken : int
        Trades whose price or size is not a positive number.
    refused : int
        Rows beyond the limit of what may wait.
    """

    accepted: int = 0
    late: int = 0
    outside: int = 0
    broken: int = 0
    refused: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowCounts:
    """What happened to the rows of this session.

    Parameters
    ----------
    option_trades, underlying_trades, underlying_quotes : StreamCounts
        By stream.
    """

    option_trades: StreamCounts
    underlying_trades: StreamCounts
    underlying_quotes: StreamCounts


def _stands_twice(number: Int64Array) -> bool:
    """Tell whether a number stands twice; chains number their contracts densely, which spares a sort."""
    size, highest = number.shape[0], int(number.max())
    if highest < _DENSE * size:
        seen = np.zeros(highest + 1, dtype=np.bool_)
        seen[number] = True
        return bool(np.count_nonzero(seen) < size)
    ordered = np.sort(number)
    return bool((ordered[1:] == ordered[:-1]).any())


def _require_sides(trades: OptionTrades | UnderlyingTrades) -> None:
    if not trades.ts_ns.shape[0]:
        return
    low, high = np.fmin.reduce(trades.probability), np.fmax.reduce(trades.probability)
    if low < 0.0 or high > 1.0:
        raise DataError("a side has no probability", found=f"{low:g} to {high:g}", expected="0 to 1, or NaN")
    if np.abs(trades.aggressor).max() > 1:
        raise DataError("an aggressor is no sign", found=f"up to {np.abs(trades.aggressor).max()}", expected="-1, 0, 1")


def _require_one_length(message: OptionTrades | UnderlyingTrades | UnderlyingQuotes | GreeksTable) -> None:
    lengths = {name: getattr(message, name).shape for name in message.__slots__ if name != "spot"}
    if len(set(lengths.values())) > 1:
        raise DataError(
            f"the arrays of {type(message).__name__} do not fit each other",
            found=", ".join(f"{name} {shape}" for name, shape in lengths.items()),
            expected="one length",
        )
