"""When a premium strategy looks for an entry, and in which expiration."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from math import inf
from typing import Final, Protocol
from zoneinfo import ZoneInfo

import numpy as np

from market.calendars import session_on
from market.instruments import SettlementTime
from strategies.chain_lookup import expirations_between, nearest_expiration
from strategies.parameters import require, require_between, require_zone
from strategies.views import ChainView

__all__ = ["DaysOut", "EntryWindows", "FixedTime", "FrontBack", "NoEntries", "RandomTime", "Schedule"]

_NS: Final = 1_000_000_000
_NEVER: Final = 1 << 62


class Schedule(Protocol):
    """When a strategy may open, and in which expirations."""

    def is_candidate(self, view: ChainView, now_ns: int) -> bool:
        """Tell whether this instant is one at which the strategy looks for an entry at all."""

    def series(self, view: ChainView) -> tuple[int, ...]:
        """Return the places of the expirations to trade, in the order of `LegRule.expiry`; empty where one lacks."""

    def session_start_ns(self, view: ChainView) -> int:
        """Return the open of the session of a chain."""

    def period_start_ns(self, view: ChainView, now_ns: int) -> int:
        """Return from when on one entry is allowed: the open of the session, or the window of now."""

    @property
    def max_entries(self) -> int:
        """Most entries in one session; 0 where they are not counted."""

    def last_entry_ns(self, view: ChainView, series: int) -> int:
        """Return the instant from which on nothing is opened in a series."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedTime:
    """Once a day at a fixed time, in the series that ends the same day and settles on the close, or in others.

    Parameters
    ----------
    at : datetime.time
        Wall time of the exchange.
    window_s : float
        Seconds from `at` on in which an entry is still looked for, > 0.
    cutoff_s : float
        Seconds before the last trade of the series from which on nothing is opened, >= 0 (L41: half an hour).
    calendar : str
        Whose sessions, as in `market.calendars`.
    zone : str
        Time zone of `at`.
    expirations : DaysOut or FrontBack, optional
        Which expirations are traded instead of that of the day.
    """

    at: time
    window_s: float = 900.0
    cutoff_s: float = 1800.0
    calendar: str = "NYSE"
    zone: str = "America/New_York"
    expirations: DaysOut | FrontBack | None = None

    def __post_init__(self) -> None:
        require("schedule", "at", self.at, "a wall time without a zone of its own", holds=self.at.tzinfo is None)
        require_between("schedule", "window_s", self.window_s, 0.0, 86_400.0, open_low=True)
        require_between("schedule", "cutoff_s", self.cutoff_s, 0.0, inf, open_high=True)
        require_zone("schedule", self.zone)

    def is_candidate(self, view: ChainView, now_ns: int) -> bool:
        """Tell whether the instant lies in the window of the chain's session."""
        start = _instant_ns(view.chain.session, self.at, self.zone)
        return start <= now_ns < start + int(self.window_s * _NS)

    def series(self, view: ChainView) -> tuple[int, ...]:
        """Return the series that ends this session on its close, or those of `expirations`; empty where one lacks."""
        if self.expirations is not None:
            return self.expirations.series(view)
        return expirations_between(view, 0, 0, settlement=SettlementTime.PM)[:1]

    def session_start_ns(self, view: ChainView) -> int:
        """Return the open of the session; later than everything where the exchange is closed that day."""
        return _open_ns(self.calendar, view.chain.session)

    def period_start_ns(self, view: ChainView, now_ns: int) -> int:  # noqa: ARG002  # of the session
        """Return the open of the session: one entry for each."""
        return self.session_start_ns(view)

    @property
    def max_entries(self) -> int:
        """Not counted."""
        return 0

    def last_entry_ns(self, view: ChainView, series: int) -> int:
        """Return the cut-off before the last trade of the series."""
        return view.chain.series[series].last_trade_ns - int(self.cutoff_s * _NS)


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomTime:
    """Once a day at a time drawn by lot: the baseline of a fixed time.

    Parameters
    ----------
    times : tuple of FixedTime
        What is drawn from, one or more, of one calendar.
    seed : int
        Of the lots, >= 0; seed and date alone decide the draw, so that it is the same in every run.
    """

    times: tuple[FixedTime, ...]
    seed: int

    def __post_init__(self) -> None:
        calendars = {each.calendar for each in self.times}
        require("schedule", "times", f"of calendars {sorted(calendars)}", "of one calendar", holds=len(calendars) == 1)
        require_between("schedule", "seed", self.seed, 0, inf, open_high=True)

    def drawn(self, day: date) -> FixedTime:
        """Return the time of a session."""
        return self.times[_lot(self.seed, day, len(self.times))]

    def is_candidate(self, view: ChainView, now_ns: int) -> bool:
        """Tell whether the instant lies in the window of the time drawn for the chain's session."""
        return self.drawn(view.chain.session).is_candidate(view, now_ns)

    def series(self, view: ChainView) -> tuple[int, ...]:
        """Return the series that ends this session on its close; empty where there is none."""
        return self.times[0].series(view)

    def session_start_ns(self, view: ChainView) -> int:
        """Return the open of the session; later than everything where the exchange is closed that day."""
        return self.times[0].session_start_ns(view)

    def period_start_ns(self, view: ChainView, now_ns: int) -> int:  # noqa: ARG002  # of the session
        """Return the open of the session: one entry for each."""
        return self.session_start_ns(view)

    @property
    def max_entries(self) -> int:
        """Not counted."""
        return 0

    def last_entry_ns(self, view: ChainView, series: int) -> int:
        """Return the cut-off of the time drawn."""
        return self.drawn(view.chain.session).last_entry_ns(view, series)


