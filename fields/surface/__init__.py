"""The implied-volatility surface: eSSVI slices fitted together, without arbitrage whatever the quotes are."""

from __future__ import annotations

from fields.surface.calibrate import calibrate_surface
from fields.surface.config import SurfaceConfig
from fields.surface.message import QUOTE_DROPS, QuoteDrop, SliceSource, VolSurface
from fields.surface.slices import FittedSlices, calibrate_slices

__all__ = [
    "QUOTE_DROPS",
    "FittedSlices",
    "QuoteDrop",
    "SliceSource",
    "SurfaceConfig",
    "VolSurface",
    "calibrate_slices",
    "calibrate_surface",
]
