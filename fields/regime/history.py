"""Values by session over a trailing year, and the rank and percentile of implied volatility in it (Q9)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from math import isfinite, nan
from typing import final

import numpy as np

from market.chains import FloatArray
from market.errors import ConfigError

__all__ = ["DayHistory", "ImpliedVolRank", "TrailingDays", "implied_vol_rank"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DayHistory:
    """All that a `TrailingDays` knows.

    Parameters
    ----------
    day : tuple of datetime.date
        Sessions, oldest first.
    value : tuple of float
        Their values.
    n_refused : int
        Values that were not taken.
    """

    day: tuple[date, ...]
    value: tuple[float, ...]
    n_refused: int


@final
class TrailingDays:
    """One value per session over the newest sessions.

    Parameters
    ----------
    n_days : int
        Sessions that are kept.
    history : DayHistory, optional
        To go on from.
    """

    def __init__(self, n_days: int, history: DayHistory | None = None) -> None:
        if n_days < 1:
            raise ConfigError("a history needs a session", found=str(n_days), expected=">= 1")
        self._n_days = n_days
        self._values: dict[date, float] = {}
        self.n_refused = 0
        if history is not None:
            self._values = dict(list(zip(history.day, history.value, strict=True))[-n_days:])
            self.n_refused = history.n_refused

    def close_session(self, day: date, value: float) -> bool:
        """Take the value of a closed session; the same session again replaces its value.

        Returns
        -------
        bool
            False where the value is NaN or infinite, or the session lies before the newest: then nothing changes.
        """
        newest = next(reversed(self._values), None)
        if not isfinite(value) or (newest is not None and day < newest):
            self.n_refused += 1
            return False
        self._values[day] = value
        if len(self._values) > self._n_days:
            del self._values[next(iter(self._values))]
        return True

    def before(self, day: date | None = None) -> FloatArray:
        """Return the values of the sessions before a day, oldest first; of all sessions without a day."""
        return np.array([v for d, v in self._values.items() if day is None or d < day], dtype=np.float64)

    def checkpoint(self) -> DayHistory:
        """Return all that the history knows."""
        return DayHistory(day=tuple(self._values), value=tuple(self._values.values()), n_refused=self.n_refused)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpliedVolRank:
    """Where today's implied volatility stands in its trailing sessions; two numbers that are not the same.

    Parameters
    ----------
    rank : float
        (today - lowest) / (highest - lowest), 0 to 1 inside the range, beyond it where today sets an extreme.
    percentile : float
        Share of the sessions whose value was below today's, 0 to 1.
    n_days : int
        Sessions behind it.
    reason : str
        Why it is NaN; empty where it is not.
    """

    rank: float
    percentile: float
    n_days: int
    reason: str


def implied_vol_rank(trailing: FloatArray, today: float, min_days: int = 60) -> ImpliedVolRank:
    """Return rank and percentile of at-the-money implied volatility among trailing sessions.

    Parameters
    ----------
    trailing : ndarray, shape (n_days,)
        One implied volatility per past session, such as the newest 252 of `TrailingDays.before`; NaN is left out.
    today : float
        Today's.
    min_days : int, optional
        Sessions needed.

    Returns
    -------
    ImpliedVolRank
        NaN with a reason where there are too few sessions, today's is missing, or (rank only) all are equal.
    """
    known = trailing[np.isfinite(trailing)]
    n = int(known.shape[0])
    if n < min_days or n == 0 or not isfinite(today):
        reason = "no implied volatility today" if not isfinite(today) else f"{n} sessions of {min_days} needed"
        return ImpliedVolRank(rank=nan, percentile=nan, n_days=n, reason=reason)
    low, high = float(known.min()), float(known.max())
    percentile = float((known < today).mean())
    if high == low:
        return ImpliedVolRank(rank=nan, percentile=percentile, n_days=n, reason="all sessions have one volatility")
    return ImpliedVolRank(rank=(today - low) / (high - low), percentile=percentile, n_days=n, reason="")
