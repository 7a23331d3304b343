"""The space that a sweep looks through: named dimensions, points, and the settings at each of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise, product
from math import prod
from typing import Any, Final

import numpy as np

from cluster.backtest_settings import BacktestSettings
from execution.identity import digest_of
from market.chains import FloatArray
from market.errors import ConfigError
from tuning.space.building import settings_with, tables_with
from tuning.space.dimensions import Coordinate, Dimension, Write
from tuning.work import Point, Value

__all__ = ["MOST_POINTS", "Space"]

MOST_POINTS: Final = 100_000
"""Points that a grid may have unless more are allowed."""

_ASSUMED: Final = frozenset({"account", "costs", "fills", "margin"})
_CHOSEN: Final = frozenset({("margin", "leverage")})


@dataclass(frozen=True, slots=True)
class Space:
    """A search space.

    Parameters
    ----------
    dimensions : tuple of Dimension
        What is varied; a simplex has a coordinate for each member.

    Raises
    ------
    ConfigError
        There is none, two write the same value, or a condition names no dimension.
    """

    dimensions: tuple[Dimension, ...]
    coordinates: tuple[Coordinate, ...] = field(init=False, repr=False, compare=False)
    _parts: tuple[slice, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        coordinates = tuple(each for dimension in self.dimensions for each in dimension.coordinates)
        ends = np.cumsum([0, *(len(each.coordinates) for each in self.dimensions)]).tolist()
        object.__setattr__(self, "coordinates", coordinates)
        object.__setattr__(self, "_parts", tuple(slice(a, b) for a, b in pairwise(ends)))
        if not self.dimensions:
            raise ConfigError("the space has no dimension", action="declare one in [space]")
        _require_told_apart(self.dimensions)
        _require_conditions(self.dimensions)

    @property
    def names(self) -> tuple[str, ...]:
        """Names that a point has, in the order of `unit`."""
        return tuple(each.name for each in self.coordinates)

    @property
    def n_dims(self) -> int:
        """How many coordinates a point has."""
        return len(self.coordinates)

    @property
    def assumptions(self) -> tuple[str, ...]:
        """What is varied though no trader chooses it: fills, costs, the account and its margin; leverage is chosen.

        A search would take the cheapest, so no choice of such a space may be used; also where it is written ``also``.
        """
        steps = dict.fromkeys(each for dimension in self.dimensions for each in dimension.targets)
        told = (each for each in steps if each[0] in _ASSUMED and each[:2] not in _CHOSEN)
        return tuple(".".join(map(str, each)) for each in told)

    @property
    def digest(self) -> str:
        """Digest of what may be tried; the values of the base play no part."""
        return digest_of([_identity(each) for each in self.dimensions])

    @property
    def default(self) -> Point | None:
        """Point of the base; None where one of its values lies outside."""
        told = [each.default for each in self.dimensions]
        return None if any(each is None for each in told) else self._point([each or () for each in told])

    def point(self, values: Mapping[str, Value]) -> Point:
        """Return a point of the space.

        Parameters
        ----------
        values : mapping of str to Value
            One for each name.

        Returns
        -------
        Point
            With each value as the space holds it: on its step, logits of the mean 0, and at rest where its condition
            does not hold, so that what gives the same settings is the same point.

        Raises
        ------
        ConfigError
            A name is missing or unknown, or a value lies outside.
        """
        if set(values) != set(self.names):
            found = f"missing {sorted(set(self.names) - set(values))}, unknown {sorted(set(values) - set(self.names))}"
            raise ConfigError("a point does not fit the space", found=found, expected="one value for each name")
        return self._point([each.taken(part) for each, part in self._split([values[name] for name in self.names])])

    def sampled(self, cube: Sequence[float] | FloatArray) -> Point:
        """Return the point at a place of the unit cube, for random and quasi-random designs.

        Parameters
        ----------
        cube : sequence of float, shape (n_dims,)
            In [0, 1]. Even places give each choice, step and ratio its equal part, and spread weights evenly over
            their simplex; there it is not the inverse of `unit`.

        Returns
        -------
        Point
            Of the space.
        """
        return self._point([each.at(part) for each, part in self._split([float(each) for each in cube])])

    def unit(self, point: Point) -> FloatArray:
        """Return where a point lies, for distances.

        Parameters
        ----------
        point : Point
            Of the space.

        Returns
        -------
        ndarray, shape (n_dims,)
            In [0, 1]: between the bounds, in logarithms where ratios count; the place in the list of a choice; weights
            as shares of their sum. What does not matter at the point rests at one place.
        """
        held = point.as_dict()
        values = self._split([held[name] for name in self.names])
        return np.array([place for each, part in values for place in each.places(part)], dtype=np.float64)

    def writes(self, point: Point) -> tuple[Write, ...]:
        """Return what the configuration is told at a point; nothing of what does not matter there."""
        held = point.as_dict()
        values = self._split([held[name] for name in self.names])
        active = ((each, part) for each, part in values if each.when is None or each.when.holds(held))
        return tuple(write for each, part in active for write in each.writes(part))

    def settings_at(self, point: Point, base: BacktestSettings) -> BacktestSettings:
        """Return the settings at a point, as a file with these values gives them.

        Parameters
        ----------
        point : Point
            Of the space; without values it is the base itself.
        base : BacktestSettings
            The configuration that is varied.

        Returns
        -------
        BacktestSettings
            Checked.

        Raises
        ------
        ConfigError
            The classes refuse these values: the point is refused, with their reason.
        """
        return settings_with(base, self.writes(point)) if point.values else base

    def tables_at(self, point: Point, tables: Mapping[str, Any]) -> dict[str, Any]:
        """Return the tables of the base's file with the values of a point, for a file of its own.

        Parameters
        ----------
        point : Point
            Of the space; without values it is the base itself.
        tables : mapping of str to object
            The base as TOML reads it.

        Returns
        -------
        dict
            A copy.
        """
        return tables_with(tables, self.writes(point) if point.values else ())

    def shown(self, point: Point) -> dict[str, str]:
        """Return the values of a point for a reader, by name: weights for logits, a dash for what does not matter."""
        held = point.as_dict()
        told: dict[str, str] = {}
        for each, part in self._split([held[name] for name in self.names]):
            matters = each.when is None or each.when.holds(held)
            words = each.shown(part) if matters else ("-",) * len(part)
            told |= dict(zip((one.name for one in each.coordinates), words, strict=True))
        return told

    def grid(self, most: int = MOST_POINTS) -> tuple[Point, ...]:
        """Return every combination of choices, steps and points, the last dimension changing first.

        Parameters
        ----------
        most : int, optional
            Points that there may be.

        Returns
        -------
        tuple of Point
            Each once.

        Raises
        ------
        ConfigError
            A dimension tells no points, or there are too many.
        """
        bare = [each.name for each in self.dimensions if not each.n_grid()]
        if bare:
            expected = "step, or points = N; of a simplex at least as many points as members"
            raise ConfigError(f"a grid has no end along {bare[0]}", expected=expected, action="or take another sampler")
        n = prod(each.n_grid() for each in self.dimensions)
        if n > most:
            sizes = " x ".join(str(each.n_grid()) for each in self.dimensions)
            action = "take fewer points or larger steps, or another sampler"
            raise ConfigError("the grid is too large", found=f"{sizes} = {n:,}", expected=f"<= {most:,}", action=action)
        return tuple(dict.fromkeys(self._point(list(each)) for each in product(*(d.grid() for d in self.dimensions))))

    def _split(self, values: Sequence[Any]) -> Iterator[tuple[Dimension, Sequence[Any]]]:
        return ((each, values[part]) for each, part in zip(self.dimensions, self._parts, strict=True))

    def _point(self, parts: Sequence[tuple[Value, ...]]) -> Point:
        values = dict(zip(self.names, (value for part in parts for value in part), strict=True))
        for each in self.dimensions:
            if each.when is not None and not each.when.holds(values):
                values |= dict(zip((one.name for one in each.coordinates), each.resting, strict=True))
        return Point.of(values)


def _identity(dimension: Dimension) -> dict[str, Any]:
    told = asdict(dimension)
    scale = getattr(dimension, "scale", None)
    kind = type(dimension if scale is None else scale).__name__
    return {key: value for key, value in told.items() if key not in {"held", "weights"}} | {"kind": kind}


def _require_told_apart(dimensions: Sequence[Dimension]) -> None:
    seen: dict[tuple[str | int, ...], str] = {}
    for each in dimensions:
        for steps in each.targets:
            for other, name in seen.items():
                n = min(len(steps), len(other))
                if steps[:n] == other[:n]:
                    what = f"{each.name} and {name} write the same value"
                    raise ConfigError(what, expected="one dimension for each", action="remove one")
        seen |= dict.fromkeys(each.targets, each.name)


def _require_conditions(dimensions: Sequence[Dimension]) -> None:
    free = {each.name for each in dimensions if each.when is None}
    for each in dimensions:
        if each.when is not None and each.when.name not in free:
            what = f"{each.name} hangs on {each.when.name}"
            raise ConfigError(what, expected=f"a dimension without a condition, of {', '.join(sorted(free)) or 'none'}")
