"""Reads see what was known, and nothing that came later."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.store import DataKind, PointInTimeStore, Range
from adapters.store.segments import open_segment
from market.errors import DataError
from tests.adapters.store.samples import DAY_NS, FOREVER_NS, MINUTE_NS, assert_same, bars, chain_of, store_at, trades
from tests.generators import AS_OF_NS, synthetic_chain

_START = AS_OF_NS // DAY_NS * DAY_NS


def _add(store: PointInTimeStore, table: pa.Table, source: str = "test") -> None:
    writer = store.writer(DataKind.BARS, origin="test", source=source)
    writer.add_table("SPY", table)
    writer.commit()


def _closes(store: PointInTimeStore, known_ns: int, **choice: int) -> list[float]:
    found = store.table(DataKind.BARS, "SPY", known_ns=known_ns, **choice)
    return [] if not found.num_rows else list(found["close"].to_pylist())


def test_a_bar_is_known_at_its_end(tmp_path: Path) -> None:
    """One nanosecond before its end a bar is not there."""
    store, _ = store_at(tmp_path)
    _add(store, bars([_START], [400.0]))
    assert _closes(store, _START + MINUTE_NS - 1) == []
    assert _closes(store, _START + MINUTE_NS) == [400.0]


def test_a_late_correction_leaves_the_old_read_as_it_was(tmp_path: Path) -> None:
    """Before the correction was recorded the old value stands, from then on the new one."""
    store, clock = store_at(tmp_path, _START + DAY_NS)
    _add(store, bars([_START, _START + MINUTE_NS], [400.0, 401.0]))
    corrected_ns = clock.instant_ns = _START + 9 * DAY_NS
    _add(store, bars([_START, _START + MINUTE_NS], [400.0, 399.5]))
    assert _closes(store, corrected_ns - 1) == [400.0, 401.0]
    assert _closes(store, corrected_ns) == [400.0, 399.5]
    assert _closes(store, FOREVER_NS, version=1) == [400.0, 401.0]


def test_a_correction_back_to_the_first_value_counts(tmp_path: Path) -> None:
    """The newest version stands, though its value was there before."""
    store, clock = store_at(tmp_path)
    for place, close in enumerate((400.0, 401.0, 400.0)):
        clock.instant_ns = _START + place * DAY_NS
        _add(store, bars([_START], [close]))
    assert [_closes(store, _START + day * DAY_NS) for day in (0, 1, 2)][1:] == [[401.0], [400.0]]


def test_rows_that_are_there_already_are_not_written_again(tmp_path: Path) -> None:
    """A longer file of the same bars adds only what is new."""
    store, _ = store_at(tmp_path)
    _add(store, bars([_START, _START + MINUTE_NS], [1.0, 2.0]))
    writer = store.writer(DataKind.BARS, origin="test", source="test")
    writer.add_table("SPY", bars([_START, _START + MINUTE_NS, _START + 2 * MINUTE_NS], [1.0, 2.0, 3.0]))
    writer.commit()
    assert (writer.n_rows, writer.n_repeated, writer.n_corrected) == (1, 2, 0)
    assert _closes(store, FOREVER_NS) == [1.0, 2.0, 3.0]


def test_two_sources_never_correct_each_other(tmp_path: Path) -> None:
    """Adjusted and unadjusted prices of two vendors stand side by side."""
    store, _ = store_at(tmp_path)
    _add(store, bars([_START], [400.0]), source="one")
    _add(store, bars([_START], [57.0]), source="other")
    assert store.sources(DataKind.BARS, "SPY") == ("one", "other")
    found = [
        store.table(DataKind.BARS, "SPY", known_ns=FOREVER_NS, source=name)["close"][0].as_py()
        for name in ("one", "other")
    ]
    assert found == [400.0, 57.0]


def test_a_chain_is_corrected_from_the_record_on(tmp_path: Path) -> None:
    """A second version of one snapshot is known when it was recorded."""
    store, clock = store_at(tmp_path, AS_OF_NS + DAY_NS)
    first, second = chain_of(), chain_of(noise=0.5)
    for chain in (first, second, second):
        writer = store.writer(DataKind.CHAINS, origin="test")
        writer.add_message(chain)
        writer.commit()
    assert_same(store.chains.newest("SPX", known_ns=clock.instant_ns - 1), first)
    assert_same(store.chains.newest("SPX", known_ns=clock.instant_ns), second)
    assert len(store.versions(DataKind.CHAINS)) == 2


def test_the_same_chain_out_of_two_files_corrects_nothing(tmp_path: Path) -> None:
    """Where it was read, and what a check thought of it, is not what it says."""
    store, _ = store_at(tmp_path)
    chain = chain_of()
    origin = replace(chain.provenance, origin="the-same.parquet", quality=0.5, quality_reason="wide")
    for told in (chain, replace(chain, cause_id="another file", provenance=origin)):
        writer = store.writer(DataKind.CHAINS, origin=told.provenance.origin)
        writer.add_message(told)
        writer.commit()
    assert (writer.n_rows, writer.n_repeated, writer.n_corrected) == (0, chain.n_contracts, 0)
    assert_same(store.chains.newest("SPX", known_ns=FOREVER_NS), chain)


@pytest.mark.parametrize("first", [True, False])
def test_the_simulated_and_the_real_of_one_vendor_never_correct_each_other(tmp_path: Path, *, first: bool) -> None:
    """A recording of an emulated venue stands beside the venue's own under a source of its own."""
    store, _ = store_at(tmp_path)
    for simulated in (first, not first):
        chain = chain_of(noise=0.5 * simulated)
        writer = store.writer(DataKind.CHAINS, origin="recording", witnessed=True)
        writer.add_message(replace(chain, provenance=replace(chain.provenance, source="venue", simulated=simulated)))
        writer.commit()
        assert (writer.n_repeated, writer.n_corrected) == (0, 0)
    assert store.sources(DataKind.CHAINS, "SPX") == ("venue", "venue-simulated")
    assert [
        s.simulated for name in ("venue", "venue-simulated") for s in store.segments(DataKind.CHAINS, source=name)
    ] == [
        False,
        True,
    ]


