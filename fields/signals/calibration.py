"""From a signal's strength to a probability, by a map that was fitted elsewhere on earlier data."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, isfinite
from typing import final

import numpy as np

from fields.signals.messages import SignalKind
from market.chains import FloatArray
from market.errors import DataError

__all__ = ["Calibration", "IsotonicMap", "PlattMap"]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class PlattMap:
    """Logistic map ``1 / (1 + exp(-(intercept + slope s)))`` of the absolute strength s.

    Parameters
    ----------
    intercept, slope : float
        Coefficients.
    """

    intercept: float
    slope: float

    def __post_init__(self) -> None:
        if not (isfinite(self.intercept) and isfinite(self.slope)):
            raise DataError("a logistic map needs numbers", found=f"{self.intercept}, {self.slope}", expected="finite")

    def probability(self, strength: float) -> float:
        """Return the probability at an absolute strength."""
        x = self.intercept + self.slope * strength
        # Written so that neither exponential overflows.
        return 1.0 / (1.0 + exp(-x)) if x >= 0.0 else exp(x) / (1.0 + exp(x))


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class IsotonicMap:
    """Monotone map, linear between knots and flat beyond them.

    Parameters
    ----------
    strength : ndarray, shape (n_knots,)
        Absolute strengths, rising.
    chance : ndarray, shape (n_knots,)
        Probabilities, not falling.
    """

    strength: FloatArray
    chance: FloatArray

    def __post_init__(self) -> None:
        fits = self.strength.shape == self.chance.shape and self.strength.ndim == 1 and self.strength.size > 0
        if not (fits and (np.diff(self.strength) > 0.0).all() and (np.diff(self.chance) >= 0.0).all()):
            raise DataError(
                "an isotonic map must rise", found=f"{self.strength.size} knots", expected="rising strengths, monotone"
            )
        if not (self.chance[0] >= 0.0 and self.chance[-1] <= 1.0 and np.isfinite(self.strength).all()):
            raise DataError("an isotonic map must hold probabilities", found="others", expected="0 to 1")

    def probability(self, strength: float) -> float:
        """Return the probability at an absolute strength."""
        return float(np.interp(strength, self.strength, self.chance))


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """A fitted map with what it was fitted on.

    Parameters
    ----------
    kind : SignalKind
        Signal that it belongs to.
    curve : IsotonicMap or PlattMap
        Probability that the direction is right, by absolute strength.
    n : int
        Signals behind it.
    brier : float
        Mean squared error of its probabilities out of sample.
    fitted_until_ns : int
        End of the data that it knows, ns UTC; it is not used before.
    """

    kind: SignalKind
    curve: IsotonicMap | PlattMap
    n: int
    brier: float
    fitted_until_ns: int

    def __post_init__(self) -> None:
        if self.n < 1 or not 0.0 <= self.brier <= 1.0:
            raise DataError(
                "a calibration needs signals and a score",
                found=f"n {self.n}, brier {self.brier}",
                expected="n >= 1, 0 to 1",
            )
