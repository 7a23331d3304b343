"""Realised volatility of intraday bars, without nights and holes, annualised by the length of the bars (Q8, EQ8)."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan, sqrt
from typing import Final, final

import numpy as np

from market.chains import FloatArray
from market.errors import ConfigError
from strategies.features.feature import Bar, FeatureStream
from strategies.features.inputs import Need, require_float64, serving, serving_rows
from strategies.features.windows import DEVIATION, Ring, by_window
from strategies.parameters import require_between
from strategies.views import BarWindow

__all__ = ["IntradayVolatility"]

_MINUTE_NS: Final = 60_000_000_000
_TOLD_BY: Final = 2  # bars; one may be the short last of a session


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class IntradayVolatility:
    """Sample deviation of the last log returns between adjoining bars of one length, per year.

    Parameters
    ----------
    name, symbol : str
        Its own, and that of the bars.
    n_returns : int, optional
        Returns in the deviation, >= 2.
    bar_minutes : int, optional
        Length of the bars, >= 1; bars of another length are refused or, at the end of a session, left out.
    session_minutes : float, optional
        Minutes of a session: 390 of New York's shares, 1440 of coins.
    sessions_per_year : float, optional
        252 of New York's shares, 365 of coins.

    Notes
    -----
    As `fields.indicators.realised_volatility`: a return counts only where one bar begins at the end of the other, so
    neither a night nor a hole adds anything, and the last returns may be of the session before. The factor is
    ``sqrt(sessions_per_year * session_minutes / bar_minutes)``: 140.2 for five minutes of New York's shares, and never
    the 15.9 of daily returns.
    """

    name: str
    symbol: str
    n_returns: int = 20
    bar_minutes: int = 5
    session_minutes: float = 390.0
    sessions_per_year: float = 252.0

    def __post_init__(self) -> None:
        require_between(self.name, "n_returns", self.n_returns, 2, 1_000_000)
        require_between(self.name, "bar_minutes", self.bar_minutes, 1, 1440)
        require_between(self.name, "session_minutes", self.session_minutes, self.bar_minutes, 1440.0)
        require_between(self.name, "sessions_per_year", self.sessions_per_year, 1.0, 366.0)

    @property
    def bars_per_year(self) -> float:
        """Bars of this length in a year, 19 656 for five minutes of New York's shares."""
        return self.sessions_per_year * self.session_minutes / self.bar_minutes

    @property
    def lookback(self) -> int:
        """One bar more than returns."""
        return self.n_returns + 1

    @property
    def is_recursive(self) -> bool:
        """True: how far back the last adjoining returns lie depends on nights and holes."""
        return True

    def column(self, bars: BarWindow) -> FloatArray:
        """Return the volatility at each bar, an annualised fraction."""
        require_float64(bars)
        found = np.full(bars.close.shape, nan)
        span = bars.end_ns - bars.start_ns
        if span.size >= _TOLD_BY:
            _require_length(self, span[:_TOLD_BY].tolist())
        rows = np.flatnonzero(serving_rows(bars, Need.CLOSE) & (span == self.bar_minutes * _MINUTE_NS))
        steps = np.log(bars.close[rows][1:] / bars.close[rows][:-1])
        adjoining = bars.start_ns[rows][1:] == bars.end_ns[rows][:-1]
        by_count = np.concatenate(([nan], by_window(steps[adjoining], self.n_returns, DEVIATION)))
        counted = np.concatenate(([0], np.cumsum(adjoining))) if rows.size else np.zeros(0, dtype=np.int64)
        found[rows] = by_count[counted] * sqrt(self.bars_per_year)
        return found

    def stream(self) -> FeatureStream:
        """Return the volatility as bars close."""
        return _OfAdjoining(self)


def _require_length(feature: IntradayVolatility, first_ns: list[int]) -> None:
    if feature.bar_minutes * _MINUTE_NS not in first_ns:
        raise ConfigError(
            f"feature {feature.name} would annualise bars of another length",
            found=f"bars of {first_ns[-1] / _MINUTE_NS:g} minutes",
            expected=f"bars of {feature.bar_minutes}",
            action=f'set bar_minutes, or read it by AtTimeframe(timeframe="{feature.bar_minutes}m")',
        )


@final
class _OfAdjoining:
    __slots__ = ("_before", "_feature", "_first_ns", "_ring", "_scale", "_serves", "_value", "_width_ns")

    def __init__(self, feature: IntradayVolatility) -> None:
        self._feature, self._serves = feature, serving(Need.CLOSE)
        self._ring, self._scale = Ring(feature.n_returns, DEVIATION), sqrt(feature.bars_per_year)
        self._width_ns = feature.bar_minutes * _MINUTE_NS
        self._before: Bar | None = None
        self._first_ns: list[int] = []
        self._value = nan

    def update(self, bar: Bar) -> float:
        if len(self._first_ns) < _TOLD_BY:
            self._first_ns.append(bar.end_ns - bar.start_ns)
            if len(self._first_ns) == _TOLD_BY:
                _require_length(self._feature, self._first_ns)
        if not self._serves(bar) or bar.end_ns - bar.start_ns != self._width_ns:
            return nan
        before, self._before = self._before, bar
        if before is not None and before.end_ns == bar.start_ns:
            self._value = self._ring.update(float(np.log(bar.close / before.close))) * self._scale
        return self._value
