"""A slope with a standard error that survives unequal and correlated errors, and an exponentially weighted mean."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

import numpy as np

from market.chains import FloatArray

__all__ = ["Slope", "ewma_mean", "newey_west_lags", "robust_slope"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slope:
    """Least squares of y on x with an intercept.

    Parameters
    ----------
    value : float
        Slope; NaN where x does not vary.
    standard_error : float
        Robust standard error of the slope.
    r_squared : float
        Share of y's variance that x explains.
    n : int
        Rows.
    lags : int
        Lags of the standard error; 0 is White's.
    """

    value: float
    standard_error: float
    r_squared: float
    n: int
    lags: int


def newey_west_lags(n: int) -> int:
    """Return the usual number of lags for Bartlett weights, ``floor(4 (n / 100)^(2/9))``."""
    return int(4.0 * (n / 100.0) ** (2.0 / 9.0))


def robust_slope(x: FloatArray, y: FloatArray, lags: int = -1) -> Slope:
    """Regress y on x and an intercept, with White's or Newey and West's standard error.

    Parameters
    ----------
    x, y : ndarray, shape (n,)
        Finite.
    lags : int, optional
        Lags of the Bartlett window; 0 is White's HC1, -1 chooses ``floor(4 (n / 100)^(2/9))``.

    Returns
    -------
    Slope
        NaN with fewer than 3 rows, or where x is constant.

    Notes
    -----
    With w = x - mean(x) and residuals e, the scores are u = w e and the variance of the slope is
    ``n / (n - 2) [sum u_t^2 + 2 sum_k (1 - k / (L + 1)) sum_t u_t u_{t-k}] / (sum w^2)^2``: never negative.

    References
    ----------
    newey_west_1987
    """
    n = int(x.shape[0])
    empty = Slope(value=nan, standard_error=nan, r_squared=nan, n=n, lags=0)
    if n < 3:
        return empty
    scale = float(np.abs(x).max())
    if scale == 0.0:
        return empty
    # Dollars squared and returns squared differ by 30 orders of magnitude; scaled, no sum loses digits.
    z = x / scale
    w = z - z.mean()
    v = y - y.mean()
    sxx = float(w @ w)
    if sxx <= 1e-24 * n:
        return empty
    value = float(w @ v) / sxx
    errors = v - value * w
    lags = min(newey_west_lags(n) if lags < 0 else lags, n - 1)
    scores = w * errors
    spread = float(scores @ scores)
    for lag in range(1, lags + 1):
        spread += 2.0 * (1.0 - lag / (lags + 1.0)) * float(scores[lag:] @ scores[:-lag])
    total = float(v @ v)
    return Slope(
        value=value / scale,
        standard_error=float(np.sqrt(max(spread, 0.0) * n / (n - 2.0)) / (sxx * scale)),
        r_squared=1.0 - float(errors @ errors) / total if total > 0.0 else nan,
        n=n,
        lags=lags,
    )


def ewma_mean(values: FloatArray, span: float) -> tuple[float, float]:
    """Return the exponentially weighted mean of values in time order, and its standard error.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Finite, oldest first.
    span : float
        The weight falls by ``1 - 2 / (span + 1)`` from one value to the one before.

    Returns
    -------
    mean : float
        With weights that sum to 1 at any length; NaN without values.
    standard_error : float
        For independent values; NaN with fewer than 2.
    """
    n = int(values.shape[0])
    if n == 0:
        return nan, nan
    weights = (1.0 - 2.0 / (span + 1.0)) ** np.arange(n - 1, -1, -1, dtype=np.float64)
    weights /= weights.sum()
    mean = float(weights @ values)
    squares = weights * weights
    free = 1.0 - float(squares.sum())
    if n < 2 or free <= 0.0:
        return mean, nan
    return mean, float(np.sqrt(squares @ (values - mean) ** 2 / free))
