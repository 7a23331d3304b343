"""How much a run traded: time in the market, turnover, and what share of the profit the costs took."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Final

import numpy as np

from backtest.metrics.figures import Figure, figure, missing
from backtest.results import AccountCurve
from execution.trades import Trade
from market.calendars import sessions_between
from market.chains import FloatArray
from market.clock import datetime_of_ns
from market.fills import Fill
from market.trades import Int64Array
from strategies.views import HeldPackage

__all__ = ["cost_share", "exposure_time", "traded_value", "turnover"]

_YEAR_NS: Final = 365.25 * 86_400e9


def _union(spans: Int64Array) -> Int64Array:
    # Overlapping spans, shape (n, 2), merged into disjoint ones in time order.
    if not spans.size:
        return spans
    ordered = spans[np.argsort(spans[:, 0], kind="stable")]
    reach = np.maximum.accumulate(ordered[:, 1])
    starts = np.concatenate([[True], ordered[1:, 0] > reach[:-1]])
    ends = np.concatenate([starts[1:], [True]])
    return np.column_stack([ordered[starts, 0], reach[ends]])


def _open_time(session_open: Int64Array, session_close: Int64Array, instants: Int64Array) -> FloatArray:
    # Session time that has passed at each instant, ns.
    before = np.concatenate([[0], np.cumsum(session_close - session_open)])
    place = np.searchsorted(session_open, instants, side="right") - 1
    inside = np.minimum(instants, session_close[place]) - session_open[place]
    return np.where(place >= 0, before[place] + inside, 0).astype(np.float64)


@lru_cache(maxsize=8)
def _sessions(calendar: str, first_ns: int, last_ns: int) -> tuple[Int64Array, Int64Array]:
    first = datetime_of_ns(first_ns).date() - timedelta(days=1)
    last = datetime_of_ns(last_ns).date() + timedelta(days=1)
    sessions = sessions_between(calendar, first, last)
    opens = np.array([session.open_ns for session in sessions], dtype=np.int64)
    return opens, np.array([session.close_ns for session in sessions], dtype=np.int64)


def exposure_time(
    curve: AccountCurve, trades: Sequence[Trade], open_packages: Sequence[HeldPackage], *, calendar: str
) -> Figure:
    """Return the share of session time in which any package was held.

    Parameters
    ----------
    curve : AccountCurve
        Its first and last mark bound the run.
    trades : sequence of Trade
        Closed packages.
    open_packages : sequence of HeldPackage
        Held to the end of the run.
    calendar : str
        As in `market.calendars`.

    Returns
    -------
    Figure
        0 to 1, by time and not by marks; packages that overlap count once.
    """
    if curve.ts_ns.size < 2:
        return missing("fewer than two marks")
    first, last = int(curve.ts_ns[0]), int(curve.ts_ns[-1])
    opens, closes = _sessions(calendar, first, last)
    if not opens.size:
        return missing("no session lies within the run")
    bounds = _open_time(opens, closes, np.array([first, last], dtype=np.int64))
    if bounds[1] == bounds[0]:
        return missing("no session lies within the run")
    spans = [(trade.opened_ns, trade.closed_ns) for trade in trades] + [
        (held.opened_ns, last) for held in open_packages
    ]
    held = np.clip(_union(np.array(spans, dtype=np.int64).reshape(-1, 2)), first, last)
    passed = _open_time(opens, closes, held.ravel()).reshape(-1, 2)
    return figure(float((passed[:, 1] - passed[:, 0]).sum() / (bounds[1] - bounds[0])))


def traded_value(fills: Sequence[Fill]) -> float:
    """Return the sum of ``|quantity| x multiplier x price`` of all fills: of options that is premium, not notional."""
    return float(sum(abs(fill.quantity * fill.price) * fill.instrument.multiplier for fill in fills))


def turnover(curve: AccountCurve, fills: Sequence[Fill]) -> Figure:
    """Return the traded value per year over the mean equity.

    Parameters
    ----------
    curve : AccountCurve
        Of the run; the mean is weighted by time.
    fills : sequence of Fill
        All executions, both ways.

    Returns
    -------
    Figure
        Times a year; a round trip of the whole account in shares counts 2.
    """
    span = np.diff(curve.ts_ns).astype(np.float64)
    total = float(span.sum())
    if total <= 0.0:
        return missing("fewer than two marks")
    mean_equity = float((span * curve.equity[:-1]).sum()) / total
    if mean_equity <= 0.0:
        return missing("the mean equity is not above 0")
    return figure(traded_value(fills) / mean_equity / (total / _YEAR_NS))


def cost_share(curve: AccountCurve) -> Figure:
    """Return all costs over the profit by prices before them; missing where that profit is not above 0."""
    if not curve.ts_ns.size:
        return missing("no mark")
    gross = float(curve.realised[-1] + curve.unrealised[-1])
    return figure(float(curve.costs[-1]) / gross) if gross > 0.0 else missing("the profit before costs is not above 0")
