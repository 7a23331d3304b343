"""Rules by which a leg finds its strike, as data: by delta, at a price, at a level, by expected move, beside a leg."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import inf, isfinite

from strategies.parameters import require, require_between

__all__ = [
    "AtDelta",
    "AtExpectedMove",
    "AtLevel",
    "AtSpot",
    "BesideLeg",
    "Reading",
    "Rounding",
    "SameStrike",
    "SkewPenalty",
    "StrikeRule",
    "WidthStep",
    "body_at",
    "width_steps",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class SkewPenalty:
    """What makes a strike dearer to sell than its delta tells, in units of delta (Q12, Q13).

    Parameters
    ----------
    low, high : float
        Sizes of delta between which strikes are compared, ``0 < low < high < 1``.
    fallback : float
        Where no strike lies there, those are compared whose delta is so near to the one wanted, in (0, 1).
    per_vol_point : float
        Added for each vol point (0.01) that a strike's volatility lies below that at the money, >= 0.
    put_penalty : float
        Added to a sold put whose size of delta lies above the one wanted while the skew is steep, >= 0.
    skew_vol_points : float
        The skew is steep where the put of 25 delta has so many vol points more than the call of 25 delta, > 0.

    Notes
    -----
    Cost of a strike: ``abs(size - wanted) + per_vol_point * 100 * max(0, iv_atm - iv) + put_penalty``. A tenth a vol
    point is large against distances in delta: the rule means that rich strikes are sold.
    """

    low: float = 0.12
    high: float = 0.30
    fallback: float = 0.05
    per_vol_point: float = 0.1
    put_penalty: float = 2.0
    skew_vol_points: float = 5.0

    def __post_init__(self) -> None:
        require_between("skew penalty", "low", self.low, 0.0, self.high, open_low=True, open_high=True)
        require_between("skew penalty", "high", self.high, 0.0, 1.0, open_low=True, open_high=True)
        require_between("skew penalty", "fallback", self.fallback, 0.0, 1.0, open_low=True, open_high=True)
        require_between("skew penalty", "per_vol_point", self.per_vol_point, 0.0, inf, open_high=True)
        require_between("skew penalty", "put_penalty", self.put_penalty, 0.0, inf, open_high=True)
        require_between("skew penalty", "skew_vol_points", self.skew_vol_points, 0.0, inf, open_low=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class AtDelta:
    """The strike whose delta is nearest to a size, or cheapest by a penalty around it.

    Parameters
    ----------
    delta : float
        Size of delta per unit, in (0, 1).
    within : float, optional
        Farthest that the size of delta found may lie from it, in (0, 1]; 1 takes the nearest wherever it lies. Not
        asked of a strike found by a penalty, which has its own bounds.
    penalty : SkewPenalty, optional
        None for the nearest.
    """

    delta: float
    within: float = 1.0
    penalty: SkewPenalty | None = None

    def __post_init__(self) -> None:
        require_between("strike by delta", "delta", self.delta, 0.0, 1.0, open_low=True, open_high=True)
        require_between("strike by delta", "within", self.within, 0.0, 1.0, open_low=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class AtSpot:
    """The strike nearest to the underlying's price, or to a point beside it.

    Parameters
    ----------
    points : float, optional
        Added to the price of the underlying.
    share : float, optional
        Share of the price added to it, above -1.
    """

    points: float = 0.0
    share: float = 0.0

    def __post_init__(self) -> None:
        require("strike at the price", "points", self.points, "finite", holds=isfinite(self.points))
        require_between("strike at the price", "share", self.share, -1.0, inf, open_low=True, open_high=True)


class Rounding(StrEnum):
    """Which multiple of a step stands for a price."""

    UP = "up"  # the lowest at or above it
    DOWN = "down"
    NEAREST = "nearest"  # of two the even multiple


@dataclass(frozen=True, slots=True, kw_only=True)
class AtLevel:
    """Exactly a round level beside the underlying's price; where no such strike is listed there is none.

    Parameters
    ----------
    step : float
        Levels are its multiples, points, > 0.
    rounding : Rounding
        Which multiple stands for the price.
    share : float, optional
        Share of the price added to it before it is rounded, above -1.
    points : float, optional
        Added after it is rounded.
    """

    step: float
    rounding: Rounding
    share: float = 0.0
    points: float = 0.0

    def __post_init__(self) -> None:
        require_between("strike at a level", "step", self.step, 0.0, inf, open_low=True, open_high=True)
        require_between("strike at a level", "share", self.share, -1.0, inf, open_low=True, open_high=True)
        require("strike at a level", "points", self.points, "finite", holds=isfinite(self.points))


@dataclass(frozen=True, slots=True, kw_only=True)
class AtExpectedMove:
    """The strike at some expected moves from the underlying's price (Z19a).

    Parameters
    ----------
    moves : float
        Expected moves added to the price; negative below it; not 0.
    straddle_share : float, optional
        Expected move as a share of the mid price of the straddle at the money, > 0.
    volume_reach : float, optional
        Expected moves around the point within which the strike of the highest volume is taken, in [0, 0.25): so a wing
        half a move beyond stays beyond. 0 takes the nearest strike.

    Notes
    -----
    For a normal distribution the straddle is worth ``sqrt(2 / pi) = 0.798`` deviations, so that 0.8 of it is about 0.64
    of one: shorts at one such move are touched far more often than those at one deviation.
    """

    moves: float
    straddle_share: float = 0.8
    volume_reach: float = 0.0

    def __post_init__(self) -> None:
        owner = "strike by expected move"
        require(owner, "moves", self.moves, "finite and not 0", holds=isfinite(self.moves) and self.moves != 0.0)
        require_between(owner, "straddle_share", self.straddle_share, 0.0, inf, open_low=True, open_high=True)
        require_between(owner, "volume_reach", self.volume_reach, 0.0, 0.25, open_high=True)


class Reading(StrEnum):
    """Where a level of the market is read."""

    SERIES = "series"  # the newest value of a series, such as VIX
    FEATURE = "feature"  # a feature that the run declares
    IV_RANK = "iv_rank"  # rank of the underlying's implied volatility, as a share


@dataclass(frozen=True, slots=True, kw_only=True)
class WidthStep:
    """A distance that holds while a reading of the market is high (Q15).

    Parameters
    ----------
    reading : Reading
        Where the level is read.
    bound : float
        The step holds from this level on.
    points : float
        Distance while it holds, > 0.
    is_open : bool, optional
        True where the bound itself does not count.
    name : str, optional
        Of the series or feature.
    """

    reading: Reading
    bound: float
    points: float
    is_open: bool = False
    name: str = "VIX"

    def __post_init__(self) -> None:
        require("width step", "bound", self.bound, "finite", holds=isfinite(self.bound))
        require_between("width step", "points", self.points, 0.0, inf, open_low=True, open_high=True)

    def holds(self, level: float) -> bool:
        """Return whether a level reaches the bound; NaN never does."""
        return level > self.bound or (level == self.bound and not self.is_open)


@dataclass(frozen=True, slots=True, kw_only=True)
class BesideLeg:
    """The strike nearest to another leg's strike plus a distance, where one lies near enough.

    Parameters
    ----------
    leg : int
        Place of the other leg in the structure; before this one.
    points : float
        Added to its strike; not 0.
    tolerance : float, optional
        The strike lies nearer than this to that point, as a share of the distance, in [0, 0.5]; 0 asks for exactly that
        strike, and at half of the distance a wing is no wing any more.
    steps : tuple of WidthStep, optional
        Other distances by what the market is like; the widest that holds stands in for the size of `points`, whose sign
        stays. A reading that is missing leaves the leg without a place.
    """

    leg: int
    points: float
    tolerance: float = 0.5
    steps: tuple[WidthStep, ...] = ()

    def __post_init__(self) -> None:
        require("strike beside a leg", "points", self.points, "finite", holds=isfinite(self.points))
        require_between("strike beside a leg", "tolerance", self.tolerance, 0.0, 0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class SameStrike:
    """Exactly the strike of another leg, in another right or expiration.

    Parameters
    ----------
    leg : int
        Place of the other leg in the structure; before this one.
    """

    leg: int


StrikeRule = AtDelta | AtSpot | AtLevel | AtExpectedMove | BesideLeg | SameStrike


def body_at(points: float, step: float, share: float = 0.0) -> AtSpot | AtLevel:
    """Return the rule of a body around which other legs stand.

    Parameters
    ----------
    points : float
        From the underlying's price to the body.
    step : float
        The body is the multiple of this that is nearest to the price, points: where strikes are listed five apart and
        their wings only every 25 points, a body on every fifth strike has mostly none. 0 takes the nearest strike.
    share : float, optional
        Share of the price added to it.

    Returns
    -------
    AtSpot or AtLevel
        The rule.
    """
    if not step:
        return AtSpot(points=points, share=share)
    return AtLevel(step=step, rounding=Rounding.NEAREST, share=share, points=points)


def width_steps(base: float, most: float, *, wider: float = 5.0, trend: str = "") -> tuple[WidthStep, ...]:
    """Return the conditional widths of Q15.

    Parameters
    ----------
    base : float
        Points where nothing else holds, > 0.
    most : float
        Points where the VIX lies above 25, at least ``base + wider``.
    wider : float, optional
        Points added from a VIX of 22 or a rank of implied volatility of 0.4 on.
    trend : str, optional
        Feature of a directional index (ADX), above whose 25 the wings are wider too; empty for none.

    Returns
    -------
    tuple of WidthStep
        The widest that holds counts.
    """
    require_between("width steps", "most", most, base + wider, inf, open_high=True)
    steps = (
        WidthStep(reading=Reading.SERIES, bound=25.0, points=most, is_open=True),
        WidthStep(reading=Reading.SERIES, bound=22.0, points=base + wider),
        WidthStep(reading=Reading.IV_RANK, bound=0.4, points=base + wider),
    )
    if not trend:
        return steps
    return (*steps, WidthStep(reading=Reading.FEATURE, bound=25.0, points=base + wider, is_open=True, name=trend))
