"""Scores of trials on unions of slices: from sums of each slice where a score has them, else from the days again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol, final

import numpy as np

from market.chains import BoolArray, FloatArray

__all__ = ["MEAN_RETURN", "SHARPE", "SORTINO", "TOTAL_RETURN", "AdditiveScore", "DirectScore", "SliceScore"]


class SliceScore(Protocol):
    """A score of each trial on any union of slices; more is better."""

    def prepared(self, slices: list[FloatArray]) -> Callable[[BoolArray], FloatArray]:
        """Return the scores of unions.

        Parameters
        ----------
        slices : list of ndarray, shape (n_days_of_slice, n_trials)
            Returns in time order.

        Returns
        -------
        callable
            From members, shape ``(n_unions, n_slices)``, to scores, shape ``(n_unions, n_trials)``; NaN where a trial
            has none.
        """
        ...


@final
@dataclass(frozen=True, slots=True)
class AdditiveScore:
    """A score of sums over days, such as of returns and their squares: each slice is summed once.

    Parameters
    ----------
    terms : callable
        From returns, shape ``(n_days, n_trials)``, to what is summed, shape ``(n_terms, n_days, n_trials)``.
    value : callable
        From sums, shape ``(n_terms, n_unions, n_trials)``, and days, shape ``(n_unions, 1)``, to scores.
    """

    terms: Callable[[FloatArray], FloatArray]
    value: Callable[[FloatArray, FloatArray], FloatArray]

    def prepared(self, slices: list[FloatArray]) -> Callable[[BoolArray], FloatArray]:
        """As `SliceScore.prepared`."""
        sums = np.stack([self.terms(part).sum(axis=1) for part in slices], axis=1)  # (n_terms, n_slices, n_trials)
        days = np.array([[part.shape[0]] for part in slices], dtype=np.float64)

        def scores(members: BoolArray) -> FloatArray:
            weights = members.astype(np.float64)
            with np.errstate(divide="ignore", invalid="ignore"):
                found = self.value(weights @ sums, weights @ days)
            return np.where(np.isfinite(found), found, np.nan)

        return scores


@final
@dataclass(frozen=True, slots=True)
class DirectScore:
    """Any score of a path of days, such as one of drawdown; every union is computed from its days.

    Parameters
    ----------
    function : callable
        From returns in time order, shape ``(n_days, n_trials)``, to scores, shape ``(n_trials,)``; NaN for none.
    """

    function: Callable[[FloatArray], FloatArray]

    def prepared(self, slices: list[FloatArray]) -> Callable[[BoolArray], FloatArray]:
        """As `SliceScore.prepared`."""

        def scores(members: BoolArray) -> FloatArray:
            unions = ([slices[k] for k in np.flatnonzero(row)] for row in members)
            return np.stack([self.function(np.concatenate(union)) for union in unions])

        return scores


def _spread_or_nan(variance: FloatArray, scale: FloatArray) -> FloatArray:
    # A variance that is no more than the rounding of its sums is that of a constant.
    spread: FloatArray = np.sqrt(np.where(variance > 64.0 * np.finfo(np.float64).eps * scale, variance, np.nan))
    return spread


def _sharpe(sums: FloatArray, days: FloatArray) -> FloatArray:
    mean, square = sums[0] / days, sums[1] / days
    variance = (square - mean * mean) * days / (days - 1.0)
    ratio: FloatArray = mean / _spread_or_nan(variance, square)
    return ratio


def _sortino(sums: FloatArray, days: FloatArray) -> FloatArray:
    ratio: FloatArray = (sums[0] / days) / np.sqrt(np.where(sums[1] > 0.0, sums[1], np.nan) / days)
    return ratio


def _moments(returns: FloatArray) -> FloatArray:
    return np.stack([returns, returns * returns])


def _downside(returns: FloatArray) -> FloatArray:
    return np.stack([returns, np.minimum(returns, 0.0) ** 2])


def _logs(returns: FloatArray) -> FloatArray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log1p(returns)[np.newaxis]


SHARPE: Final = AdditiveScore(_moments, _sharpe)
"""Sharpe ratio per period, n - 1; no score for a constant series."""

SORTINO: Final = AdditiveScore(_downside, _sortino)
"""Sortino ratio per period about 0; no score where no day lost."""

MEAN_RETURN: Final = AdditiveScore(lambda returns: returns[np.newaxis], lambda sums, days: sums[0] / days)
"""Mean return per period."""

TOTAL_RETURN: Final = AdditiveScore(_logs, lambda sums, _: np.expm1(sums[0]))
"""Compounded return; a trial that lost everything on any day has no score at all."""
