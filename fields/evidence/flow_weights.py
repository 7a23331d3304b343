"""Weights of the predicted hedge flow of gamma and of vanna, calibrated walk-forward on returns (D126x)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from math import isfinite, nan, sqrt
from statistics import NormalDist
from typing import Final

import numpy as np

from fields.evidence.auc import BoolArray, IntArray
from fields.evidence.resampling import block_weights
from fields.evidence.walkforward import Fold, expanding_folds
from fields.illiquidity.regression import robust_slope
from market.chains import FloatArray
from market.errors import ConfigError, DataError

__all__ = [
    "FlowModel",
    "FlowSample",
    "FlowWeight",
    "FlowWeightPlan",
    "FlowWeights",
    "SkillGain",
    "calibrate_flow_weights",
    "rehedging_parts",
]

_N95: Final = NormalDist().inv_cdf(0.975)


class FlowModel(Enum):
    """Which weights a return is foretold with."""

    NONE = "none"
    EQUAL = "equal"
    CALIBRATED = "calibrated"


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowSample:
    """Rows in time order: what dealers were expected to trade, and what the price did after it was known.

    Parameters
    ----------
    names : tuple of str
        Parts of the flow, such as ``gamma`` and ``vanna``.
    parts : ndarray, shape (n, n_parts)
        Predicted flow of each part over the time of the return, USD, + dealers buy; NaN where unknown.
    log_return : ndarray, shape (n,)
        Log return of the underlying from `known_ns` to `outcome_ns`; NaN where unknown.
    session : ndarray of int64, shape (n,)
        Session of each row; rows of a session are drawn together.
    known_ns, outcome_ns : ndarray of int64, shape (n,)
        When the parts were known, and when the return was over, ns since the epoch, UTC.

    Raises
    ------
    DataError
        Lengths differ, rows are not in order of time, or a return begins before the one before it is over.
    """

    names: tuple[str, ...]
    parts: FloatArray
    log_return: FloatArray
    session: IntArray
    known_ns: IntArray
    outcome_ns: IntArray

    def __post_init__(self) -> None:
        n = self.log_return.shape[0]
        shapes = [self.parts.shape, *(each.shape for each in (self.session, self.known_ns, self.outcome_ns))]
        if shapes != [(n, len(self.names)), (n,), (n,), (n,)]:
            raise DataError("the rows of a flow sample differ in length", found=str(shapes), expected=f"{n} rows")
        if np.any(self.outcome_ns <= self.known_ns) or np.any(self.known_ns[1:] < self.outcome_ns[:-1]):
            raise DataError(
                "returns of a flow sample overlap or run backwards",
                found="a row that is known before the return of the row before it is over",
                expected="rows in order of time, one return after the other",
            )

    @property
    def usable(self) -> BoolArray:
        """Rows without a number missing."""
        return np.isfinite(self.parts).all(axis=1) & np.isfinite(self.log_return)


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowWeightPlan:
    """How weights are calibrated and judged; fixed before a result is seen.

    Parameters
    ----------
    first_train_sessions, refit_sessions, embargo_sessions : int
        Expanding walk-forward: sessions of the first fit, between fits, and left out between fit and prediction.
    least_rows : int
        Complete rows of any fit.
    most_correlation : float
        Largest size of correlation of one part with a linear combination of the others, in (0, 1); beyond, their
        weights cannot be told apart.
    most_row_share : float
        Largest share of one row in the variation of a part, in (0, 1); beyond, one day would decide its weight.
    n_draws : int
        Resamples of sessions behind each interval.

    Raises
    ------
    ConfigError
        A number lies outside its range.
    """

    first_train_sessions: int = 250
    refit_sessions: int = 20
    embargo_sessions: int = 1
    least_rows: int = 60
    most_correlation: float = 0.95
    most_row_share: float = 0.25
    n_draws: int = 2_000

    def __post_init__(self) -> None:
        counts = (self.first_train_sessions, self.refit_sessions, self.n_draws)
        shares_fit = 0 < self.most_correlation < 1 and 0 < self.most_row_share < 1
        if min(counts) < 1 or self.embargo_sessions < 0 or self.least_rows < 10 or not shares_fit:
            raise ConfigError(
                "the plan of flow weights cannot be",
                found=str(self),
                expected="sessions and draws from 1, embargo from 0, at least 10 rows, shares within (0, 1)",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowWeight:
    """Weight of one part, from all complete rows.

    Parameters
    ----------
    name : str
        Part.
    return_per_usd : float
        Slope of the return on the part beside the others, fraction per USD: impact times weight.
    standard_error : float
        Of the slope, by Newey and West.
    weight : float
        Slope over the impact: 1 where dealers trade what was predicted; NaN where the impact is unknown.
    low, high : float
        Its 95 % interval, the error of the impact in it; NaN with it.
    """

    name: str
    return_per_usd: float
    standard_error: float
    weight: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SkillGain:
    """Out-of-sample R2 of one model over another, ``1 - sum e1^2 / sum e0^2``.

    Parameters
    ----------
    model, against : FlowModel
        The two.
    r_squared : float
        Of all predictions; below 0 where the model foretells worse.
    low, high : float
        95 % interval over resampled sessions.
    """

    model: FlowModel
    against: FlowModel
    r_squared: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowWeights:
    """Calibrated weights, and whether they foretell better than weights of 1 and than no flow at all.

    Parameters
    ----------
    weights : tuple of FlowWeight
        One for each part; empty where `reason` says why.
    gains : tuple of SkillGain
        Calibrated and equal weights against none, and calibrated against equal; empty without predictions.
    n_rows, n_predictions, n_fits : int
        Complete rows, rows predicted out of sample, and fits that predicted them.
    preferred : FlowModel
        Calibrated where its gains over none and over equal weights have an interval above 0, else equal where its gain
        over none has, else none: without evidence no flow is claimed.
    reason : str
        What is missing and why; empty where nothing is.
    """

    weights: tuple[FlowWeight, ...]
    gains: tuple[SkillGain, ...]
    n_rows: int
    n_predictions: int
    n_fits: int
    preferred: FlowModel
    reason: str


def rehedging_parts(
    gamma_usd_per_pct: FloatArray,
    vanna_usd_per_volpt: FloatArray,
    spot_move_pct: FloatArray,
    vol_move_points: FloatArray,
) -> FloatArray:
    """Return what dealers who have yet to hedge a move must trade for it.

    Parameters
    ----------
    gamma_usd_per_pct, vanna_usd_per_volpt : ndarray, shape (n,)
        Dealer gamma and vanna before the move, USD of delta per 1 % and per vol point.
    spot_move_pct, vol_move_points : ndarray, shape (n,)
        The move that is over and not yet hedged, per cent of spot and vol points.

    Returns
    -------
    ndarray, shape (n, 2)
        Flow of gamma and of vanna, USD, + dealers buy: dealers trade the opposite of the change of their delta.
    """
    return np.stack((-gamma_usd_per_pct * spot_move_pct, -vanna_usd_per_volpt * vol_move_points), axis=1)


def calibrate_flow_weights(
    sample: FlowSample,
    plan: FlowWeightPlan,
    rng: np.random.Generator,
    impact_return_per_usd: float = nan,
    impact_standard_error: float = 0.0,
) -> FlowWeights:
    """Regress returns on the predicted flow of each part, in sample and walk-forward.

    Parameters
    ----------
    sample : FlowSample
        Flow known before each return.
    plan : FlowWeightPlan
        Walk-forward, limits and draws.
    rng : numpy.random.Generator
        Source of the resamples.
    impact_return_per_usd : float, optional
        Fractional price move per USD, > 0, from elsewhere; NaN where unknown. Equal weights then have one slope, fitted
        to the sum of the parts.
    impact_standard_error : float, optional
        Its standard error, >= 0.

    Returns
    -------
    FlowWeights
        Missing with its reason where rows are too few or the parts cannot be told apart.

    Notes
    -----
    ``r = a + impact (w_gamma f_gamma + w_vanna f_vanna) + e``. A slope alone is impact times weight, so weights need
    the impact from elsewhere. Volatility falls when spot rises: the two parts move together, and weights of 1 count the
    part that they share twice. Each slope with its error is that of the return on what of a part the others do not
    explain (Frisch, Waugh and Lovell), by Newey and West's estimator.

    References
    ----------
    newey_west_1987
    """
    usable = sample.usable
    n_rows = int(usable.sum())
    impact = impact_return_per_usd if isfinite(impact_return_per_usd) and impact_return_per_usd > 0.0 else nan
    reason = _cannot_be_fitted(sample.parts[usable], plan)
    if reason:
        return _none(n_rows, reason)
    weights = tuple(_weight(sample, usable, part, impact, impact_standard_error) for part in range(len(sample.names)))
    fits = [fold for fold in _folds(sample, usable, plan) if not _cannot_be_fitted(sample.parts[fold.train], plan)]
    told = "" if isfinite(impact) else "the impact is unknown: a slope tells only impact times weight"
    if not fits:
        short = f"{np.unique(sample.session[usable]).size} sessions leave nothing to predict out of sample"
        return FlowWeights(
            weights=weights,
            gains=(),
            n_rows=n_rows,
            n_predictions=0,
            n_fits=0,
            preferred=FlowModel.NONE,
            reason="; ".join(filter(None, (told, short))),
        )
    test = np.concatenate([fold.test for fold in fits])
    errors = {model: np.concatenate([_errors(sample, fold, model, impact) for fold in fits]) for model in FlowModel}
    gains = _gains(errors, sample.session[test], plan, rng)
    return FlowWeights(
        weights=weights,
        gains=gains,
        n_rows=n_rows,
        n_predictions=int(test.size),
        n_fits=len(fits),
        preferred=_preferred(gains),
        reason=told,
    )


def _none(n_rows: int, reason: str) -> FlowWeights:
    return FlowWeights(
        weights=(), gains=(), n_rows=n_rows, n_predictions=0, n_fits=0, preferred=FlowModel.NONE, reason=reason
    )


def _folds(sample: FlowSample, usable: BoolArray, plan: FlowWeightPlan) -> Iterator[Fold]:
    return expanding_folds(
        sample.session,
        sample.known_ns,
        sample.outcome_ns,
        usable,
        (plan.first_train_sessions, plan.refit_sessions, plan.embargo_sessions),
    )


def _cannot_be_fitted(parts: FloatArray, plan: FlowWeightPlan) -> str:
    n = parts.shape[0]
    if n < plan.least_rows:
        return f"{n} complete rows, at least {plan.least_rows} are needed"
    spread = parts.std(axis=0)
    if not (spread > 0.0).all():
        return "a part of the flow never changes"
    scaled = (parts - parts.mean(axis=0)) / spread
    most = float((scaled * scaled).max()) / n
    if most > plan.most_row_share:
        return f"one row carries {most:.0%} of a part of the flow"
    for part in range(parts.shape[1]):
        rest = _without_others(scaled, part)
        correlation = sqrt(max(1.0 - float(rest @ rest) / n, 0.0))
        if correlation > plan.most_correlation:
            return f"the parts of the flow cannot be told apart: correlation {correlation:.3f}"
    return ""


def _without_others(parts: FloatArray, part: int) -> FloatArray:
    """Return what of one centred part the others do not explain."""
    others = np.delete(parts, part, axis=1)
    if not others.shape[1]:
        return parts[:, part]
    found: FloatArray = parts[:, part] - others @ np.linalg.lstsq(others, parts[:, part], rcond=None)[0]
    return found


def _weight(sample: FlowSample, usable: BoolArray, part: int, impact: float, impact_error: float) -> FlowWeight:
    parts, n_parts = sample.parts[usable], len(sample.names)
    scale = parts.std(axis=0)  # dollars of 1e9 and returns of 1e-3 stand side by side in the least squares
    both = np.column_stack((parts / scale, sample.log_return[usable]))
    centred = both - both.mean(axis=0)
    # What the other parts explain is taken off the return too, so that the residuals are those of all parts together.
    y = _without_others(np.delete(centred, part, axis=1), n_parts - 1)
    slope = robust_slope(_without_others(centred[:, :n_parts], part), y)
    n = slope.n
    value = slope.value / float(scale[part])
    error = slope.standard_error / float(scale[part]) * sqrt((n - 2.0) / (n - 1.0 - n_parts))
    weight = value / impact
    reach = _N95 * sqrt((error / impact) ** 2 + (weight * impact_error / impact) ** 2)
    return FlowWeight(
        name=sample.names[part],
        return_per_usd=value,
        standard_error=error,
        weight=weight,
        low=weight - reach,
        high=weight + reach,
    )


def _errors(sample: FlowSample, fold: Fold, model: FlowModel, impact: float) -> FloatArray:
    """Return the errors of a model on the rows of a fold, everything in it fitted to the train rows."""
    x, y = sample.parts[fold.train], sample.log_return[fold.train]
    slopes = np.zeros(x.shape[1])
    if model is FlowModel.EQUAL:
        total = x.sum(axis=1)
        slopes[:] = impact if isfinite(impact) else robust_slope(total, y).value
    elif model is FlowModel.CALIBRATED:
        scale = x.std(axis=0)
        z = (x - x.mean(axis=0)) / scale
        slopes = np.linalg.lstsq(z, y - y.mean(), rcond=None)[0] / scale
    predicted = y.mean() + (sample.parts[fold.test] - x.mean(axis=0)) @ slopes
    found: FloatArray = sample.log_return[fold.test] - predicted
    return found


def _gains(
    errors: dict[FlowModel, FloatArray], session: IntArray, plan: FlowWeightPlan, rng: np.random.Generator
) -> tuple[SkillGain, ...]:
    squares = np.stack([errors[model] ** 2 for model in FlowModel], axis=1)
    drawn = np.concatenate([piece @ squares for piece in block_weights(session, n_draws=plan.n_draws, rng=rng)])
    sums = dict(zip(FlowModel, squares.sum(axis=0), strict=True))
    draws = dict(zip(FlowModel, drawn.T, strict=True))
    pairs = (
        (FlowModel.CALIBRATED, FlowModel.NONE),
        (FlowModel.EQUAL, FlowModel.NONE),
        (FlowModel.CALIBRATED, FlowModel.EQUAL),
    )
    found = []
    for model, against in pairs:
        low, high = np.quantile(1.0 - draws[model] / draws[against], (0.025, 0.975))
        value = 1.0 - float(sums[model] / sums[against])
        found.append(SkillGain(model=model, against=against, r_squared=value, low=float(low), high=float(high)))
    return tuple(found)


def _preferred(gains: tuple[SkillGain, ...]) -> FlowModel:
    over_none, equal_over_none, over_equal = gains
    if over_none.low > 0.0 and over_equal.low > 0.0:
        return FlowModel.CALIBRATED
    return FlowModel.EQUAL if equal_over_none.low > 0.0 else FlowModel.NONE
