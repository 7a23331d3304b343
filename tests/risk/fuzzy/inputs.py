"""Numbers of one instant for the tests, and Hypothesis strategies for them."""

from __future__ import annotations

from math import nan

from hypothesis import strategies as st

from risk.fuzzy.config import FACTORS, FuzzyConfig
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

SPANS = {
    "consensus": (-1.0, 1.0),
    "iv_rank": (0.0, 1.0),
    "change_probability": (0.0, 1.0),
    "vix": (5.0, 90.0),
    "rsi": (0.0, 100.0),
    "adx": (0.0, 100.0),
    "band_position": (-0.5, 1.5),
    "band_width": (0.0, 0.2),
    "stochastic": (0.0, 100.0),
    "volume_ratio": (0.0, 5.0),
    "sma_distance": (-0.1, 0.1),
    "sar_clearance": (-4.0, 4.0),
    "vol_percentile": (0.0, 1.0),
    "realised_vol": (0.0, 1.0),
    "confidence": (0.0, 1.0),
}
"""Where each number lies."""


@st.composite
def markets(draw: st.DrawFn, *, holes: bool = True) -> FuzzyInputs:
    """Draw the numbers of an instant, with some of them missing where holes are wanted."""
    drawn = {}
    for name, (low, high) in SPANS.items():
        value = st.floats(low, high)
        drawn[name] = draw(st.one_of(value, st.just(nan)) if holes else value)
    return FuzzyInputs(**drawn)


def weights() -> st.SearchStrategy[FuzzyConfig]:
    """Draw weights by their logits."""
    logits = st.lists(st.floats(-5.0, 5.0), min_size=len(FACTORS), max_size=len(FACTORS))
    return logits.map(lambda found: FuzzyConfig().with_logits(dict(zip(FACTORS, found, strict=True))))
