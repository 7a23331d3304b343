"""What a check finds: how often, how bad, why, and what it does to the score."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from market.chains import BoolArray

__all__ = ["Check", "Finding", "PartitionQuality", "QualityReport", "Severity", "found", "score_of"]

_EXAMPLES: Final = 5


class Severity(StrEnum):
    """How much a finding matters."""

    INFO = "info"  # a property of the data that a reader must know
    WARNING = "warning"  # rows that should be looked at before use
    ERROR = "error"  # rows that cannot be what they claim to be


class Check(StrEnum):
    """What is looked for."""

    GAP = "gap"  # sessions or bars that the calendar expects
    HALT = "halt"  # a market without a close that stands still
    OHLC = "ohlc"  # high below low, or open or close outside of them
    PRICE = "price"  # not finite, zero or negative
    CROSSED = "crossed"
    LOCKED = "locked"
    ONE_SIDED = "one_sided"
    UNUSABLE_QUOTES = "unusable_quotes"  # hardly a bid in the whole set
    OUTLIER = "outlier"  # far from both neighbours
    WICK = "wick"  # a high or low far outside of what its neighbours traded: an off-exchange or bad print
    DUPLICATE = "duplicate"
    ORDER = "order"  # instants that run backwards
    STALE = "stale"  # a stream that says nothing, or the same, for too long
    OPEN_INTEREST = "open_interest"  # changes within a session
    VOLATILITY = "volatility"  # implied volatility missing or out of range
    EXPIRED = "expired"
    EXPIRY_ABSENT = "expiry_absent"  # the session's own expiration is gone
    PARITY = "parity"  # calls and puts disagree on the forward
    UNDERLYING = "underlying"  # the printed underlying is not the one that the options know
    EARLY = "early"  # taken before the instant that it is stamped with
    OTHER_SESSION = "other_session"  # taken in another session than the one it is dated for
    SPLIT = "split"  # the scale of prices or strikes changes by a ratio
    LOCAL_TIME = "local_time"  # instants in the wrong zone, or at the end of their bar
    DAYLIGHT_SAVING = "daylight_saving"  # the distance to the exchange's open changes by an hour
    INTERVAL = "interval"  # the distance of rows changes
    INSTANT = "instant"  # an instant that is missing or impossible
    LATE = "late"  # first told after it happened
    CLOCK = "clock"  # the recorder's clock differs from the venue's
    LEFT_OUT = "left_out"  # rows that the reader refused


_WEIGHT: Final = {Severity.INFO: 0.0, Severity.WARNING: 0.5, Severity.ERROR: 1.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One result of one check on one partition; only what was found is reported.

    Parameters
    ----------
    check : Check
        What was looked for.
    severity : Severity
        How much it matters.
    count, n_checked : int
        Rows found, and rows looked at.
    reason : str
        What is wrong, in a clause.
    examples : tuple of str
        Up to five of them.
    """

    check: Check
    severity: Severity
    count: int
    n_checked: int
    reason: str
    examples: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """Part of the rows that were looked at, in [0, 1]."""
        return min(self.count / self.n_checked, 1.0) if self.n_checked else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionQuality:
    """What the checks say of one file of a store, or of a whole series.

    Parameters
    ----------
    kind, symbol, source, period : str
        Whose rows; `period` is ``series`` for what spans partitions.
    path : str
        File; empty for a series.
    n_rows : int
        Rows.
    score : float
        1 where nothing counts against it, 0 where all rows are wrong; see `score_of`.
    simulated : bool
        Whether any row is simulated.
    findings : tuple of Finding
        In order of severity.
    """

    kind: str
    symbol: str
    source: str
    period: str
    path: str
    n_rows: int
    score: float
    simulated: bool
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityReport:
    """The quality of a store.

    Parameters
    ----------
    ts_event_ns : int
        When it was checked, ns since the epoch, UTC.
    partitions : tuple of PartitionQuality
        Files and series.
    """

    ts_event_ns: int
    partitions: tuple[PartitionQuality, ...]

    @property
    def score(self) -> float:
        """Mean score over rows; 1 where there are none."""
        files = [p for p in self.partitions if p.path]
        rows = sum(p.n_rows for p in files)
        return sum(p.score * p.n_rows for p in files) / rows if rows else 1.0

    def counts(self) -> dict[tuple[Check, Severity], int]:
        """Return the number of rows found, by check and severity."""
        total: dict[tuple[Check, Severity], int] = {}
        for partition in self.partitions:
            for item in partition.findings:
                total[item.check, item.severity] = total.get((item.check, item.severity), 0) + item.count
        return total


def found(
    check: Check,
    severity: Severity,
    rows: BoolArray,
    reason: str,
    describe: Callable[[int], str] = str,
    *,
    n_checked: int | None = None,
) -> list[Finding]:
    """Return a finding for the rows that are marked, or nothing.

    Parameters
    ----------
    check : Check
        What was looked for.
    severity : Severity
        How much it matters.
    rows : ndarray of bool
        Marked rows.
    reason : str
        What is wrong.
    describe : callable, optional
        From the place of a row to words.
    n_checked : int, optional
        Rows looked at; all where it is not given.

    Returns
    -------
    list of Finding
        One or none.
    """
    places = np.flatnonzero(rows)
    if not places.size:
        return []
    return [
        Finding(
            check=check,
            severity=severity,
            count=int(places.size),
            n_checked=int(rows.size) if n_checked is None else n_checked,
            reason=reason,
            examples=tuple(describe(int(place)) for place in places[:_EXAMPLES]),
        )
    ]


def score_of(findings: Iterable[Finding]) -> float:
    """Return the score that findings leave: the product of one less their weighted shares.

    Parameters
    ----------
    findings : iterable of Finding
        An error costs its share of the rows, a warning half of it, a remark nothing.

    Returns
    -------
    float
        In [0, 1].
    """
    score = 1.0
    for item in findings:
        score *= 1.0 - _WEIGHT[item.severity] * item.share
    return max(score, 0.0)
