"""Which bars a feature may reckon with: a price that is not one, or a range at odds with itself, is missing."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from math import inf, nan
from typing import Final

import numpy as np

from market.chains import BoolArray, FloatArray
from market.errors import DataError
from strategies.features.feature import Bar
from strategies.views import BarWindow

__all__ = ["Need", "price_of", "prices_of", "require_float64", "serving", "serving_rows", "volume_of", "volumes_of"]


class Need(Enum):
    """What a feature reads of a bar."""

    CLOSE = "close"
    RANGE = "high, low and close"
    TRADED = "high, low, close and volume"


def require_float64(bars: BarWindow) -> None:
    """Refuse columns of another kind, whose last digits would be of no account.

    Parameters
    ----------
    bars : BarWindow
        Bars.

    Raises
    ------
    DataError
        A column is not of float64.
    """
    for name in ("open", "high", "low", "close", "volume"):
        kind = getattr(bars, name).dtype
        if kind != np.float64:
            raise DataError(
                f"the {name} of bars is of another kind than numbers are here",
                found=str(kind),
                expected="float64",
                action="read the source's own digits as float64",
            )


def prices_of(values: FloatArray) -> FloatArray:
    """Return prices with NaN for what cannot be one.

    Parameters
    ----------
    values : ndarray
        Prices or levels; 0, below 0, and not finite stand for missing.

    Returns
    -------
    ndarray
        Of the same shape.
    """
    return np.where((values > 0.0) & (values < inf), values, nan)


def price_of(value: float) -> float:
    """Return a price, NaN where it cannot be one; `prices_of` for one number."""
    return value if 0.0 < value < inf else nan


def volumes_of(values: FloatArray) -> FloatArray:
    """Return volumes with NaN for what cannot be one.

    Parameters
    ----------
    values : ndarray
        Units; below 0 and not finite stand for missing, 0 is a volume.

    Returns
    -------
    ndarray
        Of the same shape.
    """
    return np.where((values >= 0.0) & (values < inf), values, nan)


def volume_of(value: float) -> float:
    """Return a volume, NaN where it cannot be one; `volumes_of` for one number."""
    return value if 0.0 <= value < inf else nan


def serving_rows(bars: BarWindow, need: Need) -> BoolArray:
    """Return which bars have what a feature reads.

    Parameters
    ----------
    bars : BarWindow
        Bars.
    need : Need
        What it reads.

    Returns
    -------
    ndarray of bool, shape (n_bars,)
        False where a price is not finite or not above 0, where ``low <= close <= high`` does not hold, or where a
        volume is below 0 or not finite.
    """
    found = (bars.close > 0.0) & (bars.close < inf)
    if need is not Need.CLOSE:
        found &= (bars.low > 0.0) & (bars.low <= bars.close) & (bars.close <= bars.high) & (bars.high < inf)
    if need is Need.TRADED:
        found &= (bars.volume >= 0.0) & (bars.volume < inf)
    return found


def serving(need: Need) -> Callable[[Bar], bool]:
    """Return the question whether one bar has what a feature reads: `serving_rows` bar by bar.

    Parameters
    ----------
    need : Need
        What it reads.

    Returns
    -------
    callable
        From a bar to the answer.
    """
    return _QUESTIONS[need]


def _has_close(bar: Bar) -> bool:
    return 0.0 < bar.close < inf


def _has_range(bar: Bar) -> bool:
    return 0.0 < bar.low <= bar.close <= bar.high < inf


def _has_volume(bar: Bar) -> bool:
    return 0.0 < bar.low <= bar.close <= bar.high < inf and 0.0 <= bar.volume < inf


_QUESTIONS: Final[dict[Need, Callable[[Bar], bool]]] = {
    Need.CLOSE: _has_close,
    Need.RANGE: _has_range,
    Need.TRADED: _has_volume,
}
