"""Membership functions: how far a number belongs to what a factor asks for, from 0 to 1."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import exp, inf, isfinite, isnan
from typing import Protocol

from market.errors import ConfigError

__all__ = ["Crossover", "Family", "Gaussian", "Linear", "Membership", "Trapezoid"]

# Beyond it a logistic is 0 or 1 in double precision, and exp would overflow.
_SATURATED = 700.0


class Family(StrEnum):
    """Which membership function of a factor is read."""

    TRAPEZOID = "trapezoid"
    GAUSSIAN = "gaussian"
    LINEAR = "linear"
    CROSSOVER = "crossover"


class Membership(Protocol):
    """A function into [0, 1] with its slope; frozen, so that a sweep can vary its numbers."""

    def value(self, x: float) -> float:
        """Return the membership of a finite number."""

    def slope(self, x: float) -> float:
        """Return its derivative, per unit of the number; at a kink the sub-gradient 0."""

    def has_kink(self, x: float) -> bool:
        """Tell whether the derivative does not exist there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trapezoid:
    """1 on a plateau, falling in a straight line to 0 on both sides.

    Parameters
    ----------
    zero_low, one_low, one_high, zero_high : float
        Corners, not falling. The two lower ones are ``-inf`` where it never falls towards low numbers, the two upper
        ones ``inf`` where it never falls towards high ones. A foot on its own shoulder is a step: 1 on it, 0 beyond.

    Raises
    ------
    ConfigError
        The corners fall, one is NaN, or one of a pair alone is infinite.
    """

    zero_low: float
    one_low: float
    one_high: float
    zero_high: float

    def __post_init__(self) -> None:
        corners = (self.zero_low, self.one_low, self.one_high, self.zero_high)
        rises = self.zero_low <= self.one_low <= self.one_high <= self.zero_high
        low = isfinite(self.zero_low) == isfinite(self.one_low) and self.one_low < inf
        high = isfinite(self.one_high) == isfinite(self.zero_high) and self.one_high > -inf
        if not (rises and low and high):
            raise ConfigError(
                "a trapezoid cannot have these corners",
                found=", ".join(f"{corner:g}" for corner in corners),
                expected="four that do not fall; the lower two both -inf, or the upper two both inf, or none",
            )

    def value(self, x: float) -> float:
        """Return the membership of a finite number."""
        if x < self.one_low:
            return 0.0 if x <= self.zero_low else (x - self.zero_low) / (self.one_low - self.zero_low)
        if x > self.one_high:
            return 0.0 if x >= self.zero_high else (self.zero_high - x) / (self.zero_high - self.one_high)
        return 1.0

    def slope(self, x: float) -> float:
        """Return its derivative, per unit of the number; 0 at the four corners."""
        if self.zero_low < x < self.one_low:
            return 1.0 / (self.one_low - self.zero_low)
        if self.one_high < x < self.zero_high:
            return -1.0 / (self.zero_high - self.one_high)
        return 0.0

    def has_kink(self, x: float) -> bool:
        """Tell whether the number is a corner."""
        return x in {self.zero_low, self.one_low, self.one_high, self.zero_high}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gaussian:
    """``exp(-d**2 / 2)`` with the distance `d` to a plateau in deviations; a plateau of one point is a true Gaussian.

    Parameters
    ----------
    low, high : float
        Ends of the plateau, ``low <= high``; equal for its centre, infinite where that side never falls.
    deviation : float
        Distance at which it has fallen to ``exp(-1/2)``, > 0.

    Raises
    ------
    ConfigError
        The plateau has no point, or the deviation is not a number above 0.
    """

    low: float
    high: float
    deviation: float

    def __post_init__(self) -> None:
        if not (self.low <= self.high and self.low < inf and self.high > -inf):
            raise ConfigError("a Gaussian has no plateau", found=f"{self.low:g}, {self.high:g}", expected="low <= high")
        if not (isfinite(self.deviation) and self.deviation > 0.0):
            raise ConfigError("a Gaussian cannot have this deviation", found=f"{self.deviation:g}", expected="above 0")

    def _distance(self, x: float) -> float:
        beyond = x - self.low if x < self.low else x - self.high if x > self.high else 0.0
        return beyond / self.deviation

    def value(self, x: float) -> float:
        """Return the membership of a finite number."""
        distance = self._distance(x)
        return exp(-0.5 * distance * distance)

    def slope(self, x: float) -> float:
        """Return its derivative, per unit of the number; it is continuous."""
        distance = self._distance(x)
        return -distance / self.deviation * exp(-0.5 * distance * distance)

    def has_kink(self, x: float) -> bool:  # noqa: ARG002  # it has none
        """Tell that it is smooth everywhere."""
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Linear:
    """1 at one point, falling in a straight line to 0 at one or both ends.

    Parameters
    ----------
    zero_low, one, zero_high : float
        The ends and the point, rising; an infinite end never falls, so that ``20, 60, inf`` rises from 20 to 60 and
        stays, and ``-inf, 15, 40`` is its decay.

    Raises
    ------
    ConfigError
        They do not rise, or the point is not finite.
    """

    zero_low: float
    one: float
    zero_high: float

    def __post_init__(self) -> None:
        if not (self.zero_low < self.one < self.zero_high and isfinite(self.one)):
            raise ConfigError(
                "a linear membership cannot have these points",
                found=f"{self.zero_low:g}, {self.one:g}, {self.zero_high:g}",
                expected="zero_low < one < zero_high, with `one` finite",
            )

    @property
    def corners(self) -> Trapezoid:
        """The same as a trapezoid."""
        low, high = isfinite(self.zero_low), isfinite(self.zero_high)
        return Trapezoid(
            zero_low=self.zero_low,
            one_low=self.one if low else -inf,
            one_high=self.one if high else inf,
            zero_high=self.zero_high,
        )

    def value(self, x: float) -> float:
        """Return the membership of a finite number."""
        if x < self.one:
            if x <= self.zero_low:
                return 0.0
            return (x - self.zero_low) / (self.one - self.zero_low) if isfinite(self.zero_low) else 1.0
        if x >= self.zero_high:
            return 0.0
        return (self.zero_high - x) / (self.zero_high - self.one) if isfinite(self.zero_high) else 1.0

    def slope(self, x: float) -> float:
        """Return its derivative, per unit of the number; 0 at the points themselves."""
        return self.corners.slope(x)

    def has_kink(self, x: float) -> bool:
        """Tell whether the number is one of the points."""
        return self.corners.has_kink(x)


