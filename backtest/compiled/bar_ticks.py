"""Bars in whole ticks: sums of integers are exact, so two ways to one result agree to the last digit."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import numpy as np

from market.bars import BarBatch
from market.chains import FloatArray
from market.errors import DataError
from market.trades import UNDERLYING, Int64Array

__all__ = ["BarTicks", "bar_ticks"]

# Sums of a thousand closes times another window of a thousand must fit into 64 bits.
_HIGHEST: Final = 1 << 40
# A float price lies this near to its tick: binary fractions cannot hold most decimals.
_NEAR: Final = 1e-3


@dataclass(frozen=True, slots=True, kw_only=True)
class BarTicks:
    """Opens and closes of one instrument in whole ticks; arrays of shape ``(n_bars,)``.

    Parameters
    ----------
    symbol : str
        Share, perpetual or future.
    tick : Decimal
        Price of one step, > 0.
    start_ns, end_ns : ndarray of int64
        Start and end of each bar, ns since the epoch, UTC, rising.
    open, close : ndarray of int64
        Prices in ticks, > 0.
    """

    symbol: str
    tick: Decimal
    start_ns: Int64Array
    end_ns: Int64Array
    open: Int64Array
    close: Int64Array

    @property
    def n_bars(self) -> int:
        """Number of bars."""
        return int(self.close.shape[0])


def bar_ticks(bars: BarBatch, tick: Decimal) -> BarTicks:
    """Return the bars of a batch's own symbol in whole ticks.

    Parameters
    ----------
    bars : BarBatch
        In time order; bars of options in it are left out.
    tick : Decimal
        Step of which every price is a whole number, > 0.

    Returns
    -------
    BarTicks
        Exact.

    Raises
    ------
    DataError
        A price is missing, off the grid of ticks or too large; or the bars do not rise in time.
    """
    own = bars.contract == UNDERLYING
    start, end = bars.start_ns[own], bars.end_ns[own]
    if start.shape[0] > 1 and bool((start[1:] < end[:-1]).any()):
        raise DataError(
            f"bars of {bars.symbol} overlap or go back in time",
            found=f"{int((start[1:] < end[:-1]).sum())} places",
            expected="each bar to begin at or after the end of the one before",
        )
    return BarTicks(
        symbol=bars.symbol,
        tick=tick,
        start_ns=start,
        end_ns=end,
        open=_in_ticks(bars.symbol, "open", bars.open[own], tick),
        close=_in_ticks(bars.symbol, "close", bars.close[own], tick),
    )


def _in_ticks(symbol: str, column: str, prices: FloatArray, tick: Decimal) -> Int64Array:
    exact = prices / float(tick)
    whole = np.rint(exact)
    with np.errstate(invalid="ignore"):
        good = (np.abs(exact - whole) < _NEAR) & (whole > 0.0) & (whole < _HIGHEST)
    if not good.all():
        place = int(np.argmin(good))
        raise DataError(
            f"the {column} of a bar of {symbol} is no whole number of ticks",
            row=place,
            found=f"{prices[place]} in ticks of {tick}",
            expected="a finite price above 0 on the grid",
            action="give the tick of the source, or use the event path",
        )
    return whole.astype(np.int64)
