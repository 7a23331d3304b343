"""Kept outcomes: bit by bit, found by content, counted before they are run, and none lost by damage or a full disk."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sqlalchemy import text

from adapters.sql.trial_ledger import SqlTrialLedger
from adapters.sql.trial_messages import DataSet, Trial, TrialSource
from market.clock import SystemClock
from market.errors import DataError, VenueError
from tuning.search.records import PartRecord, TrialRecord, TrialState
from tuning.studies.keeping import Identity, KeptOutcomes, packed, unpacked
from tuning.work import BlockOutcome, Item, ItemOutcome, Point

_DATA = DataSet(digest="d", sources=(TrialSource(name="X bars", digest="x", kind="bars", market="recorded X"),))
_DAY_NS = 86_400_000_000_000
_TRIAL = Trial(
    ts_event_ns=1,
    user="me",
    host="here",
    study="study",
    part="",
    number=0,
    name="name",
    data_digest="d",
    config_digest="",
    code_version="1",
    simulated=True,
)


def _identify(point: Point) -> Identity | None:
    number = point.as_dict()["x"]
    if number == -1:
        return None
    return Identity(config_digest=f"config {number}", keys=tuple(f"{number} on {block}" for block in range(4)))


def _item(number: int, x: int, blocks: tuple[int, ...] = (0, 1)) -> Item:
    return Item(number=number, point=Point.of({"x": x}), blocks=blocks)


def _outcome(block: int, returns: Sequence[float] = (0.01, -0.02)) -> BlockOutcome:
    days = np.arange(len(returns), dtype=np.int64) + 10 * block
    return BlockOutcome(
        block=block, end_ns=days * _DAY_NS, returns=np.array(returns), measures={"n_trades": 1.0, "costs": float("nan")}
    )


def _ran(item: Item) -> ItemOutcome:
    return ItemOutcome(number=item.number, blocks=tuple(_outcome(block) for block in item.blocks))


def _kept(ledger: SqlTrialLedger, trial: Trial = _TRIAL) -> KeptOutcomes:
    return KeptOutcomes(ledger, _DATA, trial, _identify, SystemClock())


@pytest.fixture
def ledger(tmp_path: Path) -> SqlTrialLedger:
    return SqlTrialLedger(f"sqlite:///{tmp_path / 'trials.sqlite'}")


@given(
    returns=arrays.arrays(np.uint64, st.integers(0, 20)).map(lambda bits: bits.view(np.float64)),
    measures=st.dictionaries(st.text(), st.floats(width=64)),
    stopped=st.text(),
    block=st.integers(0, 199),
)
def test_an_outcome_comes_back_bit_by_bit(
    returns: np.ndarray[tuple[int], np.dtype[np.float64]], measures: dict[str, float], stopped: str, block: int
) -> None:
    """Every pattern of bits of a return survives, NaN with its payload, and the block gets the place that is asked."""
    ends = np.arange(returns.size, dtype=np.int64) - 5
    told = BlockOutcome(block=3, end_ns=ends, returns=returns, measures=measures, stopped=stopped)
    found = unpacked(packed(told), block)
    assert found.returns.tobytes() == returns.tobytes()
    assert (found.end_ns.tobytes(), found.block, found.stopped) == (ends.tobytes(), block, stopped)
    assert {k: struct.pack("d", v) for k, v in found.measures.items()} == {
        k: struct.pack("d", v) for k, v in measures.items()
    }
    assert packed(found) == packed(told)


@given(place=st.integers(0), change=st.integers(1, 255))
def test_a_damaged_outcome_is_never_taken_for_a_whole_one(place: int, change: int) -> None:
    """Whichever byte is changed or lost, it is noticed."""
    whole = bytearray(packed(_outcome(0)))
    cut = bytes(whole[: place % len(whole)])
    whole[place % len(whole)] ^= change
    for broken in (bytes(whole), cut, b""):
        with pytest.raises(DataError, match="kept outcome"):
            unpacked(broken, 0)


def test_a_point_counts_once_and_before_it_is_run(ledger: SqlTrialLedger) -> None:
    """A point that is asked for and never comes back was tried; one that the classes refuse was not."""
    kept = _kept(ledger)
    assert kept.found([_item(0, 1), _item(1, 1, (2,)), _item(2, -1), _item(3, 2)]) == {}
    assert (ledger.count(_DATA), ledger.summary(_DATA).n_runs, kept.counts.n_trials) == (2, 2, 2)
    again = _kept(ledger)
    again.found([_item(9, 2), _item(10, 1)])
    assert (ledger.count(_DATA), ledger.summary(_DATA).n_runs) == (2, 2)
    _kept(ledger, replace(_TRIAL, study="other")).found([_item(0, 1)])
    assert (ledger.count(_DATA), ledger.summary(_DATA).n_runs) == (2, 3)


def test_what_was_run_is_found_by_every_later_sweep(ledger: SqlTrialLedger) -> None:
    """Blocks that are known come back, the others are named by their absence."""
    item = _item(0, 1)
    _kept(ledger).keep([(item, _ran(item)), (_item(1, -1), ItemOutcome(number=1, blocks=(), refused="no"))])
    kept = _kept(ledger, replace(_TRIAL, study="other"))
    found = kept.found([_item(7, 1, (2, 1, 0)), _item(8, 2)])
    assert found == {7: (_outcome(1), _outcome(0))}
    assert (kept.counts.found, kept.counts.missed, kept.counts.damaged) == (2, 3, 0)


def test_a_damaged_entry_is_computed_again_and_replaced(ledger: SqlTrialLedger) -> None:
    """It is counted, never used, and whole after the next run."""
    kept, item = _kept(ledger), _item(0, 1)
    kept.keep([(item, _ran(item))])
    with ledger._engine.begin() as connection:
        connection.execute(text("UPDATE hedgefield_evaluations SET payload = x'00ff' WHERE key = '1 on 1'"))
    assert kept.found([item]) == {0: (_outcome(0),)}
    assert (kept.counts.damaged, kept.counts.found, kept.counts.missed) == (1, 1, 1)
    kept.keep([(item, _ran(item))])
    assert kept.found([item]) == {0: (_outcome(0), _outcome(1))}


def test_the_ratio_of_a_trial_is_over_the_most_days_that_a_search_saw(ledger: SqlTrialLedger) -> None:
    """Deflation needs the spread of all trials: complete ones and pruned ones, not those that never ran."""
    kept = _kept(ledger)
    kept.found([_item(0, 1), _item(1, 2), _item(2, 3)])
    rng = np.random.default_rng(1)
    blocks = tuple(_outcome(block, tuple(rng.normal(0.001, 0.01, 30))) for block in range(3))
    trials = [
        TrialRecord(number=0, point=Point.of({"x": 1}), state=TrialState.COMPLETE, blocks=blocks),
        TrialRecord(number=1, point=Point.of({"x": 2}), state=TrialState.PRUNED, blocks=blocks[:1]),
        TrialRecord(number=2, point=Point.of({"x": 3}), state=TrialState.FAILED),
    ]
    early = PartRecord(index=0, splits=(0,), train=(0,), trials=(replace(trials[0], blocks=blocks[:1]),))
    kept.conclude([early, PartRecord(index=1, splits=(), train=(0, 1, 2), trials=tuple(trials))])
    returns = [np.concatenate([block.returns for block in blocks]), blocks[0].returns]
    expected = [each.mean() / each.std(ddof=1) for each in returns]
    np.testing.assert_allclose(np.sort(ledger.sharpes(_DATA)), np.sort(expected))
    assert ledger.count(_DATA) == 3


def test_days_of_a_trial_are_those_of_its_returns(ledger: SqlTrialLedger) -> None:
    """The ledger says which days a ratio stands on."""
    kept = _kept(ledger)
    kept.found([_item(0, 1)])
    record = TrialRecord(
        number=0, point=Point.of({"x": 1}), state=TrialState.COMPLETE, blocks=(_outcome(0), _outcome(1))
    )
    kept.conclude([PartRecord(index=0, splits=(), train=(0, 1), trials=(record,))])
    with ledger._engine.connect() as connection:
        row = connection.execute(text("SELECT n_days, first_day, last_day FROM hedgefield_results")).one()
    assert tuple(row) == (4, str(date(1970, 1, 1)), str(date(1970, 1, 12)))


def test_a_store_that_is_gone_is_told_and_what_was_kept_stays(tmp_path: Path) -> None:
    """The sweep learns it before anything is built on what does not last."""
    path = tmp_path / "trials.sqlite"
    ledger = SqlTrialLedger(f"sqlite:///{path}")
    kept, item = _kept(ledger), _item(0, 1)
    kept.keep([(item, _ran(item))])
    with ledger._engine.connect() as connection:
        connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
    whole = path.read_bytes()
    for each in tmp_path.iterdir():
        each.unlink()
    path.write_bytes(b"something else" * 400)
    with pytest.raises(VenueError, match="results cannot be kept"):
        kept.keep([(item, _ran(item))])
    with pytest.raises(VenueError, match="trial ledger cannot be"):
        kept.found([item])
    path.write_bytes(whole)
    assert SqlTrialLedger(f"sqlite:///{path}").outcomes(["1 on 0"]) == {"1 on 0": packed(_outcome(0))}
