"""Lanes on a real local cluster: the same from one and from two, and what a lost or a too small worker costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from market.errors import DataError, TradingError, VenueError
from tests.tuning.lanes.plans import KeptInMemory, Spinner, WindowPlan, numbers, outcome_of, runs_of
from tuning.lanes.desk import Desk, DeskTerms
from tuning.lanes.kit import LaneKit
from tuning.lanes.messages import DeskStatus
from tuning.lanes.running import LaneRun, Watching, run_lanes
from tuning.work import Item, ItemOutcome

pytestmark = pytest.mark.ray


class NoRoom(KeptInMemory):
    """A ledger whose disk is full after some outcomes."""

    def keep(self, outcomes: Sequence[tuple[Item, ItemOutcome]]) -> None:
        """Take a few in, then refuse."""
        if self.n_keeps > 12:
            raise DataError("the ledger cannot be written", found="no space left on device")
        super().keep(outcomes)


@dataclass(frozen=True)
class Maker:
    """Makes a desk over a known plan."""

    n_items: int
    n_lanes: int
    window: int = 6
    keeping: type[KeptInMemory] = KeptInMemory

    def __call__(self, clock_s: Callable[[], float]) -> tuple[Desk, Callable[[bool], Any]]:
        """Return the desk, and what was told to its plan."""
        plan, kept = WindowPlan(self.n_items, self.window), self.keeping()
        terms = DeskTerms(n_lanes=self.n_lanes, batch_s=0.1, copy_after_s=60.0)
        return Desk(plan, kept, terms, clock_s), lambda _: (plan.told, plan.failed, len(kept.rows))


@dataclass
class _Ran:
    """What came of a run of lanes."""

    told: dict[int, ItemOutcome]
    failed: dict[int, str]
    n_kept: int
    last: DeskStatus


@pytest.fixture
def lanes(ray_cluster: str, tmp_path: Path) -> Callable[..., _Ran]:
    """Return what runs items on lanes that leave a trace of each."""
    assert ray_cluster

    def run(
        maker: Maker, deadly: Mapping[int, int] | None = None, huge: Sequence[int] = (), endless: Sequence[int] = ()
    ) -> _Ran:
        folder = tmp_path / f"lanes-{maker.n_lanes}"
        (folder / "traces").mkdir(parents=True)
        parts = (0.02, folder / "traces", deadly or {}, huge, endless)
        kit = LaneKit(make=Spinner, parts=parts, memory_mb=600.0, item_s=1.0)
        seen: list[DeskStatus] = []
        records: list[Any] = []
        watching = Watching(status=seen.append, records=records.append)
        told, failed, n_kept = run_lanes(LaneRun(n_lanes=maker.n_lanes, scratch=folder), kit, maker, watching)
        return _Ran(told=told, failed=failed, n_kept=n_kept, last=seen[-1])

    return run


def test_one_and_two_lanes_are_told_the_same(lanes: Callable[..., _Ran], tmp_path: Path) -> None:
    """Each item is run once, whoever runs it, and every outcome is that of its point."""
    one, two = lanes(Maker(12, 1)), lanes(Maker(12, 2))
    for ran, n_lanes in ((one, 1), (two, 2)):
        assert sorted(ran.told) == list(range(12))
        items = WindowPlan(12).ready(12)
        assert all(told.blocks == outcome_of(items[n]).blocks for n, told in ran.told.items())
        traces = tmp_path / f"lanes-{n_lanes}" / "traces"
        assert [len(runs_of(traces, number)) for number in numbers(traces)] == [1] * 12
    assert two.last.n_lost == 0


def test_a_killed_lane_comes_back_and_costs_its_batch_alone(lanes: Callable[..., _Ran], tmp_path: Path) -> None:
    """What was given back before is not run again, and the item that died is run to its end."""
    ran = lanes(Maker(12, 2), deadly={7: 1})
    assert sorted(ran.told) == list(range(12))
    assert not ran.failed
    assert ran.last.n_lost == 1
    assert max(lane.starts for lane in ran.last.lanes) == 2
    again = [
        n for n in numbers(tmp_path / "lanes-2" / "traces") if len(runs_of(tmp_path / "lanes-2" / "traces", n)) > 1
    ]
    assert 7 in again
    assert len(again) <= 6


def test_a_point_beyond_the_memory_of_a_worker_fails_with_the_budget(lanes: Callable[..., _Ran]) -> None:
    """8 GB do not fit into 600 MB: the point ends with a reason, the others go on in the same processes."""
    ran = lanes(Maker(8, 1), huge=(3,))
    assert list(ran.failed) == [3]
    assert "600 MB" in ran.failed[3]
    assert [lane.starts for lane in ran.last.lanes] == [1]
    assert sorted(ran.told) == list(range(8))


def test_a_point_that_never_ends_fails_after_its_time(lanes: Callable[..., _Ran]) -> None:
    """The worker goes on with the other points, in the same process."""
    ran = lanes(Maker(8, 1), endless=(3,))
    assert list(ran.failed) == [3]
    assert "item_s" in ran.failed[3]
    assert [lane.starts for lane in ran.last.lanes] == [1]
    assert sorted(ran.told) == list(range(8))


def test_a_full_disk_ends_the_sweep_with_its_reason(lanes: Callable[..., _Ran]) -> None:
    """Nothing is built on what could not be kept."""
    with pytest.raises(DataError, match="no space left"):
        lanes(Maker(12, 2, keeping=NoRoom))


@dataclass(frozen=True)
class _Unbuildable:
    """Cannot be made, by an error of ours or of anybody."""

    error: Exception

    def __call__(self) -> Spinner:
        raise self.error


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [(DataError("the chains are broken"), DataError, "chains are broken"), (KeyError("x"), VenueError, "KeyError")],
)
def test_workers_that_cannot_begin_end_the_sweep(
    ray_cluster: str, tmp_path: Path, error: Exception, kind: type[TradingError], words: str
) -> None:
    """Tune would start them again for ever."""
    assert ray_cluster
    kit = LaneKit(make=_Unbuildable(error), parts=(), memory_mb=600.0)
    watching = Watching(status=lambda _: None, records=lambda _: None)
    with pytest.raises(kind, match=words):
        run_lanes(LaneRun(n_lanes=1, scratch=tmp_path), kit, Maker(2, 1), watching)
