"""Weights of gamma, vanna and charm flow, so that what they share is not counted twice (D126x)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fields.illiquidity.regression import newey_west_lags
from market.chains import FloatArray
from market.errors import DataError

__all__ = ["HedgeWeights", "calibrate_weights"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HedgeWeights:
    """How much of each predicted hedge flow the market's returns show; arrays have shape ``(n_flows,)``.

    Parameters
    ----------
    weight : ndarray
        Coefficient of the flow over impact: 1 where the flow moves price like any other flow; NaN with a reason.
    standard_error : ndarray
        Newey-West error of the coefficient over impact; the error of impact itself is not in it.
    impact_return_per_usd : float
        Impact that the coefficients were divided by, fraction per USD.
    condition : float
        Condition number of the flows' correlation matrix: large where they cannot be told apart.
    r_squared : float
        Share of the returns' variance that the flows explain together.
    n : int
        Rows.
    reason : str
        Why the weights are NaN; empty where they are not.
    """

    weight: FloatArray
    standard_error: FloatArray
    impact_return_per_usd: float
    condition: float
    r_squared: float
    n: int
    reason: str


def calibrate_weights(
    log_return: FloatArray,
    predicted_usd: FloatArray,
    impact_return_per_usd: float,
    *,
    min_rows: int = 100,
    max_condition: float = 100.0,
    lags: int = -1,
) -> HedgeWeights:
    """Regress returns on the hedge flows that were predicted for them, all at once.

    Parameters
    ----------
    log_return : ndarray, shape (n,)
        Log return over each interval.
    predicted_usd : ndarray, shape (n, n_flows)
        Predicted dealer flow of each kind, USD, + dealers buy; known at the *start* of the interval. A gamma flow made
        from the interval's own return would explain it by construction.
    impact_return_per_usd : float
        Impact, fraction per USD.
    min_rows : int, optional
        Fewest rows in which everything is known.
    max_condition : float, optional
        Largest condition number of the flows' correlation matrix that is still told apart.
    lags : int, optional
        Lags of the Newey-West error; -1 chooses by the number of rows.

    Returns
    -------
    HedgeWeights
        NaN with a reason where rows are few, flows do not vary or are collinear, or impact is unknown.

    Raises
    ------
    DataError
        Where the shapes do not fit.
    """
    if predicted_usd.ndim != 2 or log_return.shape != predicted_usd.shape[:1] or not predicted_usd.shape[1]:
        raise DataError(
            "returns and predicted flows do not fit",
            found=f"{log_return.shape} and {predicted_usd.shape}",
            expected="(n,) and (n, n_flows)",
        )
    known = np.isfinite(log_return) & np.isfinite(predicted_usd).all(axis=1)
    n, k = int(known.sum()), int(predicted_usd.shape[1])
    flows, returns = predicted_usd[known], log_return[known]
    if n < max(min_rows, k + 3):
        return _no_weights(k, n, impact_return_per_usd, f"{n} rows of {max(min_rows, k + 3)} needed")
    if not impact_return_per_usd > 0.0:
        return _no_weights(k, n, impact_return_per_usd, "impact is unknown")
    deviation = flows.std(axis=0)
    if not (deviation > 1e-12 * np.abs(flows).max(axis=0)).all():
        return _no_weights(k, n, impact_return_per_usd, "a predicted flow does not vary")
    z = (flows - flows.mean(axis=0)) / deviation
    condition = float(np.linalg.cond(z.T @ z / n))
    if not condition <= max_condition:
        reason = f"the flows are collinear: condition number {condition:.3g}, at most {max_condition:g}"
        return _no_weights(k, n, impact_return_per_usd, reason, condition)
    value, error, explained = _fit(z, returns - returns.mean(), newey_west_lags(n) if lags < 0 else min(lags, n - 1))
    return HedgeWeights(
        weight=value / deviation / impact_return_per_usd,
        standard_error=error / deviation / impact_return_per_usd,
        impact_return_per_usd=impact_return_per_usd,
        condition=condition,
        r_squared=explained,
        n=n,
        reason="",
    )


def _fit(z: FloatArray, v: FloatArray, lags: int) -> tuple[FloatArray, FloatArray, float]:
    n, k = z.shape
    bread = np.linalg.inv(z.T @ z)
    value = bread @ (z.T @ v)
    errors = v - z @ value
    scores = z * errors[:, None]
    meat = scores.T @ scores
    for lag in range(1, lags + 1):
        cross = scores[lag:].T @ scores[:-lag]
        meat = meat + (1.0 - lag / (lags + 1.0)) * (cross + cross.T)
    spread = np.sqrt(np.maximum(np.diag(bread @ meat @ bread), 0.0) * n / (n - k - 1.0))
    total = float(v @ v)
    explained = 1.0 - float(errors @ errors) / total if total > 0.0 else float("nan")
    return np.asarray(value), np.asarray(spread), explained


def _no_weights(k: int, n: int, impact: float, reason: str, condition: float = float("nan")) -> HedgeWeights:
    return HedgeWeights(
        weight=np.full(k, np.nan),
        standard_error=np.full(k, np.nan),
        impact_return_per_usd=impact,
        condition=condition,
        r_squared=float("nan"),
        n=n,
        reason=reason,
    )
