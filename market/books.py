"""An order book as it stands: the levels of both sides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from market.chains import FloatArray
from market.errors import DataError
from market.provenance import Provenance

__all__ = ["BookSnapshot"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BookSnapshot:
    """The resting orders of one market at one instant, best level first.

    Parameters
    ----------
    symbol : str
        Underlying whose book it is, as its chain names it, such as ``BTC``.
    market : str
        The market itself, such as ``BTC/USDT:USDT``.
    ts_event_ns : int
        Instant of the book, ns since the epoch, UTC.
    cause_id : str
        Id of the message or record that this one comes from.
    provenance : Provenance
        Source, origin and the simulated mark.
    bid_price, bid_size : ndarray, shape (n_bids,)
        Falling prices, quote currency per unit of the underlying, and units of the underlying at each.
    ask_price, ask_size : ndarray, shape (n_asks,)
        Rising prices, and units at each.
    """

    symbol: str
    market: str
    ts_event_ns: int
    cause_id: str
    provenance: Provenance
    bid_price: FloatArray
    bid_size: FloatArray
    ask_price: FloatArray
    ask_size: FloatArray

    def __post_init__(self) -> None:
        for side, falls in (("bid", True), ("ask", False)):
            price, size = getattr(self, f"{side}_price"), getattr(self, f"{side}_size")
            if price.ndim != 1 or price.shape != size.shape:
                raise _broken(f"the {side} side", f"shapes {price.shape} and {size.shape}", "one price to each size")
            steps = np.diff(price)
            if not ((price > 0.0).all() and (size > 0.0).all() and ((steps < 0.0) if falls else (steps > 0.0)).all()):
                order = "falling" if falls else "rising"
                raise _broken(f"the {side} side", "levels out of order, or empty ones", f"{order} prices, sizes > 0")

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpacked, tuple(getattr(self, name) for name in _FIELDS)


_FIELDS: Final = tuple(BookSnapshot.__dataclass_fields__)


def _unpacked(*values: Any) -> BookSnapshot:
    return BookSnapshot(**dict(zip(_FIELDS, values, strict=True)))


def _broken(what: str, found: str, expected: str) -> DataError:
    return DataError(f"{what} of a book breaks it", found=found, expected=expected, action="build the book anew")