def test_a_chain_read_never_returns_a_later_snapshot(tmp_path: Path) -> None:
    """At any instant the newest chain is the last one before it."""
    store, _ = store_at(tmp_path)
    chains = [chain_of(4000.0 + n, as_of_ns=AS_OF_NS + n * MINUTE_NS) for n in range(4)]
    writer = store.writer(DataKind.CHAINS, origin="test")
    for chain in chains:
        writer.add_message(chain)
    writer.commit()
    for place, chain in enumerate(chains):
        found = store.chains.newest("SPX", known_ns=AS_OF_NS + place * MINUTE_NS + MINUTE_NS - 1)
        assert found.ts_event_ns == chain.ts_event_ns


def test_trades_are_replaced_only_by_name(tmp_path: Path) -> None:
    """Equal prints are facts of their own: a corrected file names the one that it stands for."""
    store, clock = store_at(tmp_path, AS_OF_NS)
    writer = store.writer(DataKind.TRADES, origin="test")
    writer.add_message(trades(10))
    commit = writer.commit()
    assert commit is not None
    clock.instant_ns = AS_OF_NS + DAY_NS
    writer = store.writer(DataKind.TRADES, origin="test", replaces=(commit.segments[0].path,))
    later = trades(7, seed=9)
    writer.add_message(later, known_ns=clock.instant_ns)
    writer.commit()
    assert [b.n_trades for b in store.trades("SPX", known_ns=clock.instant_ns - 1)] == [10]
    assert [b.n_trades for b in store.trades("SPX", known_ns=clock.instant_ns)] == [7]


