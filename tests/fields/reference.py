"""Sixty-digit reference of price and Greeks, and the scale that each error is measured against (spec of the fields)."""

from __future__ import annotations

from typing import Any

import numpy as np
from mpmath import erfc, exp, log, mp, mpf, pi, sqrt, workdps

from market.chains import BoolArray, FloatArray

Case = tuple[float, float, float, float, float, float, bool]
Columns = tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, BoolArray]
DIGITS = 60


def normal(x: Any) -> Any:
    """Return the normal distribution function in the working precision."""
    return erfc(-x / sqrt(2)) / 2


def price(S: Any, K: Any, t: Any, r: Any, q: Any, sigma: Any, eta: int) -> Any:
    """Return the price alone, for derivatives that owe nothing to the closed forms."""
    a = sigma * sqrt(t)
    d1 = (log(S / K) + (r - q) * t) / a + a / 2
    return eta * (S * exp(-q * t) * normal(eta * d1) - K * exp(-r * t) * normal(eta * (d1 - a)))


def greeks_and_scales(case: Case) -> tuple[float, dict[str, tuple[Any, Any]]]:
    """Return d1 and, by name, (reference, sum of the absolute terms of the closed form)."""
    with workdps(DIGITS):
        S, K, t, r, q, sigma = (mpf(float(x)) for x in case[:6])
        eta = 1 if case[6] else -1
        b, a = r - q, sigma * sqrt(t)
        d1 = (log(S / K) + b * t) / a + a / 2
        d2 = d1 - a
        Dq, h = exp(-q * t), 1 / (2 * t)
        n = Dq * exp(-d1 * d1 / 2) / sqrt(2 * pi)
        delta = eta * Dq * normal(eta * d1)
        leg1, leg2 = S * delta, eta * K * exp(-r * t) * normal(eta * d2)
        m, G, V, d12 = b / a - d2 * h, n / (S * a), S * n * sqrt(t), d1 * d2
        rate = abs(q) + h + abs(d1 * m)
        found = {
            "price": (leg1 - leg2, abs(leg1) + abs(leg2)),
            "delta": (delta, abs(delta)),
            "gamma": (G, G),
            "vega": (V, V),
            "theta": (q * leg1 - r * leg2 - V * sigma * h, abs(q * leg1) + abs(r * leg2) + V * sigma * h),
            "rho": (t * leg2, abs(t * leg2)),
            "psi": (-t * leg1, abs(t * leg1)),
            "vanna": (-n * d2 / sigma, n * (abs(d2) + 1) / sigma),
            "charm": (q * delta - n * m, abs(q * delta) + n * (abs(b) / a + abs(d2) * h + h)),
            "vomma": (V * d12 / sigma, V * (abs(d12) + 1) / sigma),
            "veta": (V * (q - h + d1 * m), V * rate),
            "speed": (-G / S * (d1 / a + 1), G / S * (abs(d1) / a + 1)),
            "color": (G * (q + h + d1 * m), G * rate),
            "zomma": (G * (d12 - 1) / sigma, G * (abs(d12) + 1) / sigma),
            "ultima": (
                -V / sigma**2 * (d12 * (1 - d12) + d1**2 + d2**2),
                V / sigma**2 * (abs(d12) * (1 + abs(d12)) + d1**2 + d2**2 + 1),
            ),
            "vanna_decay": (
                n / sigma * (b / a - d1 * h - d2 * (q + d1 * m)),
                n / sigma * (abs(b) / a + abs(d1) * h + abs(d2) * rate + h),
            ),
        }
        return float(d1), found


def random_cases(n: int, seed: int) -> Columns:
    """Return log-random contracts: 1 s to 10 y, 1 to 500 %, K/S within e**8, a tenth of them exactly at the strike."""
    rng = np.random.default_rng(seed)
    S = 10.0 ** rng.uniform(-2, 5, n)
    tau = np.exp(rng.uniform(np.log(1 / 31_536_000), np.log(10), n))
    sigma = np.exp(rng.uniform(np.log(0.01), np.log(5.0), n))
    d = rng.choice([8.0, 8.0, 37.0, 1e3], n) * rng.uniform(-1, 1, n)
    K = S * np.exp(np.clip(-d * sigma * np.sqrt(tau), -8, 8))
    K = np.where(rng.random(n) < 0.1, S, K)
    return S, K, tau, rng.uniform(-0.02, 0.15, n), rng.uniform(0, 0.15, n), sigma, rng.random(n) < 0.5


def scaled_errors(found: dict[str, FloatArray], columns: Columns) -> tuple[FloatArray, dict[str, FloatArray]]:
    """Return d1 and, by name, the scaled error of each contract."""
    d1 = np.empty(columns[0].shape[0])
    errors = {name: np.empty_like(d1) for name in found}
    for i in range(d1.shape[0]):
        d1[i], expected = greeks_and_scales(tuple(column[i] for column in columns))
        with mp.workdps(30):
            for name, values in found.items():
                reference, scale = expected[name]
                errors[name][i] = float(abs(mpf(float(values[i])) - reference) / scale)
    return d1, errors
