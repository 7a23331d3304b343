"""Surfaces that are known exactly: eSSVI slices, and the stochastic-volatility models of an independent library."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import QuantLib as ql  # noqa: N813  # its own documents call it so

from fields.implied_vol import implied_volatility
from fields.surface.config import SurfaceConfig
from fields.surface.essvi import total_variance
from market.chains import FloatArray

SLICES, STRIKES = 40, 250
BATES_JUMPS = (0.5, -0.1, 0.12)


class Quotes(NamedTuple):
    """Volatilities of a grid of slices, slice after slice."""

    k: FloatArray
    iv: FloatArray
    start: np.ndarray
    tau: FloatArray

    @property
    def series(self) -> np.ndarray:
        """Slice of each quote."""
        return np.repeat(np.arange(self.tau.shape[0]), np.diff(self.start))

    def weight(self, half_spread: float = 0.002) -> FloatArray:
        """Return weights of one half spread with the taper of the settings."""
        z = self.k / (self.iv * np.sqrt(self.tau[self.series])) / SurfaceConfig().wing_taper_sd
        return np.asarray(np.exp(-0.5 * z * z) / half_spread)

    def noisy(self, deviation: float, seed: int) -> Quotes:
        """Return the quotes with relative noise."""
        draw = np.random.default_rng(seed).standard_normal(self.iv.shape)
        return self._replace(iv=self.iv * (1.0 + deviation * draw))


def essvi_numbers(n: int = SLICES) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return (tau, theta, rho, psi) of an index-like surface without arbitrage."""
    tau = np.linspace(1.0 / 365.0, 2.0, n)
    theta, rho = 0.04 * tau, -0.8 + 0.15 * tau
    return tau, theta, rho, theta / (0.9 * np.sqrt(theta))


def essvi_quotes(n: int = SLICES, strikes: int = STRIKES) -> Quotes:
    """Return exact quotes of that surface, -5 to 2.5 standard deviations."""
    tau, theta, rho, psi = essvi_numbers(n)
    k = np.linspace(-5.0, 2.5, strikes) * np.sqrt(theta)[:, None]
    iv = np.sqrt(total_variance(theta[:, None], rho[:, None], psi[:, None], k) / tau[:, None])
    return Quotes(k=k.ravel(), iv=iv.ravel(), start=np.arange(n + 1) * strikes, tau=tau)


def _engine(jumps: tuple[float, float, float] | None) -> ql.PricingEngine:
    today = ql.Date(2, 1, 2023)
    ql.Settings.instance().evaluationDate = today
    flat = ql.YieldTermStructureHandle(ql.FlatForward(today, 0.0, ql.Actual365Fixed()))
    spot = ql.QuoteHandle(ql.SimpleQuote(1.0))
    # Variance 0.04, reversion 1.5 to 0.04, volatility of variance 0.8, correlation -0.7.
    numbers = (flat, flat, spot, 0.04, 1.5, 0.04, 0.8, -0.7)
    if jumps is None:
        return ql.AnalyticHestonEngine(ql.HestonModel(ql.HestonProcess(*numbers)), 160)
    return ql.BatesEngine(ql.BatesModel(ql.BatesProcess(*numbers, *jumps)), 160)


@cache
def stochastic_quotes(jumps: tuple[float, float, float] | None = None) -> Quotes:
    """Return quotes of Heston's model, or of Bates's with (intensity, mean, deviation) of its jumps."""
    engine, today = _engine(jumps), ql.Date(2, 1, 2023)
    days = np.unique(np.round(np.geomspace(7, 730, SLICES)).astype(int))
    tau = days / 365.0
    k = np.linspace(-5.0, 2.5, STRIKES) * 0.2 * np.sqrt(tau)[:, None]
    prices = np.empty(k.shape)
    for i, row in enumerate(k.tolist()):
        exercise = ql.EuropeanExercise(today + int(days[i]))
        for j, x in enumerate(row):
            kind = ql.Option.Call if x >= 0.0 else ql.Option.Put
            option = ql.VanillaOption(ql.PlainVanillaPayoff(kind, float(np.exp(x))), exercise)
            option.setPricingEngine(engine)
            prices[i, j] = option.NPV()
    flat, years = k.ravel(), np.repeat(tau, STRIKES)
    iv = implied_volatility(prices.ravel(), 1.0, np.exp(flat), years, 1.0, flat >= 0.0).volatility
    return Quotes(k=flat, iv=iv, start=np.arange(days.size + 1) * STRIKES, tau=tau)
