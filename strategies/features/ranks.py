"""Where implied volatility stands in its year: rank and percentile over days, two numbers under two names (EQ12)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from math import isfinite, nan
from typing import Final, Protocol, final, runtime_checkable
from zoneinfo import ZoneInfo

import numpy as np

from fields.regime.history import implied_vol_rank
from market.chains import FloatArray
from market.clock import datetime_of_ns
from strategies.parameters import require_between

__all__ = ["IvPercentile", "IvRank", "SeriesDays", "SeriesFeature"]

_DAY_NS: Final = 86_400_000_000_000
_NEW_YORK: Final = ZoneInfo("America/New_York")


@runtime_checkable
class SeriesFeature(Protocol):
    """A function of the daily values of a series, as they are known at an instant."""

    @property
    def name(self) -> str:
        """What `strategies.views.View.feature` calls it."""

    @property
    def series(self) -> str:
        """Whose values it reads, such as ``VIX``."""

    @property
    def n_days(self) -> int:
        """Days before the newest that it looks at, >= 1."""

    @property
    def max_age_days(self) -> float:
        """Calendar days for which the newest value counts, > 0."""

    def value_of(self, before: FloatArray, today: float) -> float:
        """Return the value; NaN where there are too few days.

        Parameters
        ----------
        before : ndarray, shape (n_days_known,)
            One value per day before the newest, oldest first.
        today : float
            The newest value.
        """


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class IvRank:
    """IV rank: ``(today - lowest) / (highest - lowest)`` over the days before today.

    Parameters
    ----------
    name : str
        Its own.
    series : str, optional
        Index of implied volatility.
    n_days : int, optional
        Days that today is held against, >= 2.
    min_days : int, optional
        Days without which there is no rank, >= 2, <= `n_days`.
    max_age_days : float, optional
        Calendar days for which the newest value counts, > 0; the longest closure of New York's shares since 1970 was
        seven days.

    Notes
    -----
    0 to 1 inside the range of those days, beyond it where today sets an extreme; NaN where all of them are equal. The
    definition is that of `fields.regime.history.implied_vol_rank`, which the live state reads.
    """

    name: str
    series: str = "VIX"
    n_days: int = 252
    min_days: int = 252
    max_age_days: float = 7.0

    def __post_init__(self) -> None:
        _require_days(self.name, self.n_days, self.min_days, self.max_age_days)

    def value_of(self, before: FloatArray, today: float) -> float:
        """Return the rank, a fraction."""
        return implied_vol_rank(before, today, self.min_days).rank


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class IvPercentile:
    """IV percentile: the share of the days before today whose value was below today's, 0 to 1.

    Parameters
    ----------
    name, series, n_days, min_days, max_age_days : optional
        As in `IvRank`.
    """

    name: str
    series: str = "VIX"
    n_days: int = 252
    min_days: int = 252
    max_age_days: float = 7.0

    def __post_init__(self) -> None:
        _require_days(self.name, self.n_days, self.min_days, self.max_age_days)

    def value_of(self, before: FloatArray, today: float) -> float:
        """Return the share, a fraction."""
        return implied_vol_rank(before, today, self.min_days).percentile


def _require_days(name: str, n_days: int, min_days: int, max_age_days: float) -> None:
    require_between(name, "n_days", n_days, 2, 100_000)
    require_between(name, "min_days", min_days, 2, n_days)
    require_between(name, "max_age_days", max_age_days, 0.0, 10_000.0, open_low=True)


@final
class SeriesDays:
    """The newest days of a series as they are known so far: one value a day, in its newest telling.

    Parameters
    ----------
    features : mapping of str to SeriesFeature
        What is asked of them, by name; all of one series.
    """

    __slots__ = ("_days", "_features", "_found", "_n_days", "_newest_ns")

    def __init__(self, features: Mapping[str, SeriesFeature]) -> None:
        self._features = dict(features)
        self._n_days = 1 + max(feature.n_days for feature in features.values())
        self._days: dict[date, tuple[int, float]] = {}
        self._newest_ns = -1
        self._found: dict[str, float] = {}

    def take(self, event_ns: int, value: float) -> None:
        """Take a value that has become known.

        Parameters
        ----------
        event_ns : int
            Instant that it speaks of, ns since the epoch, UTC. Of several in a day of New York the latest counts; one
            of the same instant is a revision and replaces it.
        value : float
            One that is not finite tells nothing.
        """
        if not isfinite(value):
            return
        day = datetime_of_ns(event_ns).astimezone(_NEW_YORK).date()
        known = self._days.get(day)
        if known is not None and event_ns < known[0]:
            return
        self._days[day] = (event_ns, value)
        if len(self._days) > self._n_days:
            del self._days[min(self._days)]
        self._newest_ns = max(self._newest_ns, event_ns)
        self._found.clear()

    def value(self, name: str, now_ns: int) -> float:
        """Return a feature of the days that are known.

        Parameters
        ----------
        name : str
            One of the features.
        now_ns : int
            Instant, ns since the epoch, UTC.

        Returns
        -------
        float
            NaN where there are too few days, or the newest value is too old.
        """
        feature = self._features[name]
        if not self._days or now_ns - self._newest_ns > feature.max_age_days * _DAY_NS:
            return nan
        found = self._found.get(name)
        if found is None:
            days = sorted(self._days)
            values = np.array([self._days[day][1] for day in days])
            found = self._found[name] = feature.value_of(values[:-1][-feature.n_days :], float(values[-1]))
        return found
