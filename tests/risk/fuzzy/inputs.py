"""Numbers of one instant for the tests."""

from __future__ import annotations

from risk.fuzzy.score import FuzzyInputs

CALM = FuzzyInputs(
    consensus=0.1,
    iv_rank=0.5,
    change_probability=0.1,
    vix=14.0,
    rsi=52.0,
    adx=18.0,
    band_position=0.55,
    band_width=0.02,
    stochastic=45.0,
    volume_ratio=1.2,
    sma_distance=0.004,
    sar_clearance=0.4,
    vol_percentile=0.3,
    realised_vol=0.15,
    confidence=0.6,
)
"""A quiet market in which everything is known."""
