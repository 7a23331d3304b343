"""The desk as a Ray actor: lanes wait at it for work instead of asking again and again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final, final

import structlog

from market.errors import TradingError, VenueError
from tuning.lanes.desk import Desk
from tuning.lanes.messages import DeskStatus, Joined, LaneReport, Order

__all__ = ["DeskActor", "MakeDesk"]

MakeDesk = Callable[[Callable[[], float]], tuple[Desk, Callable[[bool], Any]]]
"""Makes a desk on a clock of seconds, and what reads its plan out, told whether the sweep is over."""

_LONGEST_WAIT_S: Final = 10.0
_LOOK_AGAIN_S: Final = 1.0  # an idle lane may take over a late batch
_LOG = structlog.get_logger("hedgefield.sweep")


@final
class DeskActor:
    """Holds the desk; all methods run in one event loop, so none sees another half done.

    Parameters
    ----------
    make_desk : callable
        Makes the desk here, with its connections, on a clock of seconds.
        Its second answer reads out what the driver wants of the plan, told whether the sweep is over.
    kit : list of one object reference
        What a lane needs to begin; in a list, so that it is passed on and not fetched here.
    """

    def __init__(self, make_desk: MakeDesk, kit: list[Any]) -> None:
        self._desk, self._read_out = make_desk(time.monotonic)
        self._kit = kit
        self._changed = asyncio.Condition()

    async def join(self, lane: int, node: str) -> Joined:
        """Take a lane in, and return what it needs to begin."""
        start = self._desk.join(lane, node)
        await self._tell_all()
        return Joined(start=start, kit=self._kit)

    async def exchange(self, report: LaneReport) -> Order:
        """Take in what a lane gives back, and return its next batch once there is one."""
        self._guarded(lambda: self._desk.take(report))
        await self._tell_all()
        until = time.monotonic() + _LONGEST_WAIT_S
        while not self._desk.is_over and self._desk.is_current(report) and time.monotonic() < until:
            if self._guarded(self._desk.fill):
                await asyncio.sleep(0)
                continue
            batch = None if self._is_over() else self._desk.give(report.lane)
            if batch is not None:
                return Order(batch=batch)
            await self._wait()
        await self._tell_all()
        return Order(is_over=self._is_over())

    async def lose_node(self, node: str) -> None:
        """Put back what the lanes of a lost node held."""
        self._desk.lose_node(node)
        await self._tell_all()

    async def fail(self, error: TradingError) -> None:
        """End the sweep; the first reason stands."""
        self._desk.fail(error)
        await self._tell_all()

    async def status(self) -> DeskStatus:
        """Return how the sweep stands."""
        return self._desk.status()

    async def read_out(self, *, is_over: bool) -> Any:
        """Return what the driver wants of the plan, now or because the sweep is over."""
        return self._read_out(is_over)

    def _is_over(self) -> bool:
        return self._desk.is_over

    def _guarded(self, work: Callable[[], bool | None]) -> bool:
        """Do a step; where it cannot be done the sweep ends with the reason, and what is kept stays."""
        try:
            return bool(work())
        except TradingError as error:
            self._desk.fail(error)
        except Exception as error:  # noqa: BLE001  # the actor must answer, or its lanes wait for ever
            _LOG.exception("the desk failed")
            found = f"unexpected {type(error).__name__}: {error}"
            self._desk.fail(VenueError("the desk of the sweep failed", retryable=False, found=found))
        return False

    async def _wait(self) -> None:
        async with self._changed:
            try:
                await asyncio.wait_for(self._changed.wait(), _LOOK_AGAIN_S)
            except TimeoutError:
                return

    async def _tell_all(self) -> None:
        async with self._changed:
            self._changed.notify_all()
