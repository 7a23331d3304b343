"""Impact: the fractional move of price per dollar of signed flow (Kyle's lambda), with its standard error."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf, isfinite, nan, sqrt

import numpy as np

from fields.illiquidity.config import ImpactConfig, ImpactMethod
from fields.illiquidity.regression import ewma_mean, robust_slope
from market.chains import BoolArray, FloatArray
from market.errors import DataError

__all__ = ["ImpactEstimate", "ImpactSample", "estimate_impact", "impact_by_method"]

# Share of the variance of sign(x) sqrt|x| that is linear in a standard normal x: E[|x|^1.5]^2 / E|x|. Two such roots
# of normals with correlation c correlate by this times c, plus nearly all of the rest times c^3.
_ROOT_LINEAR = 0.927037


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpactSample:
    """Bars of one length in time order; arrays have shape ``(n_bars,)``, and NaN marks what a source does not tell.

    Parameters
    ----------
    log_return : ndarray
        Log return over the bar; of mid prices where they are known, because trade prices bounce with the flow.
    signed_usd : ndarray
        Sum of aggressor sign x dollars.
    gross_usd : ndarray
        Dollars traded.
    signed_root_usd : ndarray
        Sum over trades of aggressor sign x square root of dollars.
    gross_root_usd : ndarray
        Sum over trades of the square root of dollars.
    squared_usd : ndarray
        Sum over signed trades of dollars squared.
    horizon_ns : int
        Length of a bar, ns.
    """

    log_return: FloatArray
    signed_usd: FloatArray
    gross_usd: FloatArray
    signed_root_usd: FloatArray
    gross_root_usd: FloatArray
    squared_usd: FloatArray
    horizon_ns: int

    def __post_init__(self) -> None:
        n = self.log_return.shape
        others = (self.signed_usd, self.gross_usd, self.signed_root_usd, self.gross_root_usd, self.squared_usd)
        if len(n) != 1 or any(column.shape != n for column in others):
            raise DataError(
                "the bars of impact differ in length",
                found=str([n, *(column.shape for column in others)]),
                expected="one shape (n_bars,)",
            )

    @classmethod
    def of_bars(
        cls, log_return: FloatArray, signed_usd: FloatArray, horizon_ns: int, gross_usd: FloatArray | None = None
    ) -> ImpactSample:
        """Return the sample of a source that tells flow by bar and not by trade."""
        unknown = np.full(log_return.shape, nan)
        return cls(
            log_return=log_return,
            signed_usd=signed_usd,
            gross_usd=unknown if gross_usd is None else gross_usd,
            signed_root_usd=unknown,
            gross_root_usd=unknown,
            squared_usd=unknown,
            horizon_ns=horizon_ns,
        )

    def rows(self, chosen: BoolArray) -> ImpactSample:
        """Return the bars of a mask."""
        return ImpactSample(
            log_return=self.log_return[chosen],
            signed_usd=self.signed_usd[chosen],
            gross_usd=self.gross_usd[chosen],
            signed_root_usd=self.signed_root_usd[chosen],
            gross_root_usd=self.gross_root_usd[chosen],
            squared_usd=self.squared_usd[chosen],
            horizon_ns=self.horizon_ns,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpactEstimate:
    """One estimate of impact.

    Parameters
    ----------
    return_per_usd : float
        Fractional price move per USD of signed flow, > 0 and within the bounds; NaN where nothing can be had.
    standard_error : float
        Its standard error, corrected for signing like the value; NaN where unknown.
    method : ImpactMethod
        How it was found.
    n : int
        Bars, or levels of a book.
    horizon_ns : int
        Length of the bars, ns; 0 for a book.
    flow_usd : float
        Flow at which a square-root law was turned into this slope, USD; NaN for the linear methods.
    signing_accuracy : float
        Share of trades signed correctly that was corrected for; 1 where flow was known, NaN where flow plays no part.
    raw_return_per_usd : float
        The value before floor and cap; may be negative.
    r_squared : float
        Share of the returns' variance that the regression explains; NaN elsewhere.
    reason : str
        Why it is NaN, bounded, or not the preferred method; empty where nothing is to be said.
    """

    return_per_usd: float
    standard_error: float
    method: ImpactMethod
    n: int
    horizon_ns: int
    flow_usd: float
    signing_accuracy: float
    raw_return_per_usd: float
    r_squared: float
    reason: str


def no_impact(horizon_ns: int, n: int, reason: str) -> ImpactEstimate:
    """Return the estimate that is none."""
    return ImpactEstimate(
        return_per_usd=nan,
        standard_error=nan,
        method=ImpactMethod.NONE,
        n=n,
        horizon_ns=horizon_ns,
        flow_usd=nan,
        signing_accuracy=nan,
        raw_return_per_usd=nan,
        r_squared=nan,
        reason=reason,
    )


def bounded(estimate: ImpactEstimate, config: ImpactConfig) -> ImpactEstimate:
    """Return the estimate within floor and cap, saying so where a bound holds it."""
    raw, low, high = estimate.raw_return_per_usd, config.floor_return_per_usd, config.cap_return_per_usd
    if low <= raw <= high:
        return replace(estimate, return_per_usd=raw)
    bound = f"impact {raw:.3g} per USD held at the " + (f"floor {low:.3g}" if raw < low else f"cap {high:.3g}")
    reason = f"{estimate.reason}; {bound}" if estimate.reason else bound
    return replace(estimate, return_per_usd=min(max(raw, low), high), reason=reason)


def _signing_factor(
    flow: FloatArray, squares: FloatArray, accuracy: float, config: ImpactConfig, *, is_root_of_net: bool
) -> tuple[float, str]:
    """Return what a slope on misclassified flow must be multiplied by (derived in docs/fields/liquidity.md).

    A sign that is right with probability p turns flow X into (2p - 1) X plus noise of variance 4 p (1 - p) sum v^2.
    """
    signal = 2.0 * accuracy - 1.0
    if signal >= 1.0:
        return 1.0, ""
    if not signal >= config.min_reliability:
        return nan, f"a signing accuracy of {accuracy:.3g} tells too little"
    # Share of the measured variance that is signal; where trades are not told, that of signs that do not persist.
    share = signal * signal
    noise = 4.0 * accuracy * (1.0 - accuracy) * float(squares.mean())
    if isfinite(noise):
        variance = float(flow.var())
        share = 1.0 - noise / variance if variance > 0.0 else -inf
    if share < config.min_reliability * signal:
        return nan, "misclassification alone explains the measured flow"
    if not is_root_of_net:
        return signal / share, ""
    correlation = sqrt(share)
    shared = correlation * (_ROOT_LINEAR + (1.0 - _ROOT_LINEAR) * share)
    return sqrt(signal / correlation) / shared, ""


def _flow(sample: ImpactSample, method: ImpactMethod) -> tuple[FloatArray, FloatArray]:
    """Return the flow that a method sums over trades and, per bar, the sum of its squares."""
    if method is ImpactMethod.SQUARE_ROOT_BY_TRADE:
        return sample.signed_root_usd, sample.gross_usd
    return sample.signed_usd, sample.squared_usd


def _reference_flow(sample: ImpactSample, method: ImpactMethod, config: ImpactConfig) -> float:
    if method is ImpactMethod.LINEAR:
        return nan
    if isfinite(config.reference_flow_usd):
        return config.reference_flow_usd
    if method is ImpactMethod.SQUARE_ROOT:
        return float(np.median(np.abs(sample.signed_usd)))
    # The clip for which the root of a flow cut in clips equals the roots that were seen.
    return (float(sample.gross_usd.sum()) / float(sample.gross_root_usd.sum())) ** 2


def _regressed(sample: ImpactSample, method: ImpactMethod, config: ImpactConfig, accuracy: float) -> ImpactEstimate:
    known = np.isfinite(sample.log_return) & np.isfinite(_flow(sample, method)[0])
    if int(known.sum()) < config.min_bars:
        return no_impact(sample.horizon_ns, int(known.sum()), f"{known.sum()} bars of {config.min_bars} needed")
    sample = sample.rows(known)
    measured, squares = _flow(sample, method)
    is_root_of_net = method is ImpactMethod.SQUARE_ROOT
    regressor = np.sign(measured) * np.sqrt(np.abs(measured)) if is_root_of_net else measured
    slope = robust_slope(regressor, sample.log_return, config.hac_lags)
    if not isfinite(slope.value):
        return no_impact(sample.horizon_ns, slope.n, "signed flow does not vary")
    factor, reason = _signing_factor(measured, squares, accuracy, config, is_root_of_net=is_root_of_net)
    flow = _reference_flow(sample, method, config)
    if not reason and method is not ImpactMethod.LINEAR:
        factor, reason = (factor / sqrt(flow), "") if flow > 0.0 else (nan, "no flow to take the slope at")
    if reason:
        return no_impact(sample.horizon_ns, slope.n, reason)
    return ImpactEstimate(
        return_per_usd=slope.value * factor,
        standard_error=slope.standard_error * factor,
        method=method,
        n=slope.n,
        horizon_ns=sample.horizon_ns,
        flow_usd=flow,
        signing_accuracy=accuracy,
        raw_return_per_usd=slope.value * factor,
        r_squared=slope.r_squared,
        reason="",
    )


def _amihud(sample: ImpactSample, config: ImpactConfig) -> ImpactEstimate:
    traded = np.isfinite(sample.log_return) & (sample.gross_usd > 0.0)
    n = int(traded.sum())
    if n < config.min_bars:
        return no_impact(sample.horizon_ns, n, f"{n} bars with dollar volume of {config.min_bars} needed")
    mean, error = ewma_mean(np.abs(sample.log_return[traded]) / sample.gross_usd[traded], config.amihud_span)
    return ImpactEstimate(
        return_per_usd=mean,
        standard_error=error,
        method=ImpactMethod.AMIHUD,
        n=n,
        horizon_ns=sample.horizon_ns,
        flow_usd=nan,
        signing_accuracy=nan,
        raw_return_per_usd=mean,
        r_squared=nan,
        reason="",
    )


def impact_by_method(
    sample: ImpactSample, method: ImpactMethod, config: ImpactConfig, *, signing_accuracy: float = 1.0
) -> ImpactEstimate:
    """Estimate impact by one method, without bounds and without judging whether it is significant.

    Parameters
    ----------
    sample : ImpactSample
        Bars.
    method : ImpactMethod
        A regression, or Amihud's ratio.
    config : ImpactConfig
        Settings.
    signing_accuracy : float, optional
        Share of trades whose aggressor is right; 1 where the venue tells it.

    Returns
    -------
    ImpactEstimate
        May be negative; with method ``NONE``, NaN and a reason where there is nothing to estimate.

    Notes
    -----
    The square-root law ``r = L sign(Q) sqrt|Q|`` is concave: the slope for a flow Q is ``L / sqrt(Q)`` and falls with
    Q. By trade, ``r = L sum sign sqrt(v)``, a flow that is worked in trades of v dollars has the slope ``L / sqrt(v)``.

    References
    ----------
    kyle_1985, hasbrouck_2009, amihud_2002
    """
    if method is ImpactMethod.AMIHUD:
        return _amihud(sample, config)
    return _regressed(sample, method, config, signing_accuracy)


def _refusal(estimate: ImpactEstimate, config: ImpactConfig) -> str:
    if estimate.method is ImpactMethod.NONE:
        return estimate.reason
    if estimate.method is ImpactMethod.AMIHUD:
        return "" if estimate.raw_return_per_usd > 0.0 else "price did not move"
    if not estimate.raw_return_per_usd >= max(config.min_t * estimate.standard_error, 1e-300):
        t = estimate.raw_return_per_usd / estimate.standard_error if estimate.standard_error > 0.0 else nan
        return f"slope of {t:.2g} standard errors, {config.min_t:g} needed"
    return ""


def estimate_impact(
    sample: ImpactSample, config: ImpactConfig | None = None, *, signing_accuracy: float = 1.0
) -> ImpactEstimate:
    """Estimate impact by the first method that is accepted, within floor and cap.

    Parameters
    ----------
    sample : ImpactSample
        Bars that are closed at the instant of the estimate: the newest one last.
    config : ImpactConfig, optional
        Settings.
    signing_accuracy : float, optional
        Share of trades whose aggressor is right; the slope is corrected for the rest.

    Returns
    -------
    ImpactEstimate
        Never negative. ``reason`` tells why preferred methods were refused, and whether a bound holds the value.
    """
    config = config or ImpactConfig()
    refusals: list[str] = []
    for method in config.methods:
        estimate = impact_by_method(sample, method, config, signing_accuracy=signing_accuracy)
        refusal = _refusal(estimate, config)
        if not refusal:
            return bounded(replace(estimate, reason="; ".join(refusals)), config)
        refusals.append(f"{method.value}: {refusal}")
    return no_impact(sample.horizon_ns, int(sample.log_return.shape[0]), "; ".join(refusals))