@dataclass(frozen=True, slots=True, kw_only=True)
class DaysOut:
    """At any chain of a session, in the expiration that is nearest to some days away.

    Parameters
    ----------
    days : int
        Calendar days that are wanted.
    shortest, longest : int
        Calendar days that are accepted, ``0 <= shortest < longest``, with `days` between them.
    calendar : str
        Whose sessions, as in `market.calendars`.
    """

    days: int
    shortest: int
    longest: int
    calendar: str = "NYSE"

    def __post_init__(self) -> None:
        require_between("schedule", "shortest", self.shortest, 0, 3_650)
        require(
            "schedule",
            "shortest, days and longest",
            f"{self.shortest}, {self.days} and {self.longest}",
            "shortest < longest, with days from one to the other",
            holds=self.shortest < self.longest and self.shortest <= self.days <= self.longest,
        )

    def is_candidate(self, view: ChainView, now_ns: int) -> bool:  # noqa: ARG002  # at any instant
        """Tell whether the exchange is open on the day of the chain."""
        return session_on(self.calendar, view.chain.session) is not None

    def series(self, view: ChainView) -> tuple[int, ...]:
        """Return the nearest expiration within the bounds; empty where there is none."""
        found = nearest_expiration(view, self.days, self.shortest, self.longest)
        return (found,) if found >= 0 else ()

    def session_start_ns(self, view: ChainView) -> int:
        """Return the open of the session; later than everything where the exchange is closed that day."""
        return _open_ns(self.calendar, view.chain.session)

    def period_start_ns(self, view: ChainView, now_ns: int) -> int:  # noqa: ARG002  # of the session
        """Return the open of the session: one entry for each."""
        return self.session_start_ns(view)

    @property
    def max_entries(self) -> int:
        """Not counted."""
        return 0

    def last_entry_ns(self, view: ChainView, series: int) -> int:
        """Return the last trade of the series: the bound in days decides."""
        return view.chain.series[series].last_trade_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontBack:
    """At any chain of a session, in a near and a later expiration: calendars and diagonals.

    Parameters
    ----------
    front, back : DaysOut
        Days of either, of one calendar; the back is chosen among those after the front.
    """

    front: DaysOut
    back: DaysOut

    def __post_init__(self) -> None:
        days, calendars = (self.front.days, self.back.days), {self.front.calendar, self.back.calendar}
        require("schedule", "front and back", days, "rising days", holds=days[0] < days[1])
        require("schedule", "front and back", sorted(calendars), "of one calendar", holds=len(calendars) == 1)

    def is_candidate(self, view: ChainView, now_ns: int) -> bool:
        """Tell whether the exchange is open on the day of the chain."""
        return self.front.is_candidate(view, now_ns)

    def series(self, view: ChainView) -> tuple[int, ...]:
        """Return front and back; empty where either lacks."""
        near = self.front.series(view)
        if not near:
            return ()
        chain, back = view.chain, self.back
        end = chain.series[near[0]].expiry_ns
        later = [
            place
            for place in expirations_between(view, back.shortest, back.longest)
            if chain.series[place].expiry_ns > end
        ]
        days = [abs((chain.series[place].expiration - chain.session).days - back.days) for place in later]
        return (near[0], later[days.index(min(days))]) if later else ()

    def session_start_ns(self, view: ChainView) -> int:
        """Return the open of the session; later than everything where the exchange is closed that day."""
        return self.front.session_start_ns(view)

    def period_start_ns(self, view: ChainView, now_ns: int) -> int:
        """Return the open of the session: one entry for each."""
        return self.front.period_start_ns(view, now_ns)

    @property
    def max_entries(self) -> int:
        """Not counted."""
        return 0

    def last_entry_ns(self, view: ChainView, series: int) -> int:
        """Return the last trade of the front."""
        return self.front.last_entry_ns(view, series)


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryWindows:
    """Several windows a day with one entry each, and a most of entries a day (Z5).

    Parameters
    ----------
    times : tuple of FixedTime
        Windows, one or more, of one calendar and one choice of expirations, in the order of the day, without overlap.
    most : int
        Most entries in one session, 1 to 64.
    """

    times: tuple[FixedTime, ...]
    most: int = 2

    def __post_init__(self) -> None:
        kinds = {(each.calendar, each.zone, each.expirations) for each in self.times}
        require("schedule", "times", f"of {len(kinds)} kinds", "of one calendar and expiration", holds=len(kinds) == 1)
        starts = [each.at.hour * 3600 + each.at.minute * 60 + each.at.second for each in self.times]
        ends = [start + each.window_s for start, each in zip(starts, self.times, strict=True)]
        follow = all(end <= start for end, start in zip(ends, starts[1:], strict=False))
        require("schedule", "times", [str(each.at) for each in self.times], "windows that follow another", holds=follow)
        require_between("schedule", "most", self.most, 1, 64)

    def is_candidate(self, view: ChainView, now_ns: int) -> bool:
        """Tell whether the instant lies in a window of the chain's session."""
        return any(each.is_candidate(view, now_ns) for each in self.times)

    def series(self, view: ChainView) -> tuple[int, ...]:
        """Return what its windows trade; empty where an expiration lacks."""
        return self.times[0].series(view)

    def session_start_ns(self, view: ChainView) -> int:
        """Return the open of the session; later than everything where the exchange is closed that day."""
        return self.times[0].session_start_ns(view)

    def period_start_ns(self, view: ChainView, now_ns: int) -> int:
        """Return the start of the newest window that has begun; the open of the session before the first."""
        starts = [_instant_ns(view.chain.session, each.at, each.zone) for each in self.times]
        return max((start for start in starts if start <= now_ns), default=self.session_start_ns(view))

    @property
    def max_entries(self) -> int:
        """Most entries in one session."""
        return self.most

    def last_entry_ns(self, view: ChainView, series: int) -> int:
        """Return the cut-off before the last trade of the series."""
        return self.times[0].last_entry_ns(view, series)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoEntries:
    """A schedule at which nothing is opened: what is held is looked after all the same.

    Parameters
    ----------
    inner : Schedule
        The schedule of what is held.
    """

    inner: Schedule

    def is_candidate(self, view: ChainView, now_ns: int) -> bool:  # noqa: ARG002  # never
        """Return that no entry is looked for."""
        return False

    def series(self, view: ChainView) -> tuple[int, ...]:
        """Return the expirations of the schedule within."""
        return self.inner.series(view)

    def session_start_ns(self, view: ChainView) -> int:
        """Return the open of the session."""
        return self.inner.session_start_ns(view)

    def period_start_ns(self, view: ChainView, now_ns: int) -> int:
        """Return from when on entries are counted."""
        return self.inner.period_start_ns(view, now_ns)

    @property
    def max_entries(self) -> int:
        """Return how many entries the schedule within allows."""
        return self.inner.max_entries

    def last_entry_ns(self, view: ChainView, series: int) -> int:
        """Return the cut-off of the schedule within."""
        return self.inner.last_entry_ns(view, series)


@lru_cache(maxsize=4096)
def _instant_ns(day: date, at: time, zone: str) -> int:
    return round(datetime.combine(day, at, ZoneInfo(zone)).timestamp()) * _NS


@lru_cache(maxsize=1 << 16)
def _lot(seed: int, day: date, n: int) -> int:
    return int(np.random.default_rng((seed, day.toordinal())).integers(n))


def _open_ns(calendar: str, day: date) -> int:
    session = session_on(calendar, day)
    return session.open_ns if session is not None else _NEVER
