"""Settings of the volatility surface: which quotes count, how much, and when a fit is to be distrusted."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import final

from market.errors import ConfigError

__all__ = ["SurfaceConfig"]

_POSITIVE = (
    "half_spread_floor_vol",
    "wing_taper_sd",
    "huber",
    "max_volatility",
    "quality_sd",
    "error_scale_vol",
    "half_life_s",
    "max_lag_s",
    "max_lag_index_s",
)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SurfaceConfig:
    """Settings of one surface.

    Parameters
    ----------
    min_quotes : int
        A slice with fewer usable quotes is not fitted; at least 3, the numbers of a slice.
    half_spread_floor_vol : float
        Half the bid-ask spread, as volatility, below which a quote does not count more (0.0005 = 5 bp).
    wing_taper_sd : float
        Weights fall as ``exp(-(z / wing_taper_sd)^2 / 2)`` with z = k / (sigma sqrt(tau)).
    huber : float
        Error in half spreads beyond which a quote pulls no harder; 1 is the edge of the bid-ask. A higher one fits the
        worst quotes at the cost of the many (docs/adr/009).
    max_volatility : float
        A quote whose volatility is higher counts as outside the bounds.
    layer_rounds : int
        Rounds of the spline on top of each slice that takes up what three numbers miss; 0 leaves it out.
    quality_sd : float
        RMSE, largest error and the share inside the bid-ask are taken over quotes with |z| up to this.
    error_scale_vol : float
        RMSE at which the confidence in a slice is halved.
    half_life_s : float
        Lag of a quote at which it counts half.
    max_lag_s, max_lag_index_s : float
        Quotes older than this are stale and are not used; the second for index options (European exercise).
    max_stale_share : float
        Where more of the two-sided quotes are stale, the whole surface has no confidence.
    fill_margin : float
        The surface may give a contract its volatility this far beyond the quotes of its slice, as a share of their
        range.
    """

    min_quotes: int = 5
    half_spread_floor_vol: float = 0.0005
    wing_taper_sd: float = 1.2
    huber: float = 1.0
    max_volatility: float = 5.0
    layer_rounds: int = 24
    quality_sd: float = 2.0
    error_scale_vol: float = 0.02
    half_life_s: float = 300.0
    max_lag_s: float = 600.0
    max_lag_index_s: float = 900.0
    max_stale_share: float = 0.20
    fill_margin: float = 0.10

    def __post_init__(self) -> None:
        if self.min_quotes < 3:
            raise ConfigError("min_quotes is too low", found=str(self.min_quotes), expected="3 or more")
        if not 0 <= self.layer_rounds <= 100:
            raise ConfigError("layer_rounds is out of range", found=str(self.layer_rounds), expected="0 to 100")
        for name in _POSITIVE:
            value = getattr(self, name)
            if not (value > 0.0 and isfinite(value)):
                raise ConfigError(f"{name} must be positive", found=str(value), expected="> 0")
        if not 0.0 <= self.max_stale_share <= 1.0:
            raise ConfigError("max_stale_share is a share", found=str(self.max_stale_share), expected="0 to 1")
        if not self.fill_margin >= 0.0:
            raise ConfigError("fill_margin must not be negative", found=str(self.fill_margin), expected=">= 0")
