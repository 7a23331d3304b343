"""Runs a plan on a cluster: the desk beside the driver, lanes under Ray Tune, and an eye on nodes that go."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, final

from market.errors import VenueError
from tuning.lanes.kit import DESK, DESK_NAMESPACE, LANE, LaneKit
from tuning.lanes.messages import DeskStatus

if TYPE_CHECKING:
    from ray.tune import Tuner

    from tuning.lanes.desk_actor import MakeDesk

__all__ = ["LaneRun", "Watching", "quiet_ray", "run_lanes"]

_LOOK_S: Final = 0.25
_NODES_EVERY_S: Final = 1.0
_ANSWER_S: Final = 120.0  # choices and replays may hold the desk for a while
_END_S: Final = 20.0
_RECORDS_EVERY_S: Final = 5.0
_MOST_OF_TIME: Final = 20.0  # records of a large sweep are read out more seldom: a twentieth of the time at most
_NAMESPACE: Final = "hedgefield-sweep"
_QUIET: Final = {
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "RAY_AIR_NEW_OUTPUT": "0",
    "TUNE_RESULT_BUFFER_LENGTH": "0",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_WARN_INSUFFICENT_RESOURCE_THRESHOLD_S": "1000000000",
    "TUNE_WARN_THRESHOLD_S": "1000000000",
    # Its notes on workers and nodes that go fill a terminal, on standard output: a sweep counts these itself.
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".*",
    # Relative paths of a configuration mean the folder that the sweep was started in.
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneRun:
    """How lanes are run.

    Parameters
    ----------
    n_lanes : int
        Workers, each with a core.
    scratch : pathlib.Path
        Folder for the files of Tune, which nobody reads.
    """

    n_lanes: int
    scratch: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Watching:
    """Who is told of a sweep that runs.

    Parameters
    ----------
    status : callable
        Told how it stands, a few times a second.
    records : callable
        Told what is read out of the plan: now and then, and once where the sweep ends before its plan.
    """

    status: Callable[[DeskStatus], None]
    records: Callable[[Any], None]


def quiet_ray() -> None:
    """Let Ray and Tune say nothing of their own; to be called before Ray is imported, which reads it then."""
    os.environ.update(_QUIET)


def run_lanes(run: LaneRun, kit: LaneKit, make_desk: MakeDesk, watching: Watching) -> Any:
    """Run a plan to its end on the cluster that this process has joined.

    Parameters
    ----------
    run : LaneRun
        How.
    kit : LaneKit
        What a lane needs; it is put into the object store once.
    make_desk : callable
        Makes the desk, in its actor on this node.
    watching : Watching
        Who is told meanwhile.

    Returns
    -------
    object
        What the desk reads out of its plan.

    Raises
    ------
    TradingError
        The sweep cannot go on; what is kept stays.
    """
    quiet_ray()
    import ray
    from ray.exceptions import RayActorError

    logging.getLogger("ray.tune").setLevel(logging.CRITICAL)  # it tells of each lane that comes back
    name = f"desk-{secrets.token_hex(6)}"
    desk = _desk_actor(name, make_desk, ray.put(kit))
    lanes = _Lanes(run, kit, name)
    is_over = False
    try:
        _follow(desk, lanes, watching)
        is_over = True
        return ray.get(desk.read_out.remote(is_over=True))
    except RayActorError as error:
        is_over = True
        raise VenueError(
            "the desk of the sweep was lost",
            retryable=True,
            found=str(error).partition("\n")[0],
            expected="the process that keeps the outcomes, beside the driver",
            action="run it again with --resume: what was kept stays",
        ) from error
    finally:
        lanes.stop()
        if not is_over:
            _read_out_at_the_end(desk, watching)
        ray.kill(desk)


def _read_out_at_the_end(desk: Any, watching: Watching) -> None:
    """Tell what was reached, as far as the desk still answers: outcomes are kept in any case."""
    import ray

    with contextlib.suppress(Exception):
        watching.records(ray.get(desk.read_out.remote(is_over=True), timeout=_END_S))


def _desk_actor(name: str, make_desk: MakeDesk, kit: Any) -> Any:
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    from tuning.lanes.desk_actor import DeskActor

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    placed = ray.remote(DeskActor).options(name=name, namespace=_NAMESPACE, num_cpus=0, scheduling_strategy=here)
    return placed.remote(make_desk, [kit])


def _follow(desk: Any, lanes: _Lanes, watching: Watching) -> None:
    """Watch until the plan is done, and tell the desk of nodes that go."""
    import ray

    nodes_at_s, records_at_s = 0.0, time.monotonic() + _RECORDS_EVERY_S
    while True:
        status: DeskStatus = ray.get(desk.status.remote(), timeout=_ANSWER_S)
        watching.status(status)
        if status.error is not None:
            raise status.error
        if status.is_done:
            return
        lanes.require_running()
        if time.monotonic() - nodes_at_s >= _NODES_EVERY_S:
            nodes_at_s = time.monotonic()
            nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
            alive = {node["NodeID"] for node in nodes if node["Alive"]}
            for gone in {lane.node for lane in status.lanes if lane.is_alive} - alive:
                ray.get(desk.lose_node.remote(gone))
        if time.monotonic() >= records_at_s:
            began_s = time.monotonic()
            watching.records(ray.get(desk.read_out.remote(is_over=False)))
            took_s = time.monotonic() - began_s
            records_at_s = time.monotonic() + max(_RECORDS_EVERY_S, _MOST_OF_TIME * took_s)
        lanes.wait(_LOOK_S)


@final
class _Lanes:
    """The lanes under Tune, which runs in a thread of its own: the main thread hears signals."""

    def __init__(self, run: LaneRun, kit: LaneKit, desk: str) -> None:
        self._stop, self._ended = run.scratch / "stop", threading.Event()
        self._fault = ""
        self._tuner = _tuner(run, kit, desk, self._stop)
        self._thread = threading.Thread(target=self._run, name="tune", daemon=True)
        self._thread.start()

    def wait(self, seconds: float) -> None:
        """Wait a while, less where the lanes end."""
        self._ended.wait(seconds)

    def require_running(self) -> None:
        """Refuse to go on where Tune has ended before the plan."""
        if self._ended.is_set():
            raise VenueError(
                "the lanes of the sweep ended before it did",
                retryable=True,
                found=self._fault or "Ray Tune ended",
                action="run it again with --resume: what was kept stays",
            )

    def stop(self) -> None:
        """End the lanes; one that is in the middle of a batch is cut off."""
        self._stop.touch()
        self._thread.join(_END_S)

    def _run(self) -> None:
        try:
            self._tuner.fit()
        except Exception as error:  # noqa: BLE001  # it is told by the main thread
            self._fault = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        finally:
            self._ended.set()


def _tuner(run: LaneRun, kit: LaneKit, desk: str, stop: Path) -> Tuner:
    from ray.tune import FailureConfig, RunConfig, Tuner, grid_search, with_resources

    from tuning.lanes.lane import Lane, WhenToldTo

    needed = {"cpu": 1.0, "memory": kit.memory_mb * 1e6}
    space = {LANE: grid_search(list(range(run.n_lanes))), DESK: desk, DESK_NAMESPACE: _NAMESPACE}
    return Tuner(
        with_resources(Lane, needed),
        param_space=space,
        run_config=RunConfig(
            storage_path=str(run.scratch),
            verbose=0,
            stop=WhenToldTo(stop),
            failure_config=FailureConfig(max_failures=-1),
        ),
    )
