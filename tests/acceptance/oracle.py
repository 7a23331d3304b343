"""Black's formulas, the surface and book sums a second time, in plain NumPy and SciPy, from the published equations."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.interpolate import BSpline
from scipy.optimize import brentq
from scipy.special import ndtr

from fields.surface.message import VolSurface

MINUTES = 525_600.0
# Knots of the layer: half deviations from -4 to 3, three more on each side (docs/fields/surface.md).
_KNOTS = -4.0 + 0.5 * np.arange(-3, 18)


class Contracts(NamedTuple):
    """What the oracle values; arrays of shape (n,)."""

    strike: np.ndarray
    is_call: np.ndarray
    tau: np.ndarray
    growth: np.ndarray
    """Forward over spot."""
    discount: np.ndarray
    volatility: np.ndarray
    units: np.ndarray
    """Signed dealer contracts times multiplier."""


def _pdf(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.exp(-0.5 * x * x) / np.sqrt(2.0 * np.pi))


def black_price(
    forward: np.ndarray, strike: np.ndarray, deviation: np.ndarray, discount: np.ndarray, is_call: np.ndarray
) -> np.ndarray:
    """Return option prices; `deviation` is sigma sqrt(tau)."""
    d1 = np.log(forward / strike) / deviation + 0.5 * deviation
    side = np.where(is_call, 1.0, -1.0)
    return np.asarray(discount * side * (forward * ndtr(side * d1) - strike * ndtr(side * (d1 - deviation))))


def greeks(c: Contracts, spot: float) -> dict[str, np.ndarray]:
    """Return delta, gamma, vanna (per 1.00) and charm (per year, forward in time) of one unit."""
    a = c.volatility * np.sqrt(c.tau)
    d1 = np.log(spot * c.growth / c.strike) / a + 0.5 * a
    d2, side = d1 - a, np.where(c.is_call, 1.0, -1.0)
    carried = c.growth * c.discount  # exp(-q tau)
    q, b = -np.log(carried) / c.tau, np.log(c.growth) / c.tau
    density = carried * _pdf(d1)
    delta = side * carried * ndtr(side * d1)
    return {
        "delta": delta,
        "gamma": density / (spot * a),
        "vanna": -density * d2 / c.volatility,
        "charm": q * delta - density * (2.0 * b * c.tau - d2 * a) / (2.0 * c.tau * a),
    }


def totals(c: Contracts, spot: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the four dealer totals in their units, and the sums of their absolute values."""
    g = greeks(c, spot)
    usd = c.units * spot
    rows = np.array(
        [usd * g["delta"], usd * spot * g["gamma"] / 100, usd * g["vanna"] / 100, usd * g["charm"] / MINUTES]
    )
    return rows.sum(axis=1), np.abs(rows).sum(axis=1)


def delta_of_book(c: Contracts, spot: float, *, minutes: float = 0.0, points: float = 0.0) -> float:
    """Return the book's delta in units of the underlying, later and at a higher volatility."""
    left = c.tau - minutes / MINUTES
    living = left > 1e-12
    later = np.where(living, left, 1.0)
    share = later / c.tau
    moved = c._replace(
        tau=later, growth=c.growth**share, discount=c.discount**share, volatility=c.volatility + 0.01 * points
    )
    intrinsic = np.where(c.is_call, 1.0, -1.0) * (np.where(c.is_call, 1.0, -1.0) * (spot - c.strike) > 0.0)
    return float((c.units * np.where(living, greeks(moved, spot)["delta"], intrinsic)).sum())


def gamma_roots(c: Contracts, spot: float, window: float, n_grid: int = 801) -> list[float]:
    """Return every sign change of the book's gamma at fixed volatilities within a log window, by bisection."""

    def gamma(x: float) -> float:
        return float((c.units * greeks(c, spot * np.exp(x))["gamma"]).sum())

    grid = np.linspace(-window, window, n_grid)
    values = np.array([gamma(x) for x in grid])
    cells = np.flatnonzero(values[1:] * values[:-1] < 0.0)
    return [spot * float(np.exp(brentq(gamma, grid[i], grid[i + 1], xtol=1e-13))) for i in cells]


def surface_variance(surface: VolSurface, s: int, k: np.ndarray, bend: int = 0) -> np.ndarray:
    """Return total variance of a slice with its layer, or a derivative over k, from the published equation."""
    theta, rho, psi = surface.theta[s], surface.rho[s], surface.psi[s]
    along, rest = psi * k + theta * rho, theta**2 * (1.0 - rho**2)
    root = np.sqrt(along**2 + rest)
    base = [0.5 * (theta + rho * psi * k + root), 0.5 * psi * (rho + along / root), 0.5 * psi**2 * rest / root**3]
    z = k / np.sqrt(theta)
    inside = (z > -4.0) & (z < 3.0)
    spline = BSpline(_KNOTS, surface.layer[s], 3)
    c = [np.where(inside, spline(np.where(inside, z, 0.0), nu=n), 0.0) / np.sqrt(theta) ** n for n in range(3)]
    if bend == 0:
        return np.asarray(base[0] * (1 + c[0]))
    if bend == 1:
        return np.asarray(base[1] * (1 + c[0]) + base[0] * c[1])
    return np.asarray(base[2] * (1 + c[0]) + 2 * base[1] * c[1] + base[0] * c[2])


def durrleman(surface: VolSurface, s: int, k: np.ndarray) -> np.ndarray:
    """Return Durrleman's g of a slice."""
    w, w1, w2 = (surface_variance(surface, s, k, n) for n in range(3))
    return np.asarray((1 - k * w1 / (2 * w)) ** 2 - w1**2 / 4 * (1 / w + 0.25) + w2 / 2)
