"""Bars that cannot be what they claim to be: counted where a run can go on, refused where it cannot."""

from __future__ import annotations

from typing import Final

import numpy as np

from market.bars import BarBatch
from market.clock import iso_of_ns
from market.errors import DataError

__all__ = ["bars_at_odds", "bars_without_price", "require_money"]

# Beyond it a product of price and quantity leaves the digits of the ledger; no share, index or coin comes near.
_LARGEST: Final = 1e12


def bars_without_price(batch: BarBatch) -> int:
    """Return how many bars have no close, or one that is not above 0.

    Parameters
    ----------
    batch : BarBatch
        Bars.

    Returns
    -------
    int
        Such a bar tells nothing: nobody trades at it, and no mark and no settlement comes of it.
    """
    return int(np.count_nonzero(~(batch.close > 0.0)))


def bars_at_odds(batch: BarBatch) -> int:
    """Return how many bars have a high below another of their prices, or a low above one.

    Parameters
    ----------
    batch : BarBatch
        Bars.

    Returns
    -------
    int
        Bars with a close above 0 alone; a missing high or low is no contradiction, as some sources have closes alone.
    """
    high, low = np.fmax(batch.open, batch.close), np.fmin(batch.open, batch.close)
    return int(np.count_nonzero((batch.close > 0.0) & ((batch.high < high) | (batch.low > low))))


def require_money(batch: BarBatch) -> None:
    """Refuse prices that no ledger can hold.

    Parameters
    ----------
    batch : BarBatch
        Bars.

    Raises
    ------
    DataError
        A price is infinite or beyond 1e12.
    """
    for name in ("open", "high", "low", "close"):
        rows = np.flatnonzero(np.abs(getattr(batch, name)) > _LARGEST)
        if rows.size:
            row = int(rows[0])
            raise DataError(
                f"the {name} of a bar cannot be a price",
                path=batch.provenance.origin,
                found=f"{float(getattr(batch, name)[row]):g} of {batch.symbol} at {iso_of_ns(int(batch.end_ns[row]))}",
                expected=f"up to {_LARGEST:g}",
                action="check the column and its unit",
            )