def test_a_file_that_came_again_unchanged_is_not_hidden_by_what_came_with_it(tmp_path: Path) -> None:
    """Two days, the second half told; then both whole: the first day's bytes are the same, and stay."""
    store, _ = store_at(tmp_path)
    first, second = trades(10), trades(4, start_ns=AS_OF_NS + DAY_NS)
    for later in (second, trades(9, start_ns=AS_OF_NS + DAY_NS)):
        earlier = tuple(segment.path for segment in store.segments(DataKind.TRADES))
        writer = store.writer(DataKind.TRADES, origin="test", replaces=earlier)
        for batch in (first, later):
            writer.add_message(batch)
        writer.commit()
    assert (writer.n_rows, writer.n_repeated) == (9, 10)
    assert [b.n_trades for b in store.trades("SPX", known_ns=AS_OF_NS + 2 * DAY_NS)] == [10, 9]


def test_a_row_known_before_it_happened_is_refused(tmp_path: Path) -> None:
    """Such a stamp would let a backtest look ahead."""
    store, _ = store_at(tmp_path)
    with pytest.raises(DataError, match="known before it happened"):
        _add(store, bars([_START], [1.0], known=[_START - 1]))


_rows = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 60), st.floats(1.0, 9.0), st.integers(0, 2)), min_size=1, max_size=40
)


def _filled(folder: str, rows: list[tuple[int, int, float, int]]) -> PointInTimeStore:
    """Write rows (start, delay, close, batch) as one commit per batch; the clock stands at the earliest instant."""
    store, _ = store_at(Path(folder), 0)
    for batch in range(3):
        chosen = [row for row in rows if row[3] == batch]
        if chosen:
            starts = [_START + row[0] * 30 * MINUTE_NS for row in chosen]
            known = [start + (1 + row[1]) * MINUTE_NS for start, row in zip(starts, chosen, strict=True)]
            _add(store, bars(starts, [row[2] for row in chosen], known=known))
    return store


@settings(max_examples=30, deadline=None)
@given(rows=_rows, cut=st.integers(0, 1300))
def test_truncating_the_future_never_changes_a_past_read(rows: list[tuple[int, int, float, int]], cut: int) -> None:
    """A store that never saw what came after an instant reads the same as of it."""
    instant = _START + cut * MINUTE_NS
    past = [row for row in rows if _START + row[0] * 30 * MINUTE_NS + (1 + row[1]) * MINUTE_NS <= instant]
    with tempfile.TemporaryDirectory() as whole, tempfile.TemporaryDirectory() as part:
        full, truncated = _filled(whole, rows), _filled(part, past)
        seen = full.table(DataKind.BARS, "SPY", known_ns=instant)
        expected = truncated.table(DataKind.BARS, "SPY", known_ns=instant)
    assert seen.num_rows == expected.num_rows
    for name in expected.column_names if expected.num_rows else ():
        assert seen[name].to_pylist() == expected[name].to_pylist()


def test_search_reads_the_row_groups_that_can_match(tmp_path: Path) -> None:
    """Strikes and expirations are found as by brute force, with a part of the row groups."""
    store, _ = store_at(tmp_path)
    chain = synthetic_chain(4000.0, strikes=np.arange(1000.0, 8000.0, 1.0))
    writer = store.writer(DataKind.CHAINS, origin="test")
    writer.add_message(chain)
    writer.commit()
    (key,) = store.chains.keys("SPX", known_ns=FOREVER_NS)
    expiry = int(chain.expiry_ns[1])
    found = store.chains.contracts(key, strikes=(3990.0, 4010.0), expiries_ns=(expiry, expiry), is_call=True)
    rows = (chain.series_index == 1) & (np.abs(chain.strike - 4000.0) <= 10.0) & chain.is_call
    np.testing.assert_array_equal(found["bid"].to_numpy(), chain.bid[rows])
    (segment,) = store.segments(DataKind.CHAINS)
    with open_segment(store.files, segment) as opened:
        wanted = (
            Range(column="expiry_ns", least=expiry, most=expiry),
            Range(column="strike", least=3990.0, most=4010.0),
        )
        assert len(opened.groups(wanted)) < 0.4 * len(opened.groups())
