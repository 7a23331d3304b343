"""When a divergence counts, read from a view; off until it is asked for (Q53)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from math import inf

import numpy as np

from market.calendars import next_open_ns, sessions_between
from market.clock import datetime_of_ns
from strategies.decisions import Gate
from strategies.divergence.measures import Divergence, DivergenceMeasure, overnight_divergence, ratio_divergence
from strategies.parameters import require_between
from strategies.plan.gates import gate
from strategies.views import View

__all__ = ["DivergenceRules"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DivergenceRules:
    """What is measured, and how large it must be.

    Parameters
    ----------
    enabled : bool
        Whether it is looked at at all (``enable_spy_es_divergence``).
    measure : DivergenceMeasure
        The future's return without carry, or the ratio of two shares.
    future : str
        Symbol of the future's bars.
    share, other : str
        Symbols of the two shares' bars, for the ratio.
    threshold : float
        Least size, as a fraction, > 0 (Q51: 0.5 %).
    z_threshold : float
        Least size in standard deviations, > 0.
    lookback : int
        Past sessions of the future, or past bars of the ratio, >= 2.
    min_sessions : int
        Past sessions that the deviation needs, >= 2.
    rate_series : str
        Name of the series of annual rates.
    dividend_yield : float
        Of the index, annual, a fraction.
    most_bars : int
        Bars of the future that are looked at, >= 2.
    calendar : str
        Exchange calendar of the share.

    Raises
    ------
    ConfigError
        A number lies outside its range.
    """

    enabled: bool = False
    measure: DivergenceMeasure = DivergenceMeasure.FUTURE_RETURN
    future: str = "ES"
    share: str = "SPY"
    other: str = "QQQ"
    threshold: float = 0.005
    z_threshold: float = 2.0
    lookback: int = 50
    min_sessions: int = 20
    rate_series: str = "DFF"
    dividend_yield: float = 0.013
    most_bars: int = 80_000
    calendar: str = "NYSE"

    def __post_init__(self) -> None:
        for name in ("threshold", "z_threshold"):
            require_between("divergence", name, getattr(self, name), 0.0, inf, open_low=True, open_high=True)
        for name in ("lookback", "min_sessions", "most_bars"):
            require_between("divergence", name, getattr(self, name), 2, 10_000_000)
        require_between("divergence", "dividend_yield", self.dividend_yield, -0.1, 0.5)

    def read(self, view: View) -> Divergence:
        """Return what is measured at a view."""
        if self.measure is DivergenceMeasure.SHARE_RATIO:
            return self._ratio(view)
        bars = view.bars(self.future, self.most_bars)
        carry = view.series(self.rate_series).value - self.dividend_yield
        if carry != carry:  # noqa: PLR0124  # NaN
            return Divergence(size=carry, z=carry, n=0, reason=f"no rate: {view.series(self.rate_series).reason}")
        next_ns = next_open_ns(self.calendar, view.now_ns)
        day = datetime_of_ns(next_ns).date()
        sessions = sessions_between(self.calendar, day - timedelta(days=2 * self.lookback + 14), day)
        current = tuple(each for each in sessions if each.open_ns < next_ns)
        is_open = bool(current) and current[-1].close_ns > view.now_ns
        shown = current if is_open else sessions
        return overnight_divergence(
            bars.end_ns,
            bars.close,
            shown[-self.lookback - 2 :],
            view.now_ns,
            carry=carry,
            min_sessions=self.min_sessions,
        )

    def _ratio(self, view: View) -> Divergence:
        one, other = (view.bars(symbol, self.lookback + 1) for symbol in (self.share, self.other))
        _, here, there = np.intersect1d(one.end_ns, other.end_ns, return_indices=True)
        return ratio_divergence(one.close[here], other.close[there], lookback=self.lookback)

    def gates(self, found: Divergence) -> tuple[Gate, ...]:
        """Return what is asked of a measurement; what is missing has not passed."""
        size, z = abs(found.size), abs(found.z)
        return (
            gate("divergence_enabled", passed=self.enabled, reason="the overlay is off"),
            gate(
                "divergence_size",
                found.size,
                self.threshold,
                passed=size >= self.threshold,
                reason=found.reason or "too small",
            ),
            gate(
                "divergence_z", found.z, self.z_threshold, passed=z >= self.z_threshold, reason=found.reason or "usual"
            ),
        )

    def direction(self, found: Divergence) -> int:
        """Return which way it points: +1 where the future, or the first share, is rich; 0 where it does not count."""
        if not all(each.passed for each in self.gates(found)):
            return 0
        return 1 if found.z > 0.0 else -1
