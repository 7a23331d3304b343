"""One number or choice of a space: which values it may take, its place between 0 and 1, and what a file is told."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from math import exp, isfinite, log
from typing import Any, Final

from market.errors import ConfigError
from tuning.work import Value

__all__ = ["Choice", "Integer", "Scale", "Stepped", "Uniform"]

_MOST_STEPS: Final = 1_000_000  # finer ones are a range
_SLACK: Final = 1e-9  # of the range: what a logarithm and its inverse may lose


@dataclass(frozen=True, slots=True, kw_only=True)
class Uniform:
    """Any number between two.

    Parameters
    ----------
    low, high : float
        Bounds, both included, ``low < high``.
    log : bool, optional
        Whether ratios count and not differences; then ``low > 0``.
    is_exact : bool, optional
        Whether the configuration takes the number as its text, as an exact one.
    points : int or None, optional
        Values of a grid; None where a grid cannot be made of it.
    """

    low: float
    high: float
    log: bool = False
    is_exact: bool = False
    points: int | None = None

    def __post_init__(self) -> None:
        _require_range(self.low, self.high, self.log)

    @property
    def n_values(self) -> int | None:
        """How many values there are; None: without end."""
        return None

    @property
    def n_grid(self) -> int:
        """How many values a grid has; 0 where none was asked for."""
        return self.points or 0

    def taken(self, value: Value) -> float:
        """Return a value as a point holds it, or raise ConfigError where it lies outside."""
        number = _number(value)
        slack = _SLACK * (self.high - self.low)
        if not self.low - slack <= number <= self.high + slack:
            raise _outside(value, f"{self.low:g} to {self.high:g}")
        return min(max(number, self.low), self.high)

    def place(self, value: Value) -> float:
        """Return where a value lies, in [0, 1]."""
        return _place(_number(value), self.low, self.high, self.log)

    def at(self, place: float) -> float:
        """Return the value at a place in [0, 1]."""
        return _at(place, self.low, self.high, self.log)

    def ends(self) -> tuple[Value, ...]:
        """Return the lowest and the highest value."""
        return self.low, self.high

    def grid(self) -> tuple[Value, ...]:
        """Return the values of a grid; empty where none was asked for."""
        n = self.n_grid
        return tuple(self.at(0.5 if n == 1 else index / (n - 1)) for index in range(n))

    def told(self, value: Value) -> Any:
        """Return a value as a configuration is told it."""
        return repr(_number(value)) if self.is_exact else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Integer:
    """Whole numbers.

    Parameters
    ----------
    low, high : int
        Bounds, both included, ``low < high``.
    step : int, optional
        Between two of them, >= 1; it leads from the lowest to the highest.
    log : bool, optional
        Whether ratios count; then ``low > 0`` and the step is 1.
    points : int or None, optional
        Values of a grid; all of them without it.
    """

    low: int
    high: int
    step: int = 1
    log: bool = False
    points: int | None = None

    def __post_init__(self) -> None:
        _require_range(self.low, self.high, self.log)
        if self.step < 1 or (self.high - self.low) % self.step:
            raise _steps(self.low, self.high, self.step)
        if self.log and self.step != 1:
            raise ConfigError("log and step cannot stand together", found=f"step {self.step}", expected="one of them")

    @property
    def n_values(self) -> int:
        """How many values there are."""
        return (self.high - self.low) // self.step + 1

    @property
    def n_grid(self) -> int:
        """How many values a grid has, at most."""
        return min(self.points or self.n_values, self.n_values)

    def taken(self, value: Value) -> int:
        """Return a value as a point holds it, or raise ConfigError where it is none of them."""
        number = _number(value)
        if number != int(number) or not self.low <= number <= self.high or (int(number) - self.low) % self.step:
            raise _outside(value, f"a whole number, {self.low} to {self.high} by {self.step}")
        return int(number)

    def place(self, value: Value) -> float:
        """Return where a value lies, in [0, 1]."""
        return _place(_number(value), self.low, self.high, self.log)

    def at(self, place: float) -> int:
        """Return the value at a place in [0, 1]; each has an equal part of it, or by its ratio where ratios count."""
        if self.log:
            return min(max(round(_at(place, self.low - 0.5, self.high + 0.5, is_log=True)), self.low), self.high)
        return self.low + self.step * min(int(place * self.n_values), self.n_values - 1)

    def ends(self) -> tuple[Value, ...]:
        """Return the lowest and the highest value."""
        return self.low, self.high

    def grid(self) -> tuple[Value, ...]:
        """Return the values of a grid, rising."""
        if self.points is None or self.points >= self.n_values:
            return tuple(range(self.low, self.high + 1, self.step))
        last = max(self.points - 1, 1)
        near = {round(_at(index / last, self.low, self.high, self.log)) for index in range(self.points)}
        return tuple(sorted({self.low + self.step * round((each - self.low) / self.step) for each in near}))

    def told(self, value: Value) -> Any:
        """Return a value as a configuration is told it."""
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Stepped:
    """Numbers at equal distances, reckoned exactly: 0.1 and two steps of 0.1 are 0.3, and nothing beside it.

    Parameters
    ----------
    low, high, step : Decimal
        Bounds, both included, and the distance; it leads from the one to the other.
    is_exact : bool, optional
        Whether the configuration takes the number as its text; a point then holds the text.
    """

    low: Decimal
    high: Decimal
    step: Decimal
    is_exact: bool = False

    def __post_init__(self) -> None:
        _require_range(float(self.low), float(self.high), is_log=False)
        n_steps = (self.high - self.low) / self.step if self.step > 0 else Decimal(0)
        if not 0 < n_steps <= _MOST_STEPS or n_steps != int(n_steps):
            raise _steps(self.low, self.high, self.step)

    @property
    def n_values(self) -> int:
        """How many values there are."""
        return int((self.high - self.low) / self.step) + 1

    @property
    def n_grid(self) -> int:
        """How many values a grid has."""
        return self.n_values

    def taken(self, value: Value) -> Value:
        """Return a value as a point holds it, or raise ConfigError where it is none of them."""
        steps = (_number(value) - float(self.low)) / float(self.step)
        if not abs(steps - round(steps)) <= _SLACK * self.n_values or not 0 <= round(steps) < self.n_values:
            raise _outside(value, f"{self.low} to {self.high} by {self.step}")
        return self._nth(round(steps))

    def _nth(self, index: int) -> Value:
        found = self.low + index * self.step
        return str(found) if self.is_exact else float(found)

    def place(self, value: Value) -> float:
        """Return where a value lies, in [0, 1]."""
        return _place(_number(value), float(self.low), float(self.high), is_log=False)

    def at(self, place: float) -> Value:
        """Return the value at a place in [0, 1]; each has an equal part of it."""
        return self._nth(min(int(place * self.n_values), self.n_values - 1))

    def ends(self) -> tuple[Value, ...]:
        """Return the lowest and the highest value."""
        return self._nth(0), self._nth(self.n_values - 1)

    def grid(self) -> tuple[Value, ...]:
        """Return the values, rising."""
        return tuple(self._nth(index) for index in range(self.n_values))

    def told(self, value: Value) -> Any:
        """Return a value as a configuration is told it."""
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One of some values.

    Parameters
    ----------
    values : tuple of Value
        What a point holds: the value itself, or the text of a list or a table.
    tells : tuple of object
        What a configuration is told for each of them.
    """

    values: tuple[Value, ...]
    tells: tuple[Any, ...]

    @property
    def n_values(self) -> int:
        """How many values there are."""
        return len(self.values)

    @property
    def n_grid(self) -> int:
        """How many values a grid has."""
        return self.n_values

    def _index(self, value: Value) -> int:
        found = [index for index, each in enumerate(self.values) if type(each) is type(value) and each == value]
        if not found:
            raise _outside(value, f"one of {', '.join(str(each) for each in self.values)}")
        return found[0]

    def taken(self, value: Value) -> Value:
        """Return a value as a point holds it, or raise ConfigError where it is none of them."""
        return self.values[self._index(value)]

    def place(self, value: Value) -> float:
        """Return where a value lies, in [0, 1], in the order in which the values are declared."""
        return self._index(value) / max(len(self.values) - 1, 1)

    def at(self, place: float) -> Value:
        """Return the value at a place in [0, 1]; each has an equal part of it."""
        return self.values[min(int(place * len(self.values)), len(self.values) - 1)]

    def ends(self) -> tuple[Value, ...]:
        """Return all values: each of them may be one that the configuration refuses."""
        return self.values

    def grid(self) -> tuple[Value, ...]:
        """Return the values, as declared."""
        return self.values

    def told(self, value: Value) -> Any:
        """Return a value as a configuration is told it."""
        return self.tells[self._index(value)]


