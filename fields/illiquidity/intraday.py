"""Impact by time of day, pulled towards the level of the whole day."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fields.illiquidity.config import ImpactConfig, ImpactMethod
from fields.illiquidity.impact import ImpactEstimate, ImpactSample, estimate_impact, impact_by_method
from market.chains import FloatArray
from market.errors import DataError
from market.trades import Int64Array

__all__ = ["IntradayImpact", "impact_by_time_of_day"]


@dataclass(frozen=True, slots=True, kw_only=True)
class IntradayImpact:
    """Impact by bucket of the day; arrays have shape ``(n_buckets,)`` unless stated.

    Parameters
    ----------
    edges_min : ndarray, shape (n_buckets + 1,)
        Borders of the buckets, minutes of the day; a bucket owns its lower border.
    return_per_usd : ndarray
        Shrunk impact, fraction per USD, within floor and cap; the day's level where a bucket has none of its own.
    standard_error : ndarray
        Standard error of the shrunk impact.
    own_return_per_usd, own_standard_error : ndarray
        What the bucket's own bars say; NaN where they say nothing.
    own_weight : ndarray
        Weight of the bucket's own value, 0 to 1; the rest is the day's level.
    n : ndarray of int64
        Bars.
    level : ImpactEstimate
        The whole day.
    """

    edges_min: FloatArray
    return_per_usd: FloatArray
    standard_error: FloatArray
    own_return_per_usd: FloatArray
    own_standard_error: FloatArray
    own_weight: FloatArray
    n: Int64Array
    level: ImpactEstimate

    def at(self, minute_of_day: float) -> float:
        """Return the impact at a minute of the day; the level outside the buckets."""
        place = int(np.searchsorted(self.edges_min, minute_of_day, side="right")) - 1
        inside = 0 <= place < self.n.shape[0]
        return float(self.return_per_usd[place]) if inside else self.level.return_per_usd


def _between_variance(own: FloatArray, error: FloatArray) -> float:
    """Return the variance between buckets by moments (DerSimonian and Laird), at least 0."""
    weight = 1.0 / error**2
    mean = float((weight * own).sum() / weight.sum())
    excess = float((weight * (own - mean) ** 2).sum()) - (own.shape[0] - 1.0)
    scale = float(weight.sum() - (weight**2).sum() / weight.sum())
    return max(0.0, excess / scale) if scale > 0.0 else 0.0


def impact_by_time_of_day(
    sample: ImpactSample,
    minute_of_day: FloatArray,
    edges_min: FloatArray,
    config: ImpactConfig | None = None,
    *,
    signing_accuracy: float = 1.0,
) -> IntradayImpact:
    """Estimate impact by time of day with the method of the day's level, and shrink it towards that level.

    Parameters
    ----------
    sample : ImpactSample
        Bars of past sessions.
    minute_of_day : ndarray, shape (n_bars,)
        Minute of the day of each bar's start, in the venue's own time.
    edges_min : ndarray, shape (n_buckets + 1,)
        Borders, rising.
    config : ImpactConfig, optional
        Settings.
    signing_accuracy : float, optional
        Share of trades whose aggressor is right.

    Returns
    -------
    IntradayImpact
        Each bucket is ``level + w (own - level)`` with ``w = T / (T + error^2)``, where T is the variance between
        buckets beyond sampling error. Where buckets differ by no more than their errors allow, T is 0.

    Raises
    ------
    DataError
        Where the borders do not rise or the minutes do not fit the bars.
    """
    config = config or ImpactConfig()
    if minute_of_day.shape != sample.log_return.shape or edges_min.shape[0] < 2 or not (np.diff(edges_min) > 0.0).all():
        raise DataError(
            "minutes or borders of the day do not fit the bars",
            found=f"{minute_of_day.shape[0]} minutes, {edges_min.shape[0]} borders",
            expected=f"{sample.log_return.shape[0]} minutes, 2 or more rising borders",
        )
    level = estimate_impact(sample, config, signing_accuracy=signing_accuracy)
    own, error, n = _own(sample, minute_of_day, edges_min, config, level)
    weight = np.zeros(own.shape)
    usable = np.isfinite(own) & (error > 0.0)
    if int(usable.sum()) > 1:
        between = _between_variance(own[usable], error[usable])
        weight[usable] = between / (between + error[usable] ** 2)
    value = np.where(weight > 0.0, (1.0 - weight) * level.return_per_usd + weight * own, level.return_per_usd)
    spread = np.where(weight > 0.0, (1.0 - weight) * level.standard_error + weight * error, level.standard_error)
    return IntradayImpact(
        edges_min=edges_min,
        return_per_usd=np.clip(value, config.floor_return_per_usd, config.cap_return_per_usd),
        standard_error=spread,
        own_return_per_usd=own,
        own_standard_error=error,
        own_weight=weight,
        n=n,
        level=level,
    )


def _own(
    sample: ImpactSample, minute_of_day: FloatArray, edges_min: FloatArray, config: ImpactConfig, level: ImpactEstimate
) -> tuple[FloatArray, FloatArray, Int64Array]:
    n_buckets = edges_min.shape[0] - 1
    own, error = np.full(n_buckets, np.nan), np.full(n_buckets, np.nan)
    place = np.searchsorted(edges_min, minute_of_day, side="right") - 1
    n = np.bincount(place[(place >= 0) & (place < n_buckets)], minlength=n_buckets).astype(np.int64)
    if level.method is ImpactMethod.NONE:
        return own, error, n
    accuracy = level.signing_accuracy if np.isfinite(level.signing_accuracy) else 1.0
    fixed = _at_flow(config, level.flow_usd)
    for bucket in range(n_buckets):
        found = impact_by_method(sample.rows(place == bucket), level.method, fixed, signing_accuracy=accuracy)
        own[bucket], error[bucket] = found.raw_return_per_usd, found.standard_error
    return own, error, n


def _at_flow(config: ImpactConfig, flow_usd: float) -> ImpactConfig:
    # Slopes of a concave law can be compared at one flow only.
    return replace(config, reference_flow_usd=flow_usd)
