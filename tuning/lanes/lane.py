"""A lane: a worker that Ray Tune starts, and starts again where it is lost; each step runs a batch."""

from __future__ import annotations

import gc
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, final

import ray
from ray.exceptions import RayActorError
from ray.tune import Stopper, Trainable

from market.errors import ConfigError, TradingError, VenueError
from tuning.lanes.kit import DESK, DESK_NAMESPACE, LANE, LaneKit, Runs
from tuning.lanes.memory import hold_memory, private_mb
from tuning.lanes.messages import Joined, LaneReport, Order
from tuning.lanes.time_limit import TookTooLong, time_limit
from tuning.work import Batch, BatchOutcome, Item, ItemOutcome

__all__ = ["Lane", "WhenToldTo"]


@final
class Lane(Trainable):
    """A worker of a sweep as Tune knows it: a trial that ends when the desk has nothing more."""

    _number: int
    _start: int
    _desk: Any  # a handle: its methods are known to Ray alone
    _kit: LaneKit
    _runner: Runs | None
    _report: LaneReport

    def setup(self, config: dict[str, Any]) -> None:
        """Join the desk and make what runs items.

        Parameters
        ----------
        config : dict
            Number of the lane, name and namespace of the desk.
        """
        self._number = int(config[LANE])
        self._desk = ray.get_actor(config[DESK], namespace=config[DESK_NAMESPACE])
        node = ray.get_runtime_context().get_node_id()
        joined: Joined = _answer(self._desk.join.remote(self._number, node))
        self._start, self._kit = joined.start, _answer(joined.kit[0])
        hold_memory(self._kit.memory_mb)
        self._report = self._reported()
        self._runner = self._begin()

    def step(self) -> dict[str, Any]:
        """Give back what is done, take a batch and run it.

        Returns
        -------
        dict
            Whether the lane is done; results go to the desk, not to Tune.
        """
        try:
            order: Order = _answer(self._desk.exchange.remote(self._report))
        except RayActorError:
            return {"done": True}  # without its desk a sweep is over, and the driver says why
        self._report = self._reported() if order.batch is None else self._run(order.batch)
        return {"done": order.is_over}

    def _reported(self, outcome: BatchOutcome | None = None, failed: Mapping[int, str] | None = None) -> LaneReport:
        return LaneReport(
            lane=self._number, start=self._start, outcome=outcome, failed=failed or {}, private_mb=private_mb()
        )

    def _begin(self) -> Runs | None:
        try:
            made: Runs = self._kit.make(*self._kit.parts)
            return made  # noqa: TRY300  # what is made may fail, what is returned may not
        except TradingError as refused:
            error = refused
        except MemoryError:
            error = ConfigError(
                "a worker cannot begin within its memory",
                found=f"{self._kit.memory_mb:g} MB",
                action="raise [resources] memory_mb",
            )
        except Exception as broken:  # noqa: BLE001  # Tune would begin again for ever
            found = f"unexpected {type(broken).__name__}: {broken}"
            error = VenueError("a worker cannot begin", retryable=False, found=found)
        _answer(self._desk.fail.remote(error))
        return None

    def _run(self, batch: Batch) -> LaneReport:
        failed: dict[int, str] = {}
        outcomes = self._outcomes(batch.items, failed)
        return self._reported(BatchOutcome(number=batch.number, items=outcomes), failed)

    def _outcomes(self, items: Sequence[Item], failed: dict[int, str]) -> tuple[ItemOutcome, ...]:
        """Run items together, for compiled points share a pass over their bars; one by one where that fails."""
        try:
            if self._runner is None:
                raise MemoryError  # noqa: TRY301  # it could not be made again
            with time_limit(self._kit.item_s * len(items)):
                return tuple(self._runner.run_many(items))
        except MemoryError:
            reason = f"it needs more than the {self._kit.memory_mb:g} MB of [resources] memory_mb"
            self._afresh()
        except TookTooLong:
            reason = f"it takes more than the {self._kit.item_s:g} s of [resources] item_s"
            self._afresh()
        except Exception as error:  # noqa: BLE001  # one point must not end the others
            reason = f"unexpected {type(error).__name__}: {error}"
        if len(items) == 1:
            failed[items[0].number] = reason
            return ()
        return tuple(outcome for item in items for outcome in self._outcomes((item,), failed))

    def _afresh(self) -> None:
        """Let go of everything that earlier items left, so that they are not to blame for the next one."""
        self._runner = None
        gc.collect()
        self._runner = self._begin()

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Keep nothing: a lane has no state that the desk does not have."""

    def load_checkpoint(self, checkpoint: dict[str, Any] | None) -> None:
        """Take nothing up."""


@final
class WhenToldTo(Stopper):
    """Ends all lanes once a file is there; Tune saves its stoppers, so it can be no event of a thread.

    Parameters
    ----------
    file : pathlib.Path
        On the node of the driver, where Tune looks.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        """Return False: a lane says itself when it is done."""
        del trial_id, result
        return False

    def stop_all(self) -> bool:
        """Return whether the file is there."""
        return self._file.exists()


def _answer(reference: Any) -> Any:
    return ray.get(reference)
