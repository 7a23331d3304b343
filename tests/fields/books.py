"""Small and large option books for the tests of ladder and roots, and a slow exact valuation of them."""

from __future__ import annotations

from dataclasses import replace

import mpmath as mp
import numpy as np
from numpy.typing import NDArray

from fields.grid import LogGrid
from fields.holdings import Holdings
from fields.ladder import LadderContracts
from fields.smile import SmileTable
from market.chains import FloatArray, IntArray

TAUS = np.array([390.0 / 525_600.0, 1.3 / 365.0, 7.0 / 365.0, 30.0 / 365.0, 0.25, 1.0, 2.5])


def random_book(n: int, seed: int) -> tuple[LadderContracts, FloatArray, IntArray]:
    """Return contracts with a skewed smile per series, weights and the series of each contract."""
    rng = np.random.default_rng(seed)
    series = rng.integers(0, TAUS.shape[0], n).astype(np.int32)
    spot, tau = 5003.25, TAUS[series]
    strike = np.round(spot * np.exp(rng.normal(0.0, 0.08, n)) / 5.0) * 5.0
    k = np.log(strike / spot)
    book = LadderContracts(
        spot=spot,
        strike=strike,
        tau=tau,
        volatility=0.15 - 0.3 * k / (1.0 + 4.0 * np.sqrt(tau)) + 0.6 * k * k + 0.02 * rng.random(n),
        carry=np.linspace(0.01, 0.04, TAUS.shape[0])[series],
        dividend_yield=np.linspace(0.03, 0.012, TAUS.shape[0])[series],
        is_call=rng.random(n) < 0.5,
    )
    return book, rng.lognormal(5.0, 1.5, n), series


def smile_of(book: LadderContracts, series: IntArray, grid: LogGrid) -> SmileTable:
    """Return the moving smile of a book, every contract a knot."""
    k = np.log(book.strike / book.spot) - book.carry * book.tau
    return SmileTable.build(grid, series, k, book.volatility, np.ones(k.shape, dtype=np.bool_))


def subset(book: LadderContracts, chosen: NDArray[np.int64]) -> LadderContracts:
    """Return some of the contracts, or all in another order."""
    names = ("strike", "tau", "volatility", "carry", "dividend_yield", "is_call")
    return replace(book, **{name: getattr(book, name)[chosen] for name in names})


def exact_sums(book: LadderContracts, weight: FloatArray, x: float, volatility: FloatArray) -> dict[str, FloatArray]:
    """Return gamma, vanna, charm (unit: USD at full shocks, per year) and delta USD of calls and puts at one log spot.

    Delta alone is coded here; the others are its differences at 40 digits. The scale is the sum of the absolute terms
    of the closed forms.
    """
    names = ("gamma", "vanna", "charm", "delta")
    total = {name: [mp.mpf(0), mp.mpf(0)] for name in names}
    scale = {name: [mp.mpf(0), mp.mpf(0)] for name in names}
    with mp.workdps(40):
        spot = mp.mpf(book.spot) * mp.exp(mp.mpf(x))
        for i in range(weight.shape[0]):
            row = 0 if book.is_call[i] else 1
            values = _exact_greeks(book, i, spot, mp.mpf(float(volatility[i])))
            for name, (value, size) in values.items():
                total[name][row] += mp.mpf(float(weight[i])) * spot * value
                scale[name][row] += abs(mp.mpf(float(weight[i]))) * spot * size
        result = {name: np.array([float(v) for v in total[name]]) for name in names}
        return result | {name + "_scale": np.array([float(v) for v in scale[name]]) for name in names}


def _exact_greeks(book: LadderContracts, i: int, spot: mp.mpf, sigma: mp.mpf) -> dict[str, tuple[mp.mpf, mp.mpf]]:
    strike, tau, b, q = (mp.mpf(float(v[i])) for v in (book.strike, book.tau, book.carry, book.dividend_yield))
    eta = 1 if book.is_call[i] else -1

    def delta(s: mp.mpf, volatility: mp.mpf, time: mp.mpf) -> mp.mpf:
        a = volatility * mp.sqrt(time)
        return eta * mp.exp(-q * time) * mp.ncdf(eta * ((mp.log(s / strike) + b * time) / a + a / 2))

    # Steps of 1e-12 at 40 digits are exact to 1e-24: no Greek formula of the library stands here.
    h = mp.mpf(10) ** -12
    gamma = (delta(spot * (1 + h), sigma, tau) - delta(spot * (1 - h), sigma, tau)) / (2 * h)
    vanna = (delta(spot, sigma * (1 + h), tau) - delta(spot, sigma * (1 - h), tau)) / (2 * h * sigma)
    charm = -(delta(spot, sigma, tau * (1 + h)) - delta(spot, sigma, tau * (1 - h))) / (2 * h * tau)
    a = sigma * mp.sqrt(tau)
    d2 = (mp.log(spot / strike) + b * tau) / a - a / 2
    density = mp.exp(-q * tau) * mp.npdf(d2 + a)
    value = delta(spot, sigma, tau)
    charm_size = abs(q * value) + density * (abs(b) / a + abs(d2) / (2 * tau) + 1 / (2 * tau))
    vanna_size = density * (abs(d2) + 1) / sigma
    return {
        "gamma": (gamma, abs(gamma)),
        "vanna": (vanna, vanna_size),
        "charm": (charm, charm_size),
        "delta": (value, abs(value)),
    }


def random_holdings(n_strikes: int, seed: int, minutes_per_year: float = 525_600.0) -> Holdings:
    """Return call-put pairs in book order: pairs of one volatility, pairs of two, and single contracts.

    The first series expires 200 minutes of the clock ahead.
    """
    rng = np.random.default_rng(seed)
    tau_of = np.array([200.0, 3_000.0, 20_000.0, 120_000.0]) / minutes_per_year
    series = np.repeat(np.arange(4), 2 * n_strikes)
    strike = np.repeat(np.sort(np.round(5003.25 * np.exp(rng.normal(0.0, 0.05, (4, n_strikes)))), axis=1).ravel(), 2)
    is_call = np.tile([False, True], 4 * n_strikes)
    k = np.log(strike / 5003.25)
    own = np.where(np.repeat(rng.random(4 * n_strikes) < 0.7, 2), 0.0, 0.01 * rng.random(series.shape[0]))
    kept = rng.random(series.shape[0]) < 0.9
    carry, dividend = np.linspace(0.01, 0.04, 4)[series], np.linspace(0.03, 0.012, 4)[series]
    columns = {
        "series": series,
        "strike": strike,
        "is_call": is_call,
        "tau": tau_of[series],
        "volatility": 0.16 - 0.3 * k + 0.6 * k * k + own,
        "rate": carry + dividend,
        "carry": carry,
        "multiplier": np.full(series.shape, 100.0),
        "contracts": np.round(rng.normal(0.0, 300.0, series.shape[0])),
        "open_interest": np.round(rng.lognormal(5.0, 1.0, series.shape[0])),
    }
    return Holdings(place=np.flatnonzero(kept), **{name: column[kept] for name, column in columns.items()})
