"""Settings of the field engine: which dealer convention, clock and dynamics, and how wide the ladder is."""

from __future__ import annotations

from dataclasses import dataclass, field

from fields.conventions import Boundary, Dynamics, PositionSource, TimeBasis
from fields.surface.config import SurfaceConfig
from market.errors import ConfigError

__all__ = ["Boundary", "Dynamics", "FieldConfig", "PositionSource", "TimeBasis"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldConfig:
    """Settings of one field.

    Parameters
    ----------
    position_source : PositionSource
        Dealer convention.
    dynamics : Dynamics
        Volatility dynamics of the ladder.
    time_basis : TimeBasis
        Clock.
    ladder_points : int
        Nodes of the spot ladder, uniform in log spot, odd so that spot is a node.
    ladder_half_width : float
        Half width of the ladder, log price; 0.12 is about 12 %.
    boundary : Boundary
        Boundary of Green's operator.
    screening_range : float
        Length over which the potential averages its source at constant liquidity, log price.
    horizon_min : float
        Horizon of the shock scenario that weighs the three exposures, minutes.
    vol_of_vol : float
        Annualised standard deviation of the at-the-money volatility, vol points per square-root year (60 = 0.60).
    impact_return_per_usd : float
        Kyle's lambda: fractional price move per USD of signed flow; NaN where unknown, and then amplification is NaN.
    impact_source : str
        Where the impact comes from, such as ``settings``. A source that begins with ``assumed`` is repeated among the
        reasons of a field, beside the amplification that stands on it.
    wall_window : float
        Walls are looked for within this log distance of spot.
    roots_window : float
        Zero-gamma levels are looked for within this log distance of spot; at most the ladder's half width.
    surface : SurfaceConfig
        Settings of the volatility surface.
    spot_vol_slope : float
        Under ``spot_vol_slope`` dynamics: change of a fixed strike's volatility (1.00 = 100 %) per unit of log spot;
        negative where volatility rises as spot falls.
    """

    position_source: PositionSource = PositionSource.OI_NAIVE
    dynamics: Dynamics = Dynamics.STICKY_STRIKE
    time_basis: TimeBasis = TimeBasis.CALENDAR
    ladder_points: int = 401
    ladder_half_width: float = 0.12
    boundary: Boundary = Boundary.OPEN
    screening_range: float = 0.01
    horizon_min: float = 30.0
    vol_of_vol: float = 60.0
    impact_return_per_usd: float = float("nan")
    impact_source: str = ""
    wall_window: float = 0.10
    roots_window: float = 0.10
    spot_vol_slope: float = 0.0
    surface: SurfaceConfig = field(default_factory=SurfaceConfig)

    def __post_init__(self) -> None:
        if self.ladder_points < 3 or self.ladder_points % 2 == 0:
            raise ConfigError(
                "ladder_points must be odd", found=str(self.ladder_points), expected="an odd number from 3", action=""
            )
        for name in ("ladder_half_width", "screening_range", "horizon_min", "vol_of_vol", "wall_window"):
            if not getattr(self, name) > 0.0:
                raise ConfigError(f"{name} must be positive", found=str(getattr(self, name)), expected="> 0")
        if not 0.0 < self.roots_window <= self.ladder_half_width:
            raise ConfigError(
                "roots_window must lie inside the ladder",
                found=str(self.roots_window),
                expected=f"0 to {self.ladder_half_width}",
                action="raise ladder_half_width or lower roots_window",
            )
