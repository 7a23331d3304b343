"""How far the future, or one share against another, stands from where it usually does: pure, from closed bars."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from math import exp, isfinite, log, nan

import numpy as np

from market.calendars import Session
from market.chains import FloatArray
from market.trades import Int64Array

__all__ = ["Divergence", "DivergenceMeasure", "fair_future", "overnight_divergence", "ratio_divergence"]

_YEAR_NS = 365.0 * 86_400e9


class DivergenceMeasure(StrEnum):
    """What is measured."""

    FUTURE_RETURN = "future_return"  # the future since the close of the share, carry taken out (EQ7)
    SHARE_RATIO = "share_ratio"  # log ratio of two shares, as SPY to QQQ (Q54x)


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """One measurement.

    Parameters
    ----------
    size : float
        Log return, or log ratio less its mean; NaN where it is missing.
    z : float
        In standard deviations of its own past, about its mean; NaN where the past is too short.
    n : int
        Past values behind it.
    reason : str
        Why something is missing; empty where nothing is.
    """

    size: float
    z: float
    n: int
    reason: str = ""


def fair_future(spot: float, rate: float, dividend_yield: float, years: float) -> float:
    """Return the price of a future that leaves no arbitrage with its index.

    Parameters
    ----------
    spot : float
        Index, points.
    rate, dividend_yield : float
        Annual, continuously compounded, fractions.
    years : float
        To its settlement, >= 0.

    Returns
    -------
    float
        ``S exp((r - q) T)``: at 5 % and 1.3 % a quarter before its end 0.93 % above the index, which is no signal.
    """
    return spot * exp((rate - dividend_yield) * years)


def _as_of(end_ns: Int64Array, close: FloatArray, instant_ns: int, oldest_ns: int) -> float:
    """Return the newest close at an instant; NaN where there is none, or none young enough."""
    row = int(end_ns.searchsorted(instant_ns, side="right")) - 1
    return nan if row < 0 or instant_ns - int(end_ns[row]) > oldest_ns else float(close[row])


def overnight_divergence(
    end_ns: Int64Array,
    close: FloatArray,
    sessions: tuple[Session, ...],
    now_ns: int,
    *,
    carry: float,
    min_sessions: int,
    oldest_ns: int = 900_000_000_000,
) -> Divergence:
    """Return the return of a future since the share's last close, without its carry, against that of other days.

    Parameters
    ----------
    end_ns, close : ndarray, shape (n_bars,)
        Ends, ns since the epoch, UTC, rising, and closes of the future's bars.
    sessions : tuple of Session
        Of the share, in order; the last is the one that is open now, or that opens next.
    now_ns : int
        Instant, ns since the epoch, UTC; the newest bar ended by then.
    carry : float
        Rate less dividend yield, per year: a future falls by so much against its index as its end comes nearer.
    min_sessions : int
        Past days that the standard deviation needs, >= 2.
    oldest_ns : int, optional
        Oldest bar that counts as a price of an instant, ns.

    Returns
    -------
    Divergence
        Each past day from the close before to as long before or after its open as it is now.
    """
    if len(sessions) < 2:
        return Divergence(size=nan, z=nan, n=0, reason="no session before")
    offset = now_ns - sessions[-1].open_ns
    found = []
    for before, session in pairwise(sessions):
        at_ns = session.open_ns + offset
        start = _as_of(end_ns, close, before.close_ns, oldest_ns)
        stop = _as_of(end_ns, close, at_ns, oldest_ns)
        known = start > 0.0 and stop > 0.0
        found.append(log(stop / start) + carry * (at_ns - before.close_ns) / _YEAR_NS if known else nan)
    return _standardised(np.array(found), min_sessions, "the future has no bar at the close, or none now")


def ratio_divergence(one: FloatArray, other: FloatArray, *, lookback: int) -> Divergence:
    """Return the log ratio of two shares against its mean over the closes before.

    Parameters
    ----------
    one, other : ndarray, shape (n_bars,)
        Closes of the same bars, oldest first.
    lookback : int
        Closes of the mean and the deviation, >= 2; the newest is left out of them.

    Returns
    -------
    Divergence
        NaN where there are too few.
    """
    n = min(one.shape[0], other.shape[0], lookback + 1)
    if n < lookback + 1:
        return Divergence(size=nan, z=nan, n=n, reason=f"{n} bars of both, {lookback + 1} needed")
    ratio = np.log(one[-n:] / other[-n:])
    found = _standardised(ratio, lookback, "a close is missing")
    return Divergence(size=found.size - float(ratio[:-1].mean()), z=found.z, n=found.n, reason=found.reason)


def _standardised(values: FloatArray, least: int, missing: str) -> Divergence:
    newest, past = float(values[-1]), values[:-1][np.isfinite(values[:-1])]
    n = int(past.shape[0])
    if not isfinite(newest):
        return Divergence(size=nan, z=nan, n=n, reason=missing)
    if n < max(least, 2):
        return Divergence(size=newest, z=nan, n=n, reason=f"{n} past values of {max(least, 2)} needed")
    deviation = float(past.std(ddof=1))
    if not deviation > 0.0:
        return Divergence(size=newest, z=nan, n=n, reason="past values do not differ")
    return Divergence(size=newest, z=(newest - float(past.mean())) / deviation, n=n)
