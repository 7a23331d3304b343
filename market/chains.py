"""Option chains as a struct of arrays."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from enum import StrEnum
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from market.errors import DataError
from market.instruments import ExpirySeries
from market.packing import PackedColumn, pack_columns, unpack_columns
from market.provenance import Provenance

__all__ = ["BoolArray", "DropReason", "FloatArray", "IntArray", "OptionChain"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int32]
BoolArray = NDArray[np.bool_]


class DropReason(StrEnum):
    """Why a contract that was read is not used; every dropped contract is counted under one reason."""

    # at the adapter: the row cannot be a contract
    BAD_ROW = "bad_row"  # a field that must be a number, date or symbol is not
    BAD_STRIKE = "bad_strike"  # zero, negative or not finite
    NEGATIVE_PRICE = "negative_price"
    DUPLICATE = "duplicate"  # the same contract stood in the snapshot before
    NON_STANDARD = "non_standard"  # adjusted or foreign deliverable
    # in the field: the contract cannot be valued
    EXPIRED = "expired"
    CROSSED = "crossed"  # bid above ask, and no other volatility
    ZERO_BID = "zero_bid"  # no bid, and no other volatility
    NO_QUOTE = "no_quote"  # neither side, and no other volatility
    OUTSIDE_BOUNDS = "outside_bounds"  # price outside the no-arbitrage bounds, and no other volatility
    NO_FORWARD = "no_forward"  # its expiry has no forward
    NO_POSITION = "no_position"  # open interest (or the position vector) is missing


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionChain:
    """All contracts of one underlying at one instant.

    Every array has shape ``(n_contracts,)``; a missing value is NaN. Prices are in units of the quote currency (USD)
    per unit of the underlying; a venue that quotes in coin is converted by its adapter.

    Parameters
    ----------
    symbol : str
        Underlying, such as ``SPX``.
    session : datetime.date
        Trading session that the snapshot belongs to.
    ts_event_ns : int
        As-of instant of the snapshot, ns since the epoch, UTC.
    cause_id : str
        Id of the message or record that this one comes from.
    provenance : Provenance
        Source, origin and the simulated mark.
    series : tuple of ExpirySeries
        The expirations, in order of `expiry_ns` and root.
    series_index : ndarray of int32
        For each contract its place in `series`.
    strike : ndarray
        Strikes, > 0.
    is_call : ndarray of bool
        True for calls.
    bid, ask, last : ndarray
        Quotes and last trade per unit of the underlying; 0 means that the venue shows no bid (or ask).
    open_interest, volume : ndarray
        Contracts; open interest is that of the previous close.
    bid_size, ask_size : ndarray
        Contracts.
    vendor_iv, vendor_delta, vendor_gamma : ndarray
        As published, annualised fraction and per unit; NaN where absent.
    quote_ts_ns : ndarray of int64
        Instant of each quote, ns since the epoch, UTC; the snapshot's own instant where the source has none.
    symbols : ndarray of bytes, shape (n_contracts,) or (0,)
        Contract symbols (OCC style); empty where the source has none.
    vendor_forward : ndarray, shape (n_series,)
        Forward that the venue publishes per expiration, such as Deribit's underlying price; NaN where absent.
    spot_last, spot_bid, spot_ask : float
        Underlying as printed; NaN where absent. It may be staler or fresher than the quotes.
    spot_ts_ns : int
        Instant of the printed underlying; `ts_event_ns` where the source has none.
    n_read : int
        Contracts that the source held.
    dropped : mapping of DropReason to int
        Contracts that the adapter left out, by reason; ``n_read == len(strike) + sum(dropped)``.
    """

    symbol: str
    session: date
    ts_event_ns: int
    cause_id: str
    provenance: Provenance
    series: tuple[ExpirySeries, ...]
    series_index: IntArray
    strike: FloatArray
    is_call: BoolArray
    bid: FloatArray
    ask: FloatArray
    last: FloatArray
    open_interest: FloatArray
    volume: FloatArray
    bid_size: FloatArray
    ask_size: FloatArray
    vendor_iv: FloatArray
    vendor_delta: FloatArray
    vendor_gamma: FloatArray
    quote_ts_ns: NDArray[np.int64]
    symbols: NDArray[np.bytes_]
    vendor_forward: FloatArray
    spot_last: float
    spot_bid: float
    spot_ask: float
    spot_ts_ns: int
    n_read: int
    dropped: Mapping[DropReason, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n = self.strike.shape[0]
        for name in _BY_CONTRACT:
            if getattr(self, name).shape != (n,):
                raise _broken(f"chain array {name}", f"shape {getattr(self, name).shape}", f"shape ({n},)")
        if self.symbols.shape not in {(0,), (n,)}:
            raise _broken("chain array symbols", f"shape {self.symbols.shape}", f"shape ({n},) or (0,)")
        if self.vendor_forward.shape != (len(self.series),):
            raise _broken("chain array vendor_forward", f"{self.vendor_forward.shape}", f"({len(self.series)},)")
        if n and not (int(self.series_index.min()) >= 0 and int(self.series_index.max()) < len(self.series)):
            raise _broken("series_index", f"up to {int(self.series_index.max())}", f"0 to {len(self.series) - 1}")
        if n and not (self.strike.min() > 0.0 and self.strike.max() < np.inf):  # nor where one is NaN
            raise _broken("strike", "a strike that is not above 0", "finite strikes above 0")
        if self.n_read != n + sum(self.dropped.values()):
            raise _broken("contract counts", f"{self.n_read} read", f"{n} kept + {sum(self.dropped.values())} dropped")

    def __reduce__(self) -> tuple[Any, ...]:
        # A chain is sent once a second per symbol: a block of packed columns is a fifth of sixteen pickled arrays.
        forms, block = pack_columns([getattr(self, name) for name in _COLUMNS])
        return _unpickled, (tuple(getattr(self, name) for name in _REST), _pickled_series(self.series), forms, block)

    def without_symbols(self) -> OptionChain:
        """Return the chain without contract symbols, which are a fifth of its bytes and which no field needs."""
        if not self.symbols.size:
            return self
        return self.updated({"symbols": _NO_SYMBOLS})

    def updated(self, parts: Mapping[str, Any]) -> OptionChain:
        """Return the chain with other quotes, instants or prices of the underlying.

        Parameters
        ----------
        parts : mapping of str to object
            By field name; an array must have the shape and type of the one that it replaces.

        Returns
        -------
        OptionChain
            Its contracts are those of this one, and are not checked again.
        """
        return _made({name: getattr(self, name) for name in _NAMES} | dict(parts))

    @property
    def n_contracts(self) -> int:
        """Number of contracts that the adapter kept."""
        return int(self.strike.shape[0])

    @property
    def expiry_ns(self) -> NDArray[np.int64]:
        """Expiry instant of each series, ns, shape (n_series,)."""
        return np.array([s.expiry_ns for s in self.series], dtype=np.int64)

    @property
    def multiplier(self) -> FloatArray:
        """Contract multiplier of each series, shape (n_series,)."""
        return np.array([s.product.multiplier for s in self.series], dtype=np.float64)


_NO_SYMBOLS = np.zeros(0, dtype="S1")
_NAMES = tuple(item.name for item in fields(OptionChain))
_COLUMNS = tuple(item.name for item in fields(OptionChain) if "NDArray" in str(item.type) or "Array" in str(item.type))
_BY_CONTRACT = tuple(name for name in _COLUMNS if name not in {"vendor_forward", "symbols"})
_REST = tuple(item.name for item in fields(OptionChain) if item.name not in {*_COLUMNS, "series"})
_PACKED = (*_REST, *_COLUMNS, "series")


@lru_cache(maxsize=4096)
def _pickled_series(series: tuple[ExpirySeries, ...]) -> bytes:
    return pickle.dumps(series, protocol=5)


@lru_cache(maxsize=4096)
def _series(pickled: bytes) -> tuple[ExpirySeries, ...]:
    found: tuple[ExpirySeries, ...] = pickle.loads(pickled)  # noqa: S301  # inside a pickle already
    return found


def _unpickled(rest: tuple[Any, ...], series: bytes, forms: tuple[PackedColumn, ...], block: bytes) -> OptionChain:
    values: dict[str, Any] = dict(zip(_PACKED, (*rest, *unpack_columns(forms, block), _series(series)), strict=True))
    return _made(values)


def _made(values: Mapping[str, Any]) -> OptionChain:
    """Return a chain of parts of another one, which were checked when that was made."""
    made = object.__new__(OptionChain)
    for name in _NAMES:
        object.__setattr__(made, name, values[name])
    return made


def _broken(what: str, found: str, expected: str) -> DataError:
    return DataError(f"{what} breaks the option chain", found=found, expected=expected)
