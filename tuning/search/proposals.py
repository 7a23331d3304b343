"""Who proposes points: the port of the samplers, and the two that learn nothing, a grid and random draws."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import prod
from typing import Final, Protocol, final

import numpy as np

from tuning.search.records import TrialRecord
from tuning.space.scales import Integer, Scale, Uniform
from tuning.space.space import Space
from tuning.work import Point, Value

__all__ = ["BASE", "GridProposer", "Proposer", "RandomProposer", "Unseen", "first_point"]

BASE: Final = Point(())
"""The base configuration as it is, where its values do not lie in the space."""

_MOST_DRAWS: Final = 1_000
_MOST_LISTED: Final = 100_000


class Proposer(Protocol):
    """Proposes the points of one search, each once."""

    @property
    def most(self) -> int:
        """Points that it proposes, or fewer where the space has no more."""

    def propose(self, number: int) -> Point | None:
        """Return the point of a trial; numbers rise by one from 0. None where no point is left."""

    def tell(self, record: TrialRecord) -> None:
        """Learn from a trial that has ended; they come in order of their numbers."""


def first_point(space: Space) -> Point:
    """Return the point of trial 0: the base configuration, in the space where it lies there."""
    return space.default or BASE


@final
class Unseen:
    """Random points that were not seen before.

    Parameters
    ----------
    space : Space
        Where.
    seed : int
        Of the draws; those of a trial depend on it and on the number of the trial alone.
    """

    def __init__(self, space: Space, seed: int) -> None:
        self._space, self._seed = space, seed
        self._seen: set[Point] = set()
        self._rest: dict[Point, None] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether every point is known to have been seen."""
        return self._rest is not None and not self._rest

    def add(self, point: Point) -> bool:
        """Mark a point as seen; return whether it was not."""
        is_new = point not in self._seen
        self._seen.add(point)
        if self._rest is not None:
            self._rest.pop(point, None)
        return is_new

    def draw(self, number: int) -> Point | None:
        """Return a point for a trial and mark it as seen; None where every point was."""
        rng = np.random.Generator(np.random.Philox(key=[self._seed, number]))
        for _ in range(_MOST_DRAWS if self._rest is None else 0):
            point = self._space.sampled(rng.random(self._space.n_dims))
            if self.add(point):
                return point
        # So many in vain: the space is small, or nearly used up, and what is left of it is listed.
        if self._rest is None:
            self._rest = {point: None for point in _listed(self._space) if point not in self._seen}
        if not self._rest:
            return None
        point = list(self._rest)[int(rng.integers(len(self._rest)))]
        self.add(point)
        return point


def _listed(space: Space) -> Iterator[Point]:
    """Yield every point of a space that has few; none of one that has many or endlessly many."""
    scales = [each.scale for each in space.coordinates]
    sizes = [each.n_values for each in scales]
    if any(size is None for size in sizes) or prod(size or 0 for size in sizes) > _MOST_LISTED:
        return iter(())
    rows = product(*(_values(scale) for scale in scales))
    return (space.point(dict(zip(space.names, row, strict=True))) for row in rows)


def _values(scale: Scale) -> tuple[Value, ...]:
    if isinstance(scale, Integer):  # its grid may be thinner
        return tuple(range(scale.low, scale.high + 1, scale.step))
    return () if isinstance(scale, Uniform) else scale.grid()


@final
class RandomProposer:
    """Proposes random points, after the base.

    Parameters
    ----------
    space : Space
        Where.
    seed : int
        Of the draws.
    most : int
        Points, the base among them.
    """

    def __init__(self, space: Space, seed: int, most: int) -> None:
        self._first, self._unseen, self._most = first_point(space), Unseen(space, seed), most

    @property
    def most(self) -> int:
        """Points that it proposes, or fewer where the space has no more."""
        return self._most

    def propose(self, number: int) -> Point | None:
        """Return the base as trial 0, then points that were not proposed before."""
        if number:
            return self._unseen.draw(number)
        self._unseen.add(self._first)
        return self._first

    def tell(self, record: TrialRecord) -> None:
        """Learn nothing."""


@final
class GridProposer:
    """Proposes the points of a grid, after the base.

    Parameters
    ----------
    space : Space
        Where.
    most : int
        Points that the grid may have.

    Raises
    ------
    ConfigError
        A dimension has no end of values, or there are more points: a part of a grid would leave a corner out unseen.
    """

    def __init__(self, space: Space, most: int) -> None:
        first = first_point(space)
        self._points = (first, *(point for point in space.grid(most) if point != first))

    @property
    def most(self) -> int:
        """Points of the grid, and the base where it is none of them."""
        return len(self._points)

    def propose(self, number: int) -> Point | None:
        """Return the base as trial 0, then the grid without it, the last dimension changing first."""
        return self._points[number] if number < len(self._points) else None

    def tell(self, record: TrialRecord) -> None:
        """Learn nothing."""
