"""Hypothesis strategies of single contracts."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from market.chains import BoolArray, FloatArray

Contracts = tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, BoolArray]


@st.composite
def contracts(draw: st.DrawFn) -> Contracts:
    """Draw columns (spot, strike, tau, rate, dividend_yield, volatility, is_call) that the formulas can value."""
    n = draw(st.integers(1, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    spot = np.full(n, draw(st.floats(0.01, 1e5)))
    tau = np.exp(rng.uniform(np.log(3e-8), np.log(10.0), n))
    sigma = np.exp(rng.uniform(np.log(0.01), np.log(5.0), n))
    width = draw(st.sampled_from([0.0, 1.0, 4.0, 8.0]))
    strike = spot * np.exp(np.clip(width * rng.normal(size=n) * sigma * np.sqrt(tau), -8.0, 8.0))
    rate = rng.uniform(-0.02, 0.15, n)
    dividend_yield = rng.uniform(0.0, 0.15, n)
    return spot, strike, tau, rate, dividend_yield, sigma, rng.random(n) < 0.5
