"""Sessions and stretches of time in which a series is silent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import numpy as np

from market.calendars import sessions_between
from market.clock import datetime_of_ns
from market.trades import Int64Array

__all__ = ["Gap", "calendar_of", "missing_sessions", "silences"]

_DAY_NS: Final = 86_400_000_000_000
# A coin stands alone or before what it is paid in: SOLV and ETHA are shares.
_COIN: Final = re.compile(
    r"USD[TC]|(?<![A-Z0-9])(?:BTC|XBT|ETH|SOL|BNB|XRP|DOGE)(?:USD|EUR|GBP|BTC|ETH)?(?:PERP|SPOT)?(?![A-Z0-9])"
)
_LISTED: Final = frozenset({"I", "O", "OPRA", "CBOE", "NYSE", "NASDAQ", "ARCA", "AMEX", "BATS", "IEX"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A stretch without data.

    Parameters
    ----------
    symbol : str
        Whose.
    first_ns, last_ns : int
        Ends of the stretch, ns since the epoch, UTC.
    n_missing : int
        Sessions or bars that should lie in it.
    """

    symbol: str
    first_ns: int
    last_ns: int
    n_missing: int


def calendar_of(symbol: str) -> str:
    """Return the calendar by which a symbol trades: ``24/7`` for coins, the New York share market's otherwise.

    Parameters
    ----------
    symbol : str
        As the store names it: a coin with or without its market and what it is paid in, whatever a venue of coins has
        (``kraken:ADA-EUR``), or a share or index, also with its market (``I:SPX``).

    Returns
    -------
    str
        As in `market.calendars.sessions_between`.
    """
    place, mark, word = symbol.upper().rpartition(":")
    if mark and place.rpartition(":")[2] in _LISTED:
        return "NYSE"
    return "24/7" if mark or _COIN.search(word) else "NYSE"


def missing_sessions(symbol: str, event_ns: Int64Array) -> tuple[Gap, ...]:
    """Return runs of sessions between the first and the last instant on which nothing happened.

    Parameters
    ----------
    symbol : str
        Whose instants.
    event_ns : ndarray of int64
        Instants, ns since the epoch, UTC; in any order.

    Returns
    -------
    tuple of Gap
        One per run of missing sessions.
    """
    if not event_ns.size:
        return ()
    days = np.unique(event_ns // _DAY_NS)
    first, last = (datetime_of_ns(int(day) * _DAY_NS).date() for day in (days[0], days[-1]))
    sessions = sessions_between(calendar_of(symbol), first, last)
    expected = np.array([np.datetime64(s.day).astype(np.int64) for s in sessions], dtype=np.int64)
    absent = ~np.isin(expected, days)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], absent, [False]]).astype(np.int8)))
    return tuple(
        Gap(
            symbol=symbol,
            first_ns=sessions[start].open_ns,
            last_ns=sessions[stop - 1].close_ns,
            n_missing=int(stop - start),
        )
        for start, stop in edges.reshape(-1, 2).tolist()
    )


def silences(symbol: str, event_ns: Int64Array, length_ns: int) -> tuple[Gap, ...]:
    """Return the stretches in which bars are missing that the calendar expects.

    Parameters
    ----------
    symbol : str
        Whose bars.
    event_ns : ndarray of int64
        Starts of the bars.
    length_ns : int
        Length of a bar, at most a day.

    Returns
    -------
    tuple of Gap
        Nights, weekends and holidays are no gaps; a session without any bar belongs to `missing_sessions`.
    """
    starts = np.unique(event_ns)
    found: list[Gap] = []
    if starts.size < 2:
        return ()
    calendar = calendar_of(symbol)
    for place in np.flatnonzero(np.diff(starts) > length_ns).tolist():
        left, right = int(starts[place]) + length_ns, int(starts[place + 1])
        missing = (right - left) // length_ns
        if calendar != "24/7":
            first, last = datetime_of_ns(left).date(), datetime_of_ns(right).date()
            missing = sum(
                max(min(right, s.close_ns) - max(left, s.open_ns), 0) // length_ns
                for s in sessions_between(calendar, first, last)
                if s.open_ns <= left < s.close_ns or s.open_ns < right <= s.close_ns
            )
        if missing > 0:
            found.append(Gap(symbol=symbol, first_ns=left, last_ns=right, n_missing=int(missing)))
    return tuple(found)
