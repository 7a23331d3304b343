"""Models of the half spread around a print or a mid, for data without quotes; each named with its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from market.chains import FloatArray
from market.errors import ConfigError

__all__ = [
    "BarRangeSpread",
    "ClosingSpread",
    "FixedSpread",
    "RelativeSpread",
    "SpreadModel",
    "TickSpread",
]

_HOUR_NS: Final = 3_600e9

Prices = float | FloatArray


class SpreadModel(Protocol):
    """Half of the distance between bid and ask around a price that is not one of them."""

    @property
    def name(self) -> str:
        """What reports call it, with its numbers."""

    def half_spread(self, price: Prices, span: Prices, left_ns: Prices) -> FloatArray:
        """Return half spreads, >= 0, in the unit of the price.

        Parameters
        ----------
        price : float or ndarray, shape (n,)
            Prints or mids.
        span : float or ndarray, shape (n,)
            High less low of the bar that holds the print; NaN where there is no bar.
        left_ns : float or ndarray, shape (n,)
            Time to the expiry of an option, or to the close of the session, ns; NaN where neither ends.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedSpread:
    """The same half spread at every price; 0 is legal, and says so in its name.

    Parameters
    ----------
    half : float
        Half spread, quote currency, >= 0.
    """

    half: float = 0.0

    def __post_init__(self) -> None:
        _require(self.half, "a half spread")

    @property
    def name(self) -> str:
        """The half spread."""
        return f"half spread {self.half:g}" if self.half else "no spread: every print can be traded at"

    def half_spread(self, price: Prices, span: Prices, left_ns: Prices) -> FloatArray:  # noqa: ARG002
        """Return it for every price."""
        return np.asarray(price) * 0.0 + self.half


@dataclass(frozen=True, slots=True, kw_only=True)
class TickSpread:
    """A half spread of some ticks.

    Parameters
    ----------
    ticks : float
        Ticks of half a spread, >= 0.
    tick : float
        Smallest step of a price, > 0.
    """

    ticks: float
    tick: float

    def __post_init__(self) -> None:
        _require(self.ticks, "a number of ticks")
        _require(self.tick, "a tick")

    @property
    def name(self) -> str:
        """Ticks and tick."""
        return f"half spread {self.ticks:g} ticks of {self.tick:g}"

    def half_spread(self, price: Prices, span: Prices, left_ns: Prices) -> FloatArray:  # noqa: ARG002
        """Return it for every price."""
        return np.asarray(price) * 0.0 + self.ticks * self.tick


@dataclass(frozen=True, slots=True, kw_only=True)
class RelativeSpread:
    """A half spread in proportion to the price.

    Parameters
    ----------
    fraction : float
        Half spread over price, >= 0.
    least : float
        Smallest half spread, quote currency, >= 0.
    """

    fraction: float
    least: float = 0.0

    def __post_init__(self) -> None:
        _require(self.fraction, "a fraction")
        _require(self.least, "a half spread")

    @property
    def name(self) -> str:
        """Fraction and floor."""
        return f"half spread {self.fraction:g} of price, at least {self.least:g}"

    def half_spread(self, price: Prices, span: Prices, left_ns: Prices) -> FloatArray:  # noqa: ARG002
        """Return the fraction of each price."""
        return np.maximum(self.fraction * np.abs(price), self.least)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosingSpread:
    """A relative half spread that widens evenly over the last hours (L37).

    Parameters
    ----------
    fraction : float
        Half spread over price before it widens, >= 0.
    widest : float
        What it is multiplied by at the end, >= 1.
    hours : float
        Hours over which it widens, > 0.
    least : float
        Smallest half spread, quote currency, >= 0.
    """

    fraction: float = 0.02
    widest: float = 2.0
    hours: float = 2.0
    least: float = 0.0

    def __post_init__(self) -> None:
        _require(self.fraction, "a fraction")
        _require(self.least, "a half spread")
        if not (self.widest >= 1.0 and self.hours > 0.0):
            raise ConfigError(
                "a spread cannot widen so", found=f"x{self.widest} in {self.hours} h", expected=">= 1, > 0"
            )

    @property
    def name(self) -> str:
        """All four numbers."""
        widening = f"x{self.widest:g} over the last {self.hours:g} h"
        return f"half spread {self.fraction:g} of price, {widening}, at least {self.least:g}"

    def half_spread(self, price: Prices, span: Prices, left_ns: Prices) -> FloatArray:  # noqa: ARG002
        """Return the fraction of each price, wider near its end; not wider where nothing ends."""
        # Plain comparisons: clip and nan_to_num take longer to call than a chain takes to widen. fmax drops a NaN.
        passed = np.fmax(np.minimum(1.0 - np.asarray(left_ns) / (self.hours * _HOUR_NS), 1.0), 0.0)
        factor = 1.0 + (self.widest - 1.0) * passed
        half: FloatArray = np.maximum(self.fraction * np.abs(price) * factor, self.least)
        return half


@dataclass(frozen=True, slots=True, kw_only=True)
class BarRangeSpread:
    """A half spread of a share of the bar's range (L37: a quarter).

    Parameters
    ----------
    share : float
        Half spread over high less low, >= 0.
    least : float
        Half spread where there is no range, quote currency, >= 0.
    """

    share: float = 0.25
    least: float = 0.0

    def __post_init__(self) -> None:
        _require(self.share, "a share")
        _require(self.least, "a half spread")

    @property
    def name(self) -> str:
        """Share and floor."""
        return f"half spread {self.share:g} of the bar's range, at least {self.least:g}"

    def half_spread(self, price: Prices, span: Prices, left_ns: Prices) -> FloatArray:  # noqa: ARG002
        """Return the share of each range, the floor where there is none."""
        half: FloatArray = np.maximum(self.share * np.nan_to_num(np.asarray(span), nan=0.0), self.least)
        return half


def _require(value: float, what: str) -> None:
    if not (np.isfinite(value) and value >= 0.0):
        raise ConfigError(f"{what} of a spread model cannot be", found=str(value), expected="a finite number >= 0")
