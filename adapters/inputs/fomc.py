"""Meetings of the Federal Open Market Committee as its press releases announced them."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from market.clock import ns_of_datetime
from market.provenance import AsOfSource, Provenance
from market.series import EventBatch, EventKind

__all__ = ["announced_meetings"]

_EASTERN: Final = ZoneInfo("America/New_York")
# "The Committee releases a policy statement at 2 p.m. Eastern Time on the second day of each" meeting.
_STATEMENT: Final = time(14, 0)
# Press releases of the Federal Reserve Board with their hour of release, and the second days that they announce.
_RELEASES: Final = {
    datetime(2024, 8, 9, 13, 30, tzinfo=_EASTERN): (
        *(
            (2025, month, day)
            for month, day in ((1, 29), (3, 19), (5, 7), (6, 18), (7, 30), (9, 17), (10, 29), (12, 10))
        ),
        *(
            (2026, month, day)
            for month, day in ((1, 28), (3, 18), (4, 29), (6, 17), (7, 29), (9, 16), (10, 28), (12, 9))
        ),
        (2027, 1, 27),
    ),
    datetime(2025, 9, 5, 13, 30, tzinfo=_EASTERN): (
        *((2027, month, day) for month, day in ((3, 17), (4, 28), (6, 9), (7, 28), (9, 15), (10, 27), (12, 8))),
        (2028, 1, 26),
    ),
}


def announced_meetings() -> EventBatch:
    """Return the scheduled meetings from January 2025 to January 2028, each known from its press release on.

    Returns
    -------
    EventBatch
        The event is the policy statement. Schedules are tentative, and meetings between them are not announced: a file
        of events says what changed, under the same ``event_id``, such as ``fomc-2026-12-09``.

    Notes
    -----
    From the releases of 9 August 2024 (2025, 2026 and January 2027) and of 5 September 2025 (2027 and January 2028).
    """
    rows = [(release, date(*day)) for release, days in sorted(_RELEASES.items()) for day in days]
    n = len(rows)
    known = np.array([ns_of_datetime(release) for release, _ in rows], dtype=np.int64)
    return EventBatch(
        ts_event_ns=int(known.max()),
        cause_id="fomc-schedule",
        provenance=Provenance(
            source="federal-reserve-press-releases",
            origin="fomc-schedule",
            simulated=False,
            as_of_source=AsOfSource.STAMPED,
        ),
        event_id=tuple(f"fomc-{day.isoformat()}" for _, day in rows),
        kind=(EventKind.FOMC,) * n,
        symbol=("",) * n,
        name=("FOMC statement",) * n,
        event_ns=np.array(
            [ns_of_datetime(datetime.combine(day, _STATEMENT, tzinfo=_EASTERN)) for _, day in rows], dtype=np.int64
        ),
        available_ns=known,
        forecast=np.full(n, np.nan),
        actual=np.full(n, np.nan),
    )
