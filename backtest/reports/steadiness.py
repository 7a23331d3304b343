"""How steady a run was: ratio and volatility over a moving half year, and how its days are spread."""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import numpy as np

from backtest.metrics.days import DailyReturns, calendar_of, daily_returns
from backtest.metrics.rolling import rolling_sharpe, rolling_volatility
from backtest.reports.analysis import Analysis
from backtest.reports.blocks import Bars, Block, Curve, Line, Note, Role, Section
from backtest.reports.wording import number, percent
from backtest.results import RunResult

__all__ = ["steadiness_section"]

_EDGES = np.array([-0.05, -0.03, -0.02, -0.01, -0.005, -0.002, 0.0, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05])


def steadiness_section(result: RunResult, analysis: Analysis) -> Section:
    """Return rolling Sharpe ratio and volatility, and the days by their return."""
    periods = result.description.periods_per_year
    daily = daily_returns(result.curve, calendar_of(periods))
    window = periods // 2
    if daily.returns.size < 2 * window:
        words = f"Rolling figures need two windows of {window} days; there are {daily.returns.size} returns."
        return Section(title="Steadiness", blocks=(Note(text=words), *_spread(daily)))
    rate = analysis.settings.rate
    named = "" if rate is not None else ", no rate subtracted"
    known = slice(window - 1, None)
    ratio = rolling_sharpe(daily, window, periods_per_year=periods, risk_free=0.0 if rate is None else rate)[known]
    moves = rolling_volatility(daily, window, periods_per_year=periods)[known]
    sharpe = Line(name=f"over {window} days", values=ratio, role=Role.MAIN, is_filled=True)
    deviation = Line(name=f"over {window} days", values=moves, role=Role.PLAIN)
    at = daily.end_ns[known]
    curves = (
        Curve(title=f"Rolling Sharpe ratio{named}", ts_ns=at, lines=(sharpe,), shown=partial(number, digits=1)),
        Curve(title="Rolling volatility a year", ts_ns=at, lines=(deviation,), shown=partial(percent, digits=1)),
        Note(text="Windows overlap: a hump is one stretch of days, and no trend."),
    )
    return Section(title="Steadiness", blocks=(*curves, *_spread(daily)))


def _spread(daily: DailyReturns) -> tuple[Block, ...]:
    if not daily.returns.size:
        return ()
    places = np.digitize(daily.returns, _EDGES)
    names = ["below −5 %", *(f"{_edge(low)} to {_edge(high)}" for low, high in pairwise(_EDGES))]
    names.append("5 % and above")
    counts = np.bincount(places, minlength=len(names))
    used = np.flatnonzero(counts)
    items = tuple((names[k], float(counts[k])) for k in range(int(used[0]), int(used[-1]) + 1))
    return (Bars(title="Days by their return", items=items, shown=partial(number, digits=0)),)


def _edge(value: float) -> str:
    return percent(float(value), 1)
