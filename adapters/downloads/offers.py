"""What the downloaders share: calendars of symbols, days, bars that have ended, and refusals."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from adapters.encoded.messages import picked
from adapters.store import DataKind
from market.bars import BarBatch
from market.clock import Clock, datetime_of_ns
from market.errors import ConfigError
from market.instruments import product_of

__all__ = ["closed_bars", "listed_calendar", "refuse_kind", "today_in_new_york", "today_in_utc"]

_NEW_YORK: Final = ZoneInfo("America/New_York")


def listed_calendar(symbol: str) -> str:
    """Return the calendar of an underlying that is listed in the United States."""
    return product_of(symbol).calendar


def today_in_new_york(clock: Clock) -> date:
    """Return the date in New York."""
    return datetime_of_ns(clock.now_ns()).astimezone(_NEW_YORK).date()


def today_in_utc(clock: Clock) -> date:
    """Return the UTC date."""
    return datetime_of_ns(clock.now_ns()).date()


def closed_bars(bars: BarBatch, now_ns: int) -> BarBatch:
    """Return the bars that have ended: one under way would be a fact that changes.

    Parameters
    ----------
    bars : BarBatch
        As a vendor sends them.
    now_ns : int
        Now, ns since the epoch, UTC.

    Returns
    -------
    BarBatch
        In the same order.
    """
    kept = picked(bars, np.flatnonzero(bars.end_ns <= now_ns))
    if not isinstance(kept, BarBatch):
        raise TypeError(type(kept).__name__)
    return kept


def refuse_kind(venue: str, kind: DataKind, kinds: Sequence[DataKind]) -> ConfigError:
    """Return the error for a kind of data that a venue does not offer."""
    return ConfigError(
        f"{venue} offers no {kind} here",
        found=str(kind),
        expected=f"one of {', '.join(kinds)}",
        action="correct --kind, or ask another venue",
    )
