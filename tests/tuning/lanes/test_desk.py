"""The desk: work goes out in fair batches, comes back once, and survives its workers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.errors import DataError
from tests.tuning.lanes.plans import Hand, KeptInMemory, WindowPlan, outcome_of
from tuning.lanes.desk import Desk, DeskTerms
from tuning.lanes.messages import LaneReport
from tuning.work import Batch, BatchOutcome, Item, ItemOutcome


class Office:
    """A desk with a hand-moved clock and lanes that are driven by the test."""

    def __init__(self, n_items: int, window: int = 1_000_000, kept: KeptInMemory | None = None, **terms: float) -> None:
        self.plan, self.kept, self.clock = WindowPlan(n_items, window), kept or KeptInMemory(), Hand()
        told = {"batch_s": 1.0, "copy_after_s": 5.0, **terms}
        self.desk = Desk(self.plan, self.kept, DeskTerms(n_lanes=2, **told), self.clock)
        self.starts: dict[int, int] = {}

    def join(self, lane: int, node: str = "here") -> None:
        """Begin a lane, or begin it again."""
        self.starts[lane] = self.desk.join(lane, node)

    def give(self, lane: int) -> Batch | None:
        """Fill the queue and hand out."""
        while self.desk.fill():
            pass
        return self.desk.give(lane)

    def back(self, lane: int, batch: Batch | None, seconds: float = 0.1, failed: dict[int, str] | None = None) -> None:
        """Report a batch, each item with its time."""
        outcome = None
        if batch is not None:
            done = tuple(outcome_of(item, seconds) for item in batch.items if item.number not in (failed or {}))
            outcome = BatchOutcome(number=batch.number, items=done)
        self.desk.take(LaneReport(lane=lane, start=self.starts[lane], outcome=outcome, failed=failed or {}))

    def work_to_the_end(self, lane: int) -> list[int]:
        """Run everything that a lane is given, and return the sizes of its batches."""
        sizes = []
        while not self.desk.is_over:
            batch = self.give(lane)
            assert batch is not None
            sizes.append(len(batch.items))
            self.back(lane, batch)
        return sizes


def _numbers(batch: Batch | None) -> list[int]:
    return [] if batch is None else [item.number for item in batch.items]


def test_batches_grow_to_the_work_that_is_asked_for() -> None:
    """Items of 0.1 s go out by about ten once that is measured, and by shares at the end."""
    office = Office(60)
    office.join(0)
    sizes = office.work_to_the_end(0)
    assert sizes[0] == 1
    assert max(sizes) == 10
    assert sum(sizes) == 60
    assert sizes[-1] == 1


def test_a_lost_worker_costs_its_batch_alone_and_each_of_its_items_is_then_run_alone() -> None:
    """Nothing that came back is run again; the suspects go out one by one."""
    office = Office(40)
    office.join(0)
    office.join(1)
    office.back(0, office.give(0))
    lost = office.give(0)
    assert lost is not None
    assert len(lost.items) > 1
    office.join(0)
    again = [office.give(0)]
    office.back(0, again[0])
    assert _numbers(again[0]) == _numbers(lost)[:1]
    assert office.desk.status().n_lost == 1
    office.work_to_the_end(0)
    assert sorted(office.plan.told) == list(range(40))
    assert not office.plan.failed


def test_an_item_that_takes_its_worker_down_twice_is_given_up_and_not_kept() -> None:
    """The others of the sweep go on, and a later run may try it again."""
    office = Office(3)
    office.join(0)
    (first,) = _numbers(office.give(0))
    office.join(0)
    assert _numbers(office.give(0)) == [first]
    office.join(0)
    assert "died twice" in office.plan.failed[first]
    office.work_to_the_end(0)
    assert len(office.kept.rows) == 2 * 3


def test_nodes_that_go_are_not_held_against_an_item() -> None:
    """Three machines may be lost under the same item; it still runs on the fourth."""
    office = Office(1)
    office.join(0, "a")
    for node in "bcd":
        assert _numbers(office.give(0)) == [0]
        office.desk.lose_node(chr(ord(node) - 1))
        assert not office.desk.status().lanes[0].is_alive
        office.join(0, node)
    office.back(0, office.give(0))
    assert not office.plan.failed
    assert office.desk.is_over


def test_a_point_that_needs_too_much_memory_twice_fails_with_what_its_worker_said() -> None:
    """The reason names the budget, and the rest of its batch counts."""
    office = Office(3, batch_s=10.0)
    office.join(0)
    office.back(0, office.give(0))
    (second,) = _numbers(batch := office.give(0))
    for _ in range(2):
        office.back(0, batch, failed={second: "too big"})
        batch = office.give(0)
    assert office.plan.failed == {second: "too big"}


def test_an_idle_lane_takes_a_copy_of_a_late_batch_and_the_first_outcome_counts() -> None:
    """A lane that hangs does not hold the sweep up; when it comes back after all, nothing is told twice."""
    office = Office(2, window=2)
    office.join(0)
    office.join(1)
    slow, quick = office.give(0), office.give(1)
    office.back(1, quick)
    assert office.give(1) is None
    office.clock.now_s = 5.0
    copy = office.give(1)
    assert _numbers(copy) == _numbers(slow)
    office.back(1, copy)
    assert office.desk.is_over
    office.back(0, slow)
    assert office.desk.status().n_copied == 1


def test_kept_outcomes_are_not_run_again() -> None:
    """A second sweep over the same points is told the same, and hands nothing out."""
    first = Office(7)
    first.join(0)
    first.work_to_the_end(0)
    second = Office(7, kept=first.kept)
    second.join(0)
    assert second.give(0) is None
    assert second.desk.is_over
    assert second.plan.told.keys() == first.plan.told.keys()
    assert all(second.plan.told[n].blocks == told.blocks for n, told in first.plan.told.items())
    assert second.desk.status().n_kept == 7 * 3


def test_only_the_blocks_that_are_not_known_are_run() -> None:
    """What is known of an item and what was run come together in the order of its blocks."""
    kept = KeptInMemory()
    office = Office(1, kept=kept)
    item = Item(number=0, point=office.plan._items[0].point, blocks=(1,))
    kept.keep([(item, outcome_of(item))])
    office.join(0)
    batch = office.give(0)
    assert batch is not None
    assert batch.items[0].blocks == (0, 2)
    office.back(0, batch)
    assert [block.block for block in office.plan.told[0].blocks] == [0, 1, 2]
    assert [block.returns[1] for block in office.plan.told[0].blocks] == [0.0, 1.0, 2.0]


class _FullDisk(KeptInMemory):
    def keep(self, outcomes: object) -> None:
        """Refuse, as a full disk does."""
        del outcomes
        raise DataError("the ledger cannot be written", found="no space left on device")


def test_the_plan_hears_of_nothing_that_could_not_be_kept() -> None:
    """An outcome is durable before anything is built on it."""
    office = Office(2, kept=_FullDisk())
    office.join(0)
    batch = office.give(0)
    with pytest.raises(DataError, match="no space"):
        office.back(0, batch)
    assert not office.plan.told


def test_workers_that_cannot_begin_end_the_sweep_with_a_reason() -> None:
    """They would be started again for ever."""
    office = Office(2)
    for _ in range(6):
        office.join(0)
    assert office.desk.is_over
    assert "memory_mb" in str(office.desk.status().error)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), window=st.integers(1, 6), n_items=st.integers(1, 12))
def test_whatever_happens_to_lanes_each_item_is_told_once_and_the_same(
    data: st.DataObject, window: int, n_items: int
) -> None:
    """Losses, late copies and stragglers change nothing of what the plan is told."""
    office = Office(n_items, window)
    held: dict[int, Batch | None] = {}
    n_lost = 0
    for lane in range(3):
        office.join(lane, f"node-{lane}")
    for step in range(200):
        if office.desk.is_over:
            break
        lane = data.draw(st.integers(0, 2))
        office.clock.now_s += data.draw(st.sampled_from([0.0, 2.0, 9.0]))
        if held.get(lane) is None:
            held[lane] = office.give(lane)
        elif n_lost < 4 and data.draw(st.booleans()):
            n_lost += 1
            office.join(lane, data.draw(st.sampled_from([f"node-{lane}", f"node-{lane}-{step}"])))
            held[lane] = None
        else:
            office.back(lane, held.pop(lane))
    _let_all_speak(office, held)
    for number, told in office.plan.told.items():
        if number not in office.plan.failed:
            assert told.blocks == outcome_of(office.plan._items[number]).blocks
    assert sorted(office.plan.told) == list(range(n_items))


def _let_all_speak(office: Office, held: dict[int, Batch | None]) -> None:
    """Let every lane speak in turn until the end; what was drawn may have left one silent for ever."""
    for lane in [0, 1, 2] * 100:
        if office.desk.is_over:
            return
        office.clock.now_s += 9.0
        if held.get(lane) is None:
            held[lane] = office.give(lane)
        else:
            office.back(lane, held.pop(lane))
    raise AssertionError("lanes that all speak do not come to an end")


def test_terms_that_cannot_be_are_refused() -> None:
    """A desk without lanes would wait for ever."""
    with pytest.raises(DataError, match="cannot be"):
        DeskTerms(n_lanes=0)
    with pytest.raises(DataError, match="cannot be"):
        DeskTerms(n_lanes=1, batch_s=float(np.nan))


def test_a_point_that_is_refused_is_told_as_such() -> None:
    """No blocks are missed where the classes refuse a point."""
    office = Office(1)
    office.join(0)
    batch = office.give(0)
    assert batch is not None
    refused = ItemOutcome(number=0, blocks=(), refused="weights are not 1")
    office.desk.take(LaneReport(lane=0, start=1, outcome=BatchOutcome(number=batch.number, items=(refused,))))
    assert office.plan.told[0].refused == "weights are not 1"
