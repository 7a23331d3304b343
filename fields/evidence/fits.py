"""The three small regressions of the harness: ridge logistic, least squares and quantiles, fitted on what is given."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

import numpy as np
from scipy.optimize import linprog
from scipy.special import expit

from fields.evidence.auc import BoolArray
from market.chains import FloatArray
from market.errors import DataError, NumericsError

__all__ = ["LinearFit", "fit_logistic", "fit_quantile", "fit_ridge"]

_MAX_STEPS = 100
_TOLERANCE = 1e-10


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearFit:
    """A linear index with the scaling of the rows it was fitted on.

    Parameters
    ----------
    intercept : float
        Index at the mean of the fitted rows.
    slope : ndarray, shape (n_features,)
        Per standard deviation of each feature; 0 for a feature that did not vary.
    centre, scale : ndarray, shape (n_features,)
        Mean and standard deviation of the fitted rows.
    """

    intercept: float
    slope: FloatArray
    centre: FloatArray
    scale: FloatArray

    def index(self, features: FloatArray) -> FloatArray:
        """Return the linear index of rows, shape (n,)."""
        value: FloatArray = self.intercept + ((features - self.centre) / self.scale) @ self.slope
        return value

    def probability(self, features: FloatArray) -> FloatArray:
        """Return the logistic of the index, shape (n,)."""
        value: FloatArray = expit(self.index(features))
        return value


def _scaled(features: FloatArray, n_outcomes: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    if features.ndim != 2 or features.shape[0] != n_outcomes or n_outcomes < 1:
        raise DataError(
            "features do not fit the outcomes", found=f"{features.shape} and {n_outcomes}", expected="(n, n_features)"
        )
    if not np.isfinite(features).all():
        raise DataError("a feature is missing", expected="finite rows", action="leave incomplete rows out beforehand")
    centre, scale = features.mean(axis=0), features.std(axis=0)
    # A column without variation, such as the dummy of an event that did not happen yet, must say nothing.
    fixed = scale <= 1e-12 * (1.0 + np.abs(centre))
    safe = np.where(fixed, 1.0, scale)
    return np.where(fixed, 0.0, (features - centre) / safe), centre, np.where(fixed, np.inf, scale)


def _with_one(scaled: FloatArray) -> FloatArray:
    return np.column_stack([np.ones(scaled.shape[0]), scaled])


def fit_logistic(features: FloatArray, positive: BoolArray, *, ridge: float = 1.0) -> LinearFit:
    """Fit log odds linear in standardised features by penalised maximum likelihood.

    Parameters
    ----------
    features : ndarray, shape (n, n_features)
        Finite.
    positive : ndarray of bool, shape (n,)
        Outcomes; with one class only the penalty alone keeps the intercept finite.
    ridge : float
        Penalty ``ridge / 2 |slope|^2`` on the summed log-likelihood, > 0; a millionth of it on the intercept.

    Returns
    -------
    LinearFit
        By Newton's method with step halving.
    """
    if not ridge > 0.0:
        raise DataError("the ridge keeps separable samples finite", found=str(ridge), expected="> 0")
    scaled, centre, scale = _scaled(features, positive.size)
    design, outcome = _with_one(scaled), positive.astype(np.float64)
    penalty = np.r_[1e-6 * ridge, np.full(scaled.shape[1], ridge)]

    def loss(beta: FloatArray) -> float:
        index = design @ beta
        return float((np.logaddexp(0.0, index) - outcome * index).sum() + 0.5 * (penalty * beta * beta).sum())

    beta = np.zeros(design.shape[1])
    value = loss(beta)
    for _ in range(_MAX_STEPS):
        chance = expit(design @ beta)
        gradient = design.T @ (chance - outcome) + penalty * beta
        curvature = design.T @ (design * (chance * (1.0 - chance))[:, None]) + np.diag(penalty)
        step = np.linalg.solve(curvature, gradient)
        size = 1.0
        while loss(beta - size * step) > value and size > 1e-6:
            size *= 0.5
        beta = beta - size * step
        value = loss(beta)
        if float(gradient @ step) < _TOLERANCE:
            return LinearFit(intercept=float(beta[0]), slope=beta[1:], centre=centre, scale=scale)
    raise NumericsError("the logistic fit did not settle", found=f"{_MAX_STEPS} steps", action="raise the ridge")


def fit_ridge(features: FloatArray, outcome: FloatArray, *, ridge: float = 1e-8) -> LinearFit:
    """Fit an outcome linear in standardised features by least squares with a ridge.

    Parameters
    ----------
    features : ndarray, shape (n, n_features)
        Finite.
    outcome : ndarray, shape (n,)
        Finite.
    ridge : float
        Penalty ``ridge |slope|^2`` on the sum of squares.

    Returns
    -------
    LinearFit
        Of the conditional mean.
    """
    scaled, centre, scale = _scaled(features, outcome.size)
    middle = float(outcome.mean())
    normal = scaled.T @ scaled + ridge * np.eye(scaled.shape[1])
    slope: FloatArray = np.linalg.solve(normal, scaled.T @ (outcome - middle)).astype(np.float64, copy=False)
    return LinearFit(intercept=middle, slope=slope, centre=centre, scale=scale)


def fit_quantile(features: FloatArray, outcome: FloatArray, *, level: float = 0.5) -> LinearFit:
    """Fit a conditional quantile linear in standardised features.

    Parameters
    ----------
    features : ndarray, shape (n, n_features)
        Finite.
    outcome : ndarray, shape (n,)
        Finite.
    level : float
        Quantile, inside 0 to 1; 0.5 is the median.

    Returns
    -------
    LinearFit
        Exact minimiser of the pinball loss: the multipliers of the dual linear programme
        ``max y'a  s.t.  X'a = (1 - level) X'1, 0 <= a <= 1``.

    References
    ----------
    Koenker and Bassett (1978), Econometrica 46.
    """
    if not 0.0 < level < 1.0:
        raise DataError("a quantile lies inside 0 to 1", found=str(level))
    scaled, centre, scale = _scaled(features, outcome.size)
    design = _with_one(scaled)
    varies = np.r_[True, np.isfinite(scale)]
    found = linprog(
        -outcome,
        A_eq=design[:, varies].T,
        b_eq=(1.0 - level) * design[:, varies].sum(axis=0),
        bounds=(0.0, 1.0),
        method="highs",
    )
    if found.status != 0:
        raise NumericsError("the quantile fit did not settle", found=str(found.message), expected="an optimum")
    beta = np.full(design.shape[1], nan)
    beta[varies], beta[~varies] = -np.asarray(found.eqlin.marginals), 0.0
    return LinearFit(intercept=float(beta[0]), slope=beta[1:], centre=centre, scale=scale)
