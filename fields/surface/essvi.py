"""The eSSVI slice: total variance over log-moneyness, its slopes, its density, and the set that is free of arbitrage.

A slice has three numbers: theta (variance at the money), rho and psi. The set without arbitrage is simplest in
``u = psi (1 + rho)``, ``v = psi (1 - rho)`` (four times the slopes of the two wings, halved) and ``q = theta / psi``:
no calendar arbitrage between two slices means that each of the three is not lower in the later one, and no butterfly
arbitrage means that u and v lie below a bound that rises with q (docs/adr/009).
"""

from __future__ import annotations

import math

import numpy as np

from fields.jit import primitive
from market.chains import FloatArray

__all__ = ["density_factor", "slope_limit", "total_variance", "variance_at"]

_HEADROOM = 1.0 - 1e-9


@primitive
def variance_at(theta: float, rho: float, psi: float, k: float) -> float:
    """Return total variance at one log-moneyness."""
    along = psi * k + theta * rho
    root = math.sqrt(along * along + theta * theta * (1.0 - rho * rho))
    return 0.5 * (theta + rho * psi * k + root)


def total_variance(theta: FloatArray, rho: FloatArray, psi: FloatArray, k: FloatArray) -> FloatArray:
    """Return total variance; the arguments are broadcast.

    Parameters
    ----------
    theta, rho, psi : ndarray
        Slice: variance at the money, correlation, and slope.
    k : ndarray
        ln(strike / forward).

    Returns
    -------
    ndarray
        ``(theta + rho psi k + sqrt((psi k + theta rho)^2 + theta^2 (1 - rho^2))) / 2``.
    """
    root = np.sqrt((psi * k + theta * rho) ** 2 + theta**2 * (1.0 - rho**2))
    return np.asarray(0.5 * (theta + rho * psi * k + root))


def density_factor(theta: FloatArray, rho: FloatArray, psi: FloatArray, k: FloatArray) -> FloatArray:
    """Return Durrleman's g, whose sign is that of the risk-neutral density; the arguments are broadcast.

    Parameters
    ----------
    theta, rho, psi : ndarray
        Slice.
    k : ndarray
        ln(strike / forward).

    Returns
    -------
    ndarray
        ``(1 - k w' / (2 w))^2 - w'^2 (1 / w + 1 / 4) / 4 + w'' / 2``; 1 for a flat smile.
    """
    along, rest = psi * k + theta * rho, theta**2 * (1.0 - rho**2)
    root = np.sqrt(along**2 + rest)
    w = 0.5 * (theta + rho * psi * k + root)
    first = 0.5 * psi * (rho + along / root)
    second = 0.5 * psi**2 * rest / root**3
    return np.asarray((1.0 - 0.5 * k * first / w) ** 2 - 0.25 * first**2 * (1.0 / w + 0.25) + 0.5 * second)


@primitive
def slope_limit(u: float, v: float) -> float:
    """Return the highest max(u, v) / q without butterfly arbitrage, at the ratio and the height of u and v.

    Gatheral and Jacquier's sufficient bound is 4. `density_factor` is linear in psi phi and psi^2, so the exact bound
    is concave in psi^2 and the chord between its ends is safe: 4 at the steepest wing that Lee's formula allows, and
    4 `reach` for a flat one. `reach` lies at most 6 % below the exact value at every ratio (docs/adr/009).
    """
    high = max(u, v)
    ratio = min(u, v) / high
    reach = 2.0 + ratio / (0.108 + 0.255 * ratio)
    steep = min(0.0625 * high * high, 1.0)
    return 4.0 * _HEADROOM * (reach - (reach - 1.0) * steep)