@dataclass(frozen=True, slots=True, kw_only=True)
class Crossover:
    """A logistic that crosses 1/2 at one point; with an infinite slope a step, 0 on the point itself.

    Parameters
    ----------
    at : float
        Where it crosses, finite.
    steepness : float
        Of the logistic, per unit of the number, > 0; infinite for the hard one.

    Raises
    ------
    ConfigError
        The point is not finite, or the steepness is not above 0.
    """

    at: float
    steepness: float

    def __post_init__(self) -> None:
        if not isfinite(self.at):
            raise ConfigError("a crossover needs a point", found=f"{self.at:g}", expected="a finite number")
        if isnan(self.steepness) or self.steepness <= 0.0:
            raise ConfigError(
                "a crossover cannot have this steepness", found=f"{self.steepness:g}", expected="above 0, or infinite"
            )

    def value(self, x: float) -> float:
        """Return the membership of a finite number."""
        if self.steepness == inf:
            return 1.0 if x > self.at else 0.0
        z = min(max(self.steepness * (x - self.at), -_SATURATED), _SATURATED)
        return 1.0 / (1.0 + exp(-z))

    def slope(self, x: float) -> float:
        """Return its derivative, per unit of the number; 0 for a step."""
        if self.steepness == inf:
            return 0.0
        found = self.value(x)
        return self.steepness * found * (1.0 - found)

    def has_kink(self, x: float) -> bool:
        """Tell whether it is a step, and the number its place."""
        return self.steepness == inf and x == self.at
