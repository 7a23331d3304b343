"""Whether a space can be searched at all: its ends, the base and an even spread of points, built before it begins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from scipy.stats.qmc import Sobol

from cluster.backtest_settings import BacktestSettings
from market.errors import ConfigError
from tuning.space.dimensions import Dimension, Varied
from tuning.space.space import Space
from tuning.work import Point, Value

__all__ = ["SpaceCheck", "check_space", "refused_end", "spread_of"]

_SPREAD_LOG2: Final = 6
_OTHERS: Final = (
    8  # places of the rest, beside the base and two corners, at which an end is tried before it is called impossible
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceCheck:
    """What the classes said to a spread of points.

    Parameters
    ----------
    n_points : int
        Points that were built: the base where it lies in the space, the lowest and the highest corner, each end of
        each dimension alone, and 64 that are spread evenly.
    n_refused : int
        Those that the classes refused.
    n_spread_refused : int
        The same of the 64, whose share is that of the whole space.
    reasons : tuple of (str, int)
        Why, and how often, the commonest first.
    """

    n_points: int
    n_refused: int
    n_spread_refused: int
    reasons: tuple[tuple[str, int], ...]

    @property
    def refused_share(self) -> float:
        """Share of the space that is refused, as the even spread tells it."""
        return self.n_spread_refused / (1 << _SPREAD_LOG2)

    @property
    def words(self) -> str:
        """What a reader is told; empty where nothing was refused."""
        if not self.n_refused:
            return ""
        reason, _ = self.reasons[0]
        return f"about {self.refused_share:.0%} of the space is refused by the strategies, most often: {reason}"


def check_space(space: Space, base: BacktestSettings) -> SpaceCheck:
    """Build settings all over a space before anything is run.

    Parameters
    ----------
    space : Space
        What is varied.
    base : BacktestSettings
        The configuration that is varied.

    Returns
    -------
    SpaceCheck
        What is refused, and why.

    Raises
    ------
    ConfigError
        No point of the even spread can be built: the space contradicts itself.
    """
    spread = spread_of(space)
    edges = [*_corners(space), *_ends(space)]
    edges += [space.default] if space.default is not None else []
    spread_reasons = [_refusal(space, point, base) for point in spread]
    reasons = spread_reasons + [_refusal(space, point, base) for point in edges]
    counted = Counter(each for each in reasons if each)
    if all(reasons):
        reason, n = counted.most_common(1)[0]
        raise ConfigError(
            "contradictory space: no point of it can be run",
            found=f"{len(reasons)} points refused, {n} of them because: {reason}",
            expected="ranges that leave room for settings that the strategies accept",
        )
    return SpaceCheck(
        n_points=len(reasons),
        n_refused=counted.total(),
        n_spread_refused=sum(bool(each) for each in spread_reasons),
        reasons=tuple(counted.most_common()),
    )


def spread_of(space: Space) -> tuple[Point, ...]:
    """Return 64 points that fill a space evenly: the first of Sobol's sequence, the same at each call."""
    cubes = Sobol(space.n_dims, scramble=True, rng=0).random_base2(_SPREAD_LOG2)
    return tuple(space.sampled(row) for row in cubes)


def refused_end(
    space: Space, base: BacktestSettings, names: frozenset[str]
) -> tuple[Dimension, Value, ConfigError] | None:
    """Return the first end of a dimension that is refused at eleven places of the rest; None where there is none.

    Parameters
    ----------
    space : Space
        What is varied.
    base : BacktestSettings
        The configuration that is varied.
    names : frozenset of str
        Dimensions that are looked at.

    Returns
    -------
    (Dimension, Value, ConfigError) or None
        Whose end, which, and why.
    """
    points = (*_corners(space), *spread_of(space)[:_OTHERS])
    others = (_middle(space), *(point.as_dict() for point in points))
    for dimension in space.dimensions:
        for value in dimension.scale.ends() if isinstance(dimension, Varied) and dimension.name in names else ():
            errors = []
            for rest in others:
                error = _error(space, _with_end(space, rest, dimension, value), base)
                if error is None:
                    break
                errors.append(error)
            if len(errors) == len(others):
                return dimension, value, errors[0]
    return None


def _with_end(space: Space, rest: dict[str, Value], dimension: Dimension, value: Value) -> Point:
    condition = {} if dimension.when is None else {dimension.when.name: dimension.when.values[0]}
    return space.point(rest | condition | {dimension.name: value})


def _middle(space: Space) -> dict[str, Value]:
    """Return what the base has, and the middle of a dimension where it lies outside."""
    held = space.sampled([0.5] * space.n_dims).as_dict()
    for each in space.dimensions:
        held |= dict(zip((one.name for one in each.coordinates), each.default or (), strict=False))
    return held


def _corners(space: Space) -> tuple[Point, Point]:
    return space.sampled([0.0] * space.n_dims), space.sampled([1.0] * space.n_dims)


def _ends(space: Space) -> Iterator[Point]:
    rest = _middle(space)
    for dimension in space.dimensions:
        for value in dimension.scale.ends() if isinstance(dimension, Varied) else ():
            yield _with_end(space, rest, dimension, value)


def _error(space: Space, point: Point, base: BacktestSettings) -> ConfigError | None:
    try:
        space.settings_at(point, base)
    except ConfigError as error:
        return error
    return None


def _refusal(space: Space, point: Point, base: BacktestSettings) -> str:
    error = _error(space, point, base)
    if error is None:
        return ""
    return f"{error.what}; expected {error.expected}" if error.expected else error.what
