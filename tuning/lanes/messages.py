"""What lanes, desk and driver tell each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from market.errors import TradingError
from tuning.search.records import Progress
from tuning.work import Batch, BatchOutcome

__all__ = ["DeskStatus", "Joined", "LaneReport", "LaneStatus", "Order"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneReport:
    """What a lane gives back when it asks for work.

    Parameters
    ----------
    lane : int
        Its number.
    start : int
        As the desk told it when it joined: a process that was lost must not be handed what its successor runs.
    outcome : BatchOutcome or None
        What came of its batch, without the items that failed; None where it has none.
    failed : mapping of int to str
        Items that this worker could not run, by number, and why: it is of the worker, so nothing of it is kept.
    private_mb : float
        Private memory of its process now, MB; NaN where the system does not tell.
    """

    lane: int
    start: int
    outcome: BatchOutcome | None = None
    failed: Mapping[int, str] = field(default_factory=dict)
    private_mb: float = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """What a lane is told when it joins.

    Parameters
    ----------
    start : int
        Which of its starts this is, from 1.
    kit : list
        One reference to its `tuning.lanes.kit.LaneKit`; in a list, or Ray would fetch it on the way.
    """

    start: int
    kit: list[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a lane shall do.

    Parameters
    ----------
    batch : Batch or None
        Run it and report; None to ask again.
    is_over : bool
        Whether the lane may end.
    """

    batch: Batch | None = None
    is_over: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneStatus:
    """One lane.

    Parameters
    ----------
    lane : int
        Its number.
    node : str
        Identifier of its node.
    is_alive : bool
        Whether it has come and was not lost since.
    is_busy : bool
        Whether it holds a batch.
    starts : int
        Times that it came: 1 is without a loss.
    private_mb : float
        Private memory when it last reported, MB.
    """

    lane: int
    node: str
    is_alive: bool
    is_busy: bool
    starts: int
    private_mb: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskStatus:
    """How a sweep stands.

    Parameters
    ----------
    progress : Progress
        Of the plan.
    lanes : tuple of LaneStatus
        By number.
    n_run : int
        Runs of a point on a block that lanes did, in this run of the sweep.
    n_kept : int
        Runs that were found in the ledger.
    n_lost : int
        Batches that were lost with their worker and handed out again.
    n_copied : int
        Batches that a second lane ran too.
    work_s : float
        Time that lanes spent on what was told, seconds.
    is_done : bool
        Whether the plan is done.
    error : TradingError or None
        Why the sweep cannot go on; None where it can.
    """

    progress: Progress
    lanes: tuple[LaneStatus, ...]
    n_run: int
    n_kept: int
    n_lost: int
    n_copied: int
    work_s: float
    is_done: bool
    error: TradingError | None = None
