"""Whether value at risk was exceeded as often as it said, and without clusters: Kupiec and Christoffersen."""

from __future__ import annotations

from dataclasses import dataclass
from math import log, nan
from typing import Final

import numpy as np
from scipy.stats import chi2

from market.chains import BoolArray, FloatArray
from market.errors import DataError

__all__ = ["VarBacktest", "backtest_var"]

_DF_ONE: Final = 1
_DF_BOTH: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class VarBacktest:
    """What exceptions say of a value at risk; a small p-value speaks against it.

    Parameters
    ----------
    n_days, n_exceptions : int
        Days, and those that lost more.
    expected : float
        Exceptions that there should be.
    coverage_statistic, coverage_p : float
        Proportion of failures [kupiec_1995]_: likelihood ratio, chi-squared with one degree of freedom.
    independence_statistic, independence_p : float
        Against first-order dependence [christoffersen_1998]_, one degree of freedom; NaN with fewer than two days.
    joint_statistic, joint_p : float
        Both, two degrees of freedom.
    """

    n_days: int
    n_exceptions: int
    expected: float
    coverage_statistic: float
    coverage_p: float
    independence_statistic: float
    independence_p: float
    joint_statistic: float
    joint_p: float


def backtest_var(pnl: FloatArray, value_at_risk: FloatArray, confidence: float) -> VarBacktest:
    """Hold profits against the value at risk that was told before them.

    Parameters
    ----------
    pnl : ndarray, shape (n_days,)
        Profit of each day of the book that the figure was told of.
    value_at_risk : ndarray, shape (n_days,)
        Told before the day, with the sign of a loss.
    confidence : float
        Of the figure.

    Returns
    -------
    VarBacktest
        Counts and tests.

    Raises
    ------
    DataError
        No day, other shapes, NaN, or a confidence that cannot be.

    Notes
    -----
    Asymptotic; with few expected exceptions the tests have little power, and nothing is shown by passing them.
    """
    if pnl.shape != value_at_risk.shape or pnl.ndim != 1 or not pnl.size:
        raise DataError("profits and figures are not of the same days", found=f"{pnl.shape}, {value_at_risk.shape}")
    if not (np.isfinite(pnl).all() and np.isfinite(value_at_risk).all() and 0.0 < confidence < 1.0):
        raise DataError("a value at risk cannot be tested", found="NaN or a confidence out of 0 to 1")
    exceeded: BoolArray = pnl < -value_at_risk
    n, x, p = exceeded.size, int(exceeded.sum()), 1.0 - confidence
    coverage = -2.0 * (_log_likelihood(n - x, x, p) - _log_likelihood(n - x, x, x / n))
    independence = _independence(exceeded)
    both = coverage + independence
    return VarBacktest(
        n_days=n,
        n_exceptions=x,
        expected=p * n,
        coverage_statistic=coverage,
        coverage_p=float(chi2.sf(coverage, _DF_ONE)),
        independence_statistic=independence,
        independence_p=float(chi2.sf(independence, _DF_ONE)),
        joint_statistic=both,
        joint_p=float(chi2.sf(both, _DF_BOTH)),
    )


def _independence(exceeded: BoolArray) -> float:
    if exceeded.size < len(("before", "after")):
        return nan
    before, after = exceeded[:-1], exceeded[1:]
    n00, n01 = int((~before & ~after).sum()), int((~before & after).sum())
    n10, n11 = int((before & ~after).sum()), int((before & after).sum())
    alike = _log_likelihood(n00 + n10, n01 + n11, (n01 + n11) / (exceeded.size - 1))
    after_none = _log_likelihood(n00, n01, n01 / (n00 + n01) if n00 + n01 else 0.0)
    after_one = _log_likelihood(n10, n11, n11 / (n10 + n11) if n10 + n11 else 0.0)
    return max(-2.0 * (alike - after_none - after_one), 0.0)


def _log_likelihood(kept: int, failed: int, probability: float) -> float:
    """Return the log likelihood of independent trials; what did not happen counts nothing, whatever its probability."""
    return (kept * log(1.0 - probability) if kept else 0.0) + (failed * log(probability) if failed else 0.0)
