"""Readings over a trailing window of minutes: average price, spread, and the price impact of signed volume."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

import numpy as np

from fields.flow.features import FlowReason
from market.chains import FloatArray

__all__ = ["ImpactSlope", "impact_slope", "percentile_of", "window_vwap"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpactSlope:
    """A regression of returns on signed volume.

    Parameters
    ----------
    slope, standard_error : float
        Log return per USD of signed volume; NaN where missing.
    n_minutes : int
        Minutes that have both.
    reason : FlowReason
        Why the slope is missing.
    """

    slope: float
    standard_error: float
    n_minutes: int
    reason: FlowReason


def impact_slope(log_return: FloatArray, signed_volume_usd: FloatArray, *, min_minutes: int) -> ImpactSlope:
    """Return Kyle's slope with an error that heteroscedastic returns do not shrink.

    Parameters
    ----------
    log_return, signed_volume_usd : ndarray, shape (n_minutes,)
        One value a minute; minutes with a NaN in either are left out.
    min_minutes : int
        Fewest minutes for a slope.

    Returns
    -------
    ImpactSlope
        Least squares with an intercept; the error is HC3, NaN where one minute alone fixes the line.
    """
    known = np.isfinite(log_return) & np.isfinite(signed_volume_usd)
    n = int(known.sum())
    if n < min_minutes:
        return ImpactSlope(slope=nan, standard_error=nan, n_minutes=n, reason=FlowReason.TOO_FEW_MINUTES)
    r, v = log_return[known], signed_volume_usd[known]
    x, y = v - v.mean(), r - r.mean()
    spread = float(np.dot(x, x))
    if not spread > 0.0 or spread <= (1e-12 * float(np.abs(v).max())) ** 2 * n:
        return ImpactSlope(slope=nan, standard_error=nan, n_minutes=n, reason=FlowReason.NO_VARIATION)
    slope = float(np.dot(x, y)) / spread
    freedom = 1.0 - 1.0 / n - x * x / spread
    if float(freedom.min()) < 1e-9:
        error = nan
    else:
        weighted = x * (y - slope * x) / freedom
        error = float(np.sqrt(np.dot(weighted, weighted))) / spread
    return ImpactSlope(slope=slope, standard_error=error, n_minutes=n, reason=FlowReason.NONE)


def percentile_of(value: float, past: FloatArray, *, min_values: int) -> float:
    """Return the share of known past values below `value`, ties by half; NaN where too few are known.

    Parameters
    ----------
    value : float
        What to place.
    past : ndarray, shape (n_minutes,)
        Earlier values, NaN where missing; `value` is not among them.
    min_values : int
        Fewest known values.

    Returns
    -------
    float
        Between 0 and 1.
    """
    known = past[np.isfinite(past)]
    if not np.isfinite(value) or known.shape[0] < min_values:
        return nan
    below, equal = float((known < value).sum()), float((known == value).sum())
    return float((below + 0.5 * equal) / known.shape[0])


def window_vwap(minute_vwap: FloatArray, volume: FloatArray) -> float:
    """Return the volume-weighted average price over some minutes; NaN where none has traded.

    Parameters
    ----------
    minute_vwap, volume : ndarray, shape (n_minutes,)
        Average price of each minute, NaN where it has no volume, and its volume.

    Returns
    -------
    float
        USD.
    """
    traded = volume > 0.0
    total = float(volume[traded].sum())
    if not total > 0.0:
        return nan
    # Around one of the prices, so that the average of equal prices is that price.
    reference = float(minute_vwap[traded][0])
    return reference + float(np.dot(minute_vwap[traded] - reference, volume[traded])) / total
