"""Settings of impact and of liquidity profiles."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from market.errors import ConfigError

__all__ = ["ImpactConfig", "ImpactMethod", "ProfileConfig"]

_MINUTE_NS = 60_000_000_000


class ImpactMethod(StrEnum):
    """How an impact was found."""

    SQUARE_ROOT = "square_root"  # returns on the signed root of a bar's net dollar flow
    SQUARE_ROOT_BY_TRADE = "square_root_by_trade"  # returns on the sum of the signed roots of its trades
    LINEAR = "linear"  # returns on signed dollars
    AMIHUD = "amihud"  # mean of |return| per dollar of volume
    DEPTH = "depth"  # log price per dollar of resting orders
    NONE = "none"  # nothing could be had


_REGRESSIONS_AND_AMIHUD = (ImpactMethod.SQUARE_ROOT, ImpactMethod.LINEAR, ImpactMethod.AMIHUD)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpactConfig:
    """Settings of the impact estimate.

    Parameters
    ----------
    methods : tuple of ImpactMethod
        Methods in order of preference; the first that is accepted is used. ``DEPTH`` and ``NONE`` are not among them.
    horizon_ns : int
        Length of a bar, over which returns and flow are taken, ns.
    window_bars : int
        Bars that a streaming estimate looks back on.
    reference_flow_usd : float
        Hedge flow at which a square-root law is turned into a slope, USD: the whole flow under ``SQUARE_ROOT``, one
        trade of it under ``SQUARE_ROOT_BY_TRADE``. NaN takes what is typical in the sample.
    min_bars : int
        Fewest bars of an estimate.
    min_t : float
        Smallest slope, in standard errors, of a regression that is accepted.
    hac_lags : int
        Lags of the Newey-West standard error; 0 is White's (HC1), -1 chooses by the number of bars.
    amihud_span : float
        Span of Amihud's moving average, observations: the newest has the weight 2 / (span + 1).
    min_reliability : float
        Smallest ``2 p - 1`` of the signing, and smallest share of the flow's variance that is not misclassification,
        that are corrected for; below it there is no estimate.
    floor_return_per_usd, cap_return_per_usd : float
        Bounds of the published impact, fraction per USD.
    """

    methods: tuple[ImpactMethod, ...] = _REGRESSIONS_AND_AMIHUD
    horizon_ns: int = 5 * _MINUTE_NS
    window_bars: int = 1560
    reference_flow_usd: float = float("nan")
    min_bars: int = 30
    min_t: float = 2.0
    hac_lags: int = -1
    amihud_span: float = 20.0
    min_reliability: float = 0.05
    floor_return_per_usd: float = 1e-15
    cap_return_per_usd: float = 1e-6

    def __post_init__(self) -> None:
        if not self.methods or {ImpactMethod.DEPTH, ImpactMethod.NONE} & set(self.methods):
            raise ConfigError(
                "impact methods must be estimated from bars", found=str(self.methods), expected="regressions or amihud"
            )
        if not 0.0 < self.floor_return_per_usd < self.cap_return_per_usd < float("inf"):
            raise ConfigError(
                "the bounds of impact must rise",
                found=f"{self.floor_return_per_usd} to {self.cap_return_per_usd}",
                expected="0 < floor < cap, fractions per USD",
            )
        if self.horizon_ns <= 0 or self.min_bars < 3 or self.window_bars < self.min_bars:
            raise ConfigError(
                "the window of impact is too short",
                found=f"{self.window_bars} bars of {self.horizon_ns} ns, at least {self.min_bars}",
                expected="horizon_ns > 0, 3 <= min_bars <= window_bars",
            )
        if self.hac_lags < -1 or self.amihud_span < 1.0 or not 0.0 < self.min_reliability < 1.0 or self.min_t < 0.0:
            raise ConfigError(
                "hac_lags, amihud_span, min_reliability or min_t is out of range",
                found=f"{self.hac_lags}, {self.amihud_span}, {self.min_reliability}, {self.min_t}",
                expected=">= -1, >= 1, inside (0, 1), >= 0",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileConfig:
    """Settings of a profile of relative illiquidity.

    Parameters
    ----------
    half_width : float
        The profile reaches this far on each side of spot, log price.
    n_cells : int
        Cells over the whole width; odd, so that spot is the middle of one.
    bandwidth : float
        Standard deviation of the smoothing kernel, log price.
    floor, cap : float
        Bounds of relative illiquidity.
    min_support : float
        Smallest share of the kernel around a cell that must lie inside the price range that was seen; a cell with less
        takes the value of the nearest one with enough.
    """

    half_width: float = 0.12
    n_cells: int = 241
    bandwidth: float = 0.002
    floor: float = 0.1
    cap: float = 10.0
    min_support: float = 0.05

    def __post_init__(self) -> None:
        if not (self.half_width > 0.0 and self.bandwidth > 0.0 and 0.0 < self.floor <= 1.0 <= self.cap):
            raise ConfigError(
                "the profile's widths or bounds are out of range",
                found=f"half_width {self.half_width}, bandwidth {self.bandwidth}, {self.floor} to {self.cap}",
                expected="positive widths, 0 < floor <= 1 <= cap",
            )
        if self.n_cells < 1 or self.n_cells % 2 == 0 or not 0.0 < self.min_support < 1.0:
            raise ConfigError(
                "n_cells must be odd and min_support a share",
                found=f"{self.n_cells}, {self.min_support}",
                expected="an odd number, a number inside (0, 1)",
            )
