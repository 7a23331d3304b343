"""Settings of the flow features and of their normalisers."""

from __future__ import annotations

from dataclasses import dataclass

from market.errors import ConfigError

__all__ = ["MINUTE_NS", "FlowConfig", "NormalizerConfig"]

MINUTE_NS = 60_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowConfig:
    """Settings of the flow features; the defaults of the first three are those of L60.

    Parameters
    ----------
    strike_window : float
        Option flow counts where the strike lies within this fraction of spot when its minute closes.
    min_open_interest : float
        Option flow counts where open interest is at least this; unknown open interest passes.
    vwap_window_min : int
        Window of the trailing average price, minutes.
    vwap_bands : tuple of float
        Rising thresholds of the absolute deviation from the day's average price, fractions.
    quote_max_age_ns : int
        A quote older than this says nothing any more, ns.
    spread_window_min, spread_min_minutes : int
        Window of the spread's percentile, and how many of its minutes must have a spread.
    impact_window_min, impact_min_minutes : int
        Window of the impact regression, and how many of its minutes must have a return.
    history_minutes : int
        Minutes of records that are kept.
    pending_limit : int
        Rows of each stream that may wait for their minute to close; more are refused and counted.
    contract_limit : int
        Largest number of contracts.
    """

    strike_window: float = 0.05
    min_open_interest: float = 100.0
    vwap_window_min: int = 30
    vwap_bands: tuple[float, ...] = (0.002, 0.005)
    quote_max_age_ns: int = MINUTE_NS
    spread_window_min: int = 60
    spread_min_minutes: int = 10
    impact_window_min: int = 60
    impact_min_minutes: int = 20
    history_minutes: int = 1_440
    pending_limit: int = 2_000_000
    contract_limit: int = 1_000_000

    def __post_init__(self) -> None:
        positive = (
            "strike_window",
            "vwap_window_min",
            "quote_max_age_ns",
            "spread_window_min",
            "spread_min_minutes",
            "impact_window_min",
            "pending_limit",
            "contract_limit",
        )
        for name in positive:
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name} must be positive", found=str(getattr(self, name)), expected="> 0")
        if not self.min_open_interest >= 0.0:
            raise ConfigError("min_open_interest is negative", found=str(self.min_open_interest), expected=">= 0")
        if self.impact_min_minutes < 4:
            raise ConfigError(
                "impact_min_minutes is too small", found=str(self.impact_min_minutes), expected="4 or more"
            )
        longest = max(self.vwap_window_min, self.spread_window_min, self.impact_window_min)
        if self.history_minutes <= longest:
            raise ConfigError(
                "history_minutes is shorter than a window",
                found=str(self.history_minutes),
                expected=f"more than {longest}",
                action="raise history_minutes or lower the window",
            )
        rising = all(a < b for a, b in zip((0.0, *self.vwap_bands), self.vwap_bands, strict=False))
        if not rising:
            raise ConfigError("vwap_bands must rise from above 0", found=str(self.vwap_bands), expected="rising, > 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalizerConfig:
    """Scales and bounds of the inputs of models (L79 to L83).

    Parameters
    ----------
    sessions : int
        Past sessions over which the scale of a signed log is the median of their medians.
    fixed_scales : tuple of tuple
        Pairs of a column's name and its scale, in its unit, which then does not trail.
    distance_clip : float
        Bound of distances, per cent of spot.
    zscore_clip : float
        Bound of z-scores.
    divergence_scale, divergence_clip : float
        Factor and bound of divergences.
    """

    sessions: int = 20
    fixed_scales: tuple[tuple[str, float], ...] = ()
    distance_clip: float = 5.0
    zscore_clip: float = 5.0
    divergence_scale: float = 1_000.0
    divergence_clip: float = 5.0

    def __post_init__(self) -> None:
        for name in ("sessions", "distance_clip", "zscore_clip", "divergence_scale", "divergence_clip"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name} must be positive", found=str(getattr(self, name)), expected="> 0")
        for column, scale in self.fixed_scales:
            if not scale > 0.0:
                raise ConfigError(f"the scale of {column} must be positive", found=str(scale), expected="> 0")
