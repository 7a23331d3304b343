"""An index through the day, from what was recorded: daily prints, hourly ones of its fund, and bridges between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from market.bars import BarBatch
from market.chains import FloatArray
from market.errors import DataError
from market.trades import Int64Array

__all__ = ["IndexPath", "Shock", "index_path", "shocked"]

# The range of a day without drift is 1.67 of its standard deviations (Parkinson).
_RANGE_DEVIATIONS: Final = 2.0 * float(np.sqrt(np.log(2.0)))
_DAY_NS: Final = 86_400_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexPath:
    """An index and its volatility indices at some instants; arrays of shape ``(n_instants,)``.

    Parameters
    ----------
    ts_ns : ndarray of int64
        ns since the epoch, UTC, rising; the first and the last of each session are its open and its close.
    session : ndarray of int64
        Number of each instant's session, from 0.
    spot : ndarray
        The index.
    volatility : ndarray, shape (n_instants, n_horizons)
        Volatility indices, annualised fractions.
    horizon_days : ndarray, shape (n_horizons,)
        Their horizons, calendar days, rising.
    """

    ts_ns: Int64Array
    session: Int64Array
    spot: FloatArray
    volatility: FloatArray
    horizon_days: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Shock:
    """What is done to a recorded path from one instant up to, but not at, another.

    Parameters
    ----------
    start_ns, end_ns : int
        ns since the epoch, UTC.
    spot_factor : float
        Multiplies the index, > 0.
    volatility_30d : float
        What the volatility of 30 days becomes, annualised fraction; NaN leaves it. Other horizons of t days move by
        ``sqrt(30 / t)`` of its change, as volatility shocks do.
    """

    start_ns: int
    end_ns: int
    spot_factor: float = 1.0
    volatility_30d: float = float("nan")


def index_path(
    daily: BarBatch,
    hourly: BarBatch | None,
    volatility: FloatArray,
    horizon_days: FloatArray,
    *,
    step_ns: int,
    rng: np.random.Generator,
) -> IndexPath:
    """Return an index at regular instants of its sessions.

    Parameters
    ----------
    daily : BarBatch
        Its sessions in order, opens and closes stamped with those of the session.
    hourly : BarBatch, optional
        Hourly bars of a fund on it, that lead the index between the prints of its day: the fund's distance from its own
        close is the index's.
    volatility : ndarray, shape (n_sessions + 1, n_horizons)
        Volatility indices at the close before the first session and at each close, annualised fractions.
    horizon_days : ndarray, shape (n_horizons,)
        Their horizons, calendar days.
    step_ns : int
        Distance of instants, ns.
    rng : numpy.random.Generator
        Draws the bridges.

    Returns
    -------
    IndexPath
        Open and close are the recorded ones, and no instant lies beyond the recorded high and low. Between recorded
        prints the log price is a Brownian bridge with the deviation that the day's range tells. Volatilities go
        straight from one close to the next.

    Raises
    ------
    DataError
        A day lacks a print, or the volatilities are not one row more than the sessions.
    """
    n = daily.n_bars
    if volatility.shape != (n + 1, horizon_days.shape[0]) or not np.isfinite(volatility).all():
        raise DataError(
            "the volatility indices of a path are not those of its sessions",
            found=f"shape {volatility.shape}, {int(np.isnan(volatility).sum())} missing",
            expected=f"shape ({n + 1}, {horizon_days.shape[0]}), all known",
        )
    if not all(np.isfinite(getattr(daily, name)).all() for name in ("open", "high", "low", "close")):
        raise DataError("a day of the index lacks a print", found="NaN", expected="open, high, low and close")
    ts, spots, sessions, vols = [], [], [], []
    for row in range(n):
        start, end = int(daily.start_ns[row]), int(daily.end_ns[row])
        instants = np.append(np.arange(start, end, step_ns, dtype=np.int64), end)
        ts.append(instants)
        spots.append(_bridged(daily, hourly, row, instants, rng))
        sessions.append(np.full(instants.shape, row, dtype=np.int64))
        share = ((instants - start) / (end - start))[:, None]
        vols.append(volatility[row] * (1.0 - share) + volatility[row + 1] * share)
    return IndexPath(
        ts_ns=np.concatenate(ts),
        session=np.concatenate(sessions),
        spot=np.round(np.concatenate(spots), 2).astype(np.float64),
        volatility=np.concatenate(vols),
        horizon_days=np.asarray(horizon_days, dtype=np.float64),
    )


def _bridged(
    daily: BarBatch, hourly: BarBatch | None, row: int, instants: Int64Array, rng: np.random.Generator
) -> FloatArray:
    start, end = int(instants[0]), int(instants[-1])
    known = {start: float(daily.open[row]), end: float(daily.close[row])}
    if hourly is not None:
        inside = np.flatnonzero((hourly.end_ns > start) & (hourly.end_ns < end))
        last = np.flatnonzero((hourly.end_ns >= end) & (hourly.start_ns < end))
        if last.size:
            ratio = float(daily.close[row]) / float(hourly.close[last[-1]])
            known |= {int(hourly.end_ns[k]): ratio * float(hourly.close[k]) for k in inside.tolist()}
    anchors = np.array(sorted(known), dtype=np.int64)
    levels = np.log([known[int(instant)] for instant in anchors])
    deviation = np.log(float(daily.high[row]) / float(daily.low[row])) / _RANGE_DEVIATIONS
    passed = (instants - start) / (end - start)
    steps = rng.standard_normal(instants.shape[0] - 1) * deviation * np.sqrt(np.diff(passed))
    walk = np.concatenate(([0.0], np.cumsum(steps)))
    # A walk less its own line through the anchors is a bridge that is 0 at each of them.
    bridge = walk - np.interp(instants, anchors, np.interp(anchors, instants, walk))
    path = np.exp(np.interp(instants, anchors, levels) + bridge)
    path[0], path[-1] = known[start], known[end]
    clipped: FloatArray = np.clip(path, float(daily.low[row]), float(daily.high[row]))
    return clipped


def shocked(path: IndexPath, shocks: tuple[Shock, ...]) -> IndexPath:
    """Return a path with shocks on it.

    Parameters
    ----------
    path : IndexPath
        As recorded.
    shocks : tuple of Shock
        Later ones act on what earlier ones left.

    Returns
    -------
    IndexPath
        At the same instants.
    """
    spot, volatility = path.spot.copy(), path.volatility.copy()
    month = int(np.argmin(np.abs(path.horizon_days - 30.0)))
    for shock in shocks:
        here = (path.ts_ns >= shock.start_ns) & (path.ts_ns < shock.end_ns)
        spot[here] = np.round(spot[here] * shock.spot_factor, 2)
        if np.isfinite(shock.volatility_30d):
            change = shock.volatility_30d - volatility[here, month]
            volatility[here] += change[:, None] * np.sqrt(30.0 / path.horizon_days)
    return IndexPath(
        ts_ns=path.ts_ns, session=path.session, spot=spot, volatility=volatility, horizon_days=path.horizon_days
    )
