"""What a space varies: a value at one path or several, or weights that keep their sum."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from math import comb, exp, fsum, log
from typing import Any, Final

from market.errors import ConfigError
from tuning.space.scales import Scale, Uniform
from tuning.space.targets import Steps
from tuning.work import Value

__all__ = ["LOGIT_REACH", "Condition", "Coordinate", "Dimension", "Simplex", "Varied", "Write"]

LOGIT_REACH: Final = 4.0
"""Logits lie between minus and plus this: the largest weight is at most 2981 times the smallest."""

Write = tuple[Steps, Any]
"""Where in the configuration, and what it is told there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Coordinate:
    """One name of a point.

    Parameters
    ----------
    name : str
        As in `tuning.work.Point`.
    scale : Uniform, Integer, Stepped or Choice
        Which values it may take.
    """

    name: str
    scale: Scale


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """When a dimension matters.

    Parameters
    ----------
    name : str
        Of another dimension, one that has no condition itself.
    values : tuple of Value
        With any of these it matters.
    """

    name: str
    values: tuple[Value, ...]

    def holds(self, values: Mapping[str, Value]) -> bool:
        """Return whether a point has one of the values."""
        return values[self.name] in self.values


@dataclass(frozen=True, slots=True, kw_only=True)
class Varied:
    """One value, written at one path or at several.

    Parameters
    ----------
    name : str
        Full path of the first.
    targets : tuple of Steps
        Where it is written.
    scale : Scale
        Which values it may take.
    held : Value or None
        That of the base; None where it lies outside the space.
    when : Condition or None
        When it matters; always without.
    """

    name: str
    targets: tuple[Steps, ...]
    scale: Scale
    held: Value | None = None
    when: Condition | None = None

    @property
    def coordinates(self) -> tuple[Coordinate, ...]:
        """The one name of it."""
        return (Coordinate(name=self.name, scale=self.scale),)

    @property
    def default(self) -> tuple[Value, ...] | None:
        """Value of the base; None where it lies outside."""
        return None if self.held is None else (self.held,)

    @property
    def resting(self) -> tuple[Value, ...]:
        """What a point holds while it does not matter."""
        return self.default or (self.scale.ends()[0],)

    def taken(self, values: Sequence[Value]) -> tuple[Value, ...]:
        """Return a value as a point holds it, or raise ConfigError."""
        return (self.scale.taken(values[0]),)

    def places(self, values: Sequence[Value]) -> tuple[float, ...]:
        """Return where a value lies, in [0, 1]."""
        return (self.scale.place(values[0]),)

    def at(self, places: Sequence[float]) -> tuple[Value, ...]:
        """Return the value at a place in [0, 1]."""
        return (self.scale.at(places[0]),)

    def n_grid(self) -> int:
        """Return how many values a grid has; 0 where it is not told."""
        return self.scale.n_grid

    def grid(self) -> Iterator[tuple[Value, ...]]:
        """Yield the values of a grid."""
        return ((each,) for each in self.scale.grid())

    def writes(self, values: Sequence[Value]) -> tuple[Write, ...]:
        """Return what the configuration is told."""
        told = self.scale.told(values[0])
        return tuple((steps, told) for steps in self.targets)

    def shown(self, values: Sequence[Value]) -> tuple[str, ...]:
        """Return a value for a reader."""
        return (f"{values[0]:.6g}" if isinstance(values[0], float) else str(values[0]),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Simplex:
    """Weights above 0 that keep their sum, by the softmax of one logit each; only differences of logits count.

    Parameters
    ----------
    name : str
        Path with a star for the member, or of the table or list whose items they are.
    members : tuple of str
        Names, at least two.
    targets : tuple of Steps
        Where each is written; one alone for a list, which is written whole.
    total : float
        Sum of the weights, > 0.
    weights : tuple of float or None
        Those of the base; None where it tells none.
    points : int or None
        Parts that a grid divides the sum into.
    when : Condition or None
        When they matter; always without.

    Notes
    -----
    The logits of a point have the mean 0, so that the same weights are the same point. A weight of 0 lies outside:
    take the factor out by a choice of its own.
    """

    name: str
    members: tuple[str, ...]
    targets: tuple[Steps, ...]
    total: float = 1.0
    weights: tuple[float, ...] | None = None
    points: int | None = None
    when: Condition | None = None

    @property
    def coordinates(self) -> tuple[Coordinate, ...]:
        """One logit for each member."""
        scale = Uniform(low=-LOGIT_REACH, high=LOGIT_REACH)
        return tuple(Coordinate(name=f"{self.name}.{member}", scale=scale) for member in self.members)

    @property
    def default(self) -> tuple[Value, ...] | None:
        """Logits of the base; None where a weight is 0, not told, or too small beside the largest."""
        if self.weights is None or min(self.weights) <= 0.0:
            return None
        try:
            return self._centred([log(each) for each in self.weights])
        except ConfigError:
            return None

    @property
    def resting(self) -> tuple[Value, ...]:
        """What a point holds while they do not matter."""
        return self.default or (0.0,) * len(self.members)

    def _centred(self, logits: Sequence[float]) -> tuple[Value, ...]:
        mean = fsum(logits) / len(logits)
        if abs(mean) <= 1e-12:  # twice centred is the same point, bit by bit
            mean = 0.0
        found = tuple(each - mean for each in logits)
        if not max(found) - min(found) <= 2.0 * LOGIT_REACH + 1e-9:
            expected = f"no two that differ by more than {2.0 * LOGIT_REACH:g}"
            raise ConfigError(f"the logits of {self.name} cannot be", found=str(list(logits)), expected=expected)
        return found

    def taken(self, values: Sequence[Value]) -> tuple[Value, ...]:
        """Return logits as a point holds them, or raise ConfigError."""
        scale = Uniform(low=-2.0 * LOGIT_REACH, high=2.0 * LOGIT_REACH)  # the mean may have been taken off before
        return self._centred([scale.taken(each) for each in values])

    def weights_of(self, values: Sequence[Value]) -> tuple[float, ...]:
        """Return the weights of logits."""
        logits = [float(each) for each in values]
        top = max(logits)
        raised = [exp(each - top) for each in logits]
        whole = sum(raised)
        return tuple(self.total * each / whole for each in raised)

    def places(self, values: Sequence[Value]) -> tuple[float, ...]:
        """Return the weights as shares of their sum: those are what distances between points are made of."""
        return tuple(min(each / self.total, 1.0) for each in self.weights_of(values))

    def at(self, places: Sequence[float]) -> tuple[Value, ...]:
        """Return the logits at a place of the cube; even places spread the weights evenly over the simplex."""
        least = exp(-2.0 * LOGIT_REACH)
        drawn = [max(-log(min(max(each, 1e-12), 1.0 - 1e-12)), 1e-12) for each in places]
        return self._centred([log(max(each / max(drawn), least)) for each in drawn])

    def n_grid(self) -> int:
        """Return how many weights a grid has; 0 where it is not told."""
        return 0 if self.points is None else comb(self.points - 1, len(self.members) - 1)

    def grid(self) -> Iterator[tuple[Value, ...]]:
        """Yield logits of all weights that are whole parts of the sum, at least one part each."""
        for bars in combinations(range(1, self.points or 1), len(self.members) - 1):
            ends = (0, *bars, self.points or 1)
            yield self._centred([log(high - low) for low, high in pairwise(ends)])

    def writes(self, values: Sequence[Value]) -> tuple[Write, ...]:
        """Return what the configuration is told: weights."""
        weights = self.weights_of(values)
        if len(self.targets) == 1:
            return ((self.targets[0], list(weights)),)
        return tuple(zip(self.targets, weights, strict=True))

    def shown(self, values: Sequence[Value]) -> tuple[str, ...]:
        """Return the weights for a reader."""
        return tuple(f"{each:.4f}" for each in self.weights_of(values))


Dimension = Varied | Simplex
"""A value, or weights."""
