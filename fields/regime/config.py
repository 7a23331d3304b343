"""Settings of the regime axes: borders, bands and dwell."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from fields.regime.axes import Axis
from market.errors import ConfigError

__all__ = ["RegimeConfig"]

_MINUTE_NS = 60_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RegimeConfig:
    """Settings of the six axes; borders are those of requirements 2.3.

    Parameters
    ----------
    axes : tuple of Axis
        Axes that are read, in this order.
    dwell_ns : tuple of int
        Shortest stay in a state before another follows, by axis in the order of `Axis`, ns. It never delays what is
        at once: a worsening of LTV, feedback towards CRITICAL or UNSTABLE, a market CRASH, and UNKNOWN.
    feedback_band : float
        Loop gain by which a border is passed upwards before a worse state is left.
    crash_vix, trend_adx, high_vix : float
        Borders of the market rules; the state needs more than these.
    vix_band, adx_band, sma_band : float
        How far below its border an input falls before its rule is off; for the average also how far above it comes
        on, as a fraction of price.
    term_low, term_high, term_band : float
        VIX9D / VIX borders of FLAT, which owns both, and the band beyond them.
    gex_days, gex_min_days : int
        Trailing sessions of the quintiles, and how many are needed.
    gex_cutoffs_usd : tuple of float
        Four absolute cut points, USD per 1 %, in place of the quintiles; empty uses the quintiles. Dollars drift with
        the level of an index.
    gex_band_share : float
        Band as a share of the distance from the lowest to the highest cut point.
    funding_borders_8h : tuple of float
        Lower borders of NORMAL, HEATED, MANIA and EXTREME, fraction per 8 hours.
    funding_band_share : float
        A border is left downwards at ``border x (1 - share)``.
    ltv_borders : tuple of float
        Lower borders of MONITOR, WARNING, CRITICAL and EMERGENCY.
    ltv_band : float
        A band entered at b is left below ``b - ltv_band``.
    """

    axes: tuple[Axis, ...] = tuple(Axis)
    dwell_ns: tuple[int, ...] = (
        5 * _MINUTE_NS,
        30 * _MINUTE_NS,
        30 * _MINUTE_NS,
        30 * _MINUTE_NS,
        60 * _MINUTE_NS,
        10 * _MINUTE_NS,
    )
    feedback_band: float = 0.02
    crash_vix: float = 35.0
    trend_adx: float = 25.0
    high_vix: float = 20.0
    vix_band: float = 1.0
    adx_band: float = 2.0
    sma_band: float = 0.002
    term_low: float = 0.95
    term_high: float = 1.05
    term_band: float = 0.01
    gex_days: int = 252
    gex_min_days: int = 60
    gex_cutoffs_usd: tuple[float, ...] = ()
    gex_band_share: float = 0.02
    funding_borders_8h: tuple[float, ...] = (1e-4, 5e-4, 1e-3, 2e-3)
    funding_band_share: float = 0.1
    ltv_borders: tuple[float, ...] = (0.50, 0.65, 0.75, 0.85)
    ltv_band: float = 0.01

    def __post_init__(self) -> None:
        if len(self.dwell_ns) != len(Axis) or min(self.dwell_ns) < 0:
            raise ConfigError("dwell_ns needs one time per axis", found=str(self.dwell_ns), expected="six, each >= 0")
        for name, count in (("funding_borders_8h", 4), ("ltv_borders", 4), ("gex_cutoffs_usd", 4)):
            borders = getattr(self, name)
            wrong = len(borders) != count or any(a >= b for a, b in pairwise(borders))
            if wrong and not (name == "gex_cutoffs_usd" and not borders):
                raise ConfigError(f"{name} must rise", found=str(borders), expected=f"{count} rising numbers")
        bands = (self.feedback_band, self.vix_band, self.adx_band, self.sma_band, self.term_band, self.ltv_band)
        shares = (self.gex_band_share, self.funding_band_share)
        if min(*bands, *shares) < 0.0 or max(shares) >= 1.0 or self.funding_borders_8h[0] <= 0.0:
            raise ConfigError("bands must not be negative", found=str((*bands, *shares)), expected=">= 0, shares < 1")
        if not (self.high_vix < self.crash_vix and self.term_low < self.term_high and self.feedback_band < 1.0 / 3.0):
            raise ConfigError(
                "borders of the market, the term structure or the feedback overlap",
                found=f"{self.high_vix}, {self.crash_vix}; {self.term_low}, {self.term_high}; {self.feedback_band}",
                expected="rising borders, a feedback band below 1/3",
            )
        if not 5 <= self.gex_min_days <= self.gex_days:
            raise ConfigError(
                "quintiles need sessions", found=f"{self.gex_min_days} of {self.gex_days}", expected="5 <= min <= days"
            )

    def dwell_of(self, axis: Axis) -> int:
        """Return the dwell of an axis, ns."""
        return self.dwell_ns[tuple(Axis).index(axis)]