Scale = Uniform | Integer | Stepped | Choice
"""What one name of a point may be."""


def _number(value: Value) -> float:
    try:
        number = float(value) if not isinstance(value, bool) else float("nan")
    except ValueError:
        number = float("nan")
    if not isfinite(number):
        raise _outside(value, "a number")
    return number


def _place(value: float, low: float, high: float, is_log: bool) -> float:  # noqa: FBT001  # private, three callers
    part = log(value / low) / log(high / low) if is_log else (value - low) / (high - low)
    return min(max(part, 0.0), 1.0)


def _at(place: float, low: float, high: float, is_log: bool) -> float:  # noqa: FBT001  # private
    if place <= 0.0 or place >= 1.0:
        return float(low if place <= 0.0 else high)
    found = low * exp(place * log(high / low)) if is_log else low + place * (high - low)
    return min(max(found, float(low)), float(high))


def _require_range(low: float, high: float, is_log: bool) -> None:  # noqa: FBT001  # private
    if not (isfinite(low) and isfinite(high) and low < high):
        raise ConfigError(
            "low and high cannot be", found=f"{low} and {high}", expected="finite numbers, low below high"
        )
    if is_log and not low > 0:
        raise ConfigError("log cannot be with this low", found=str(low), expected="a number above 0")


def _steps(low: object, high: object, step: object) -> ConfigError:
    expected = f"a step above 0 that leads from low to high, {_MOST_STEPS:,} times at most"
    return ConfigError("step cannot be", found=f"{low} to {high} by {step}", expected=expected)


def _outside(value: Value, expected: str) -> ConfigError:
    return ConfigError("a value lies outside the space", found=repr(value), expected=expected)
