"""A stream, cut anyhow and restarted at will, gives the records of a replay, and a record sees only its past."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fields.flow.batch import Arrivals, flow_minutes
from fields.flow.config import MINUTE_NS, FlowConfig
from fields.flow.features import FlowColumn, FlowReason
from fields.flow.history import FlowHistory
from fields.flow.messages import FieldLevels, GreeksTable
from fields.flow.state import FlowState
from market.errors import ConfigError, DataError
from tests.fields.flow.streams import (
    LEVELS,
    OPEN_NS,
    Day,
    greeks_table,
    option_trades,
    quotes,
    random_day,
    rows_of,
    stream_day,
    underlying_trades,
)

CONFIG = FlowConfig(
    vwap_window_min=3, spread_window_min=4, spread_min_minutes=2, impact_window_min=6, impact_min_minutes=4
)
SEEDS = st.integers(0, 10_000)


def replay(day: Day, config: FlowConfig = CONFIG) -> FlowHistory:
    """Return the records of a day from the batch function."""
    return flow_minutes(
        config, day.session_ns, day.options, day.trades, day.quotes, day.greeks, day.levels, day.arrivals
    )


def assert_same(a: FlowHistory, b: FlowHistory) -> None:
    """Compare to the last bit."""
    assert np.array_equal(a.minute_end_ns, b.minute_end_ns)
    assert np.array_equal(a.values, b.values, equal_nan=True)
    assert np.array_equal(a.reasons, b.reasons)


@given(SEEDS)
@settings(max_examples=40, deadline=None)
def test_a_stream_in_any_pieces_gives_the_replay(seed: int) -> None:
    """Late, early, broken and shuffled rows included, to the last bit."""
    day = random_day(seed)
    whole = stream_day(day, CONFIG)
    cut = stream_day(day, CONFIG, pieces=np.random.default_rng(seed + 1))
    assert_same(whole.history, replay(day))
    assert_same(cut.history, replay(day))
    assert cut.counts == whole.counts
    for counts in (whole.counts.option_trades, whole.counts.underlying_trades, whole.counts.underlying_quotes):
        total = counts.accepted + counts.late + counts.outside + counts.broken + counts.refused
        assert total <= day.options.ts_ns.shape[0]


@given(SEEDS)
@settings(max_examples=20, deadline=None)
def test_a_restart_after_every_minute_changes_nothing(seed: int) -> None:
    """A checkpoint is complete: the state that is restored from it goes on with the same numbers and counts."""
    day = random_day(seed)
    steady, restarted = stream_day(day, CONFIG), stream_day(day, CONFIG, restart=True)
    assert_same(steady.history, restarted.history)
    assert steady.counts == restarted.counts


def test_a_checkpoint_survives_pickling() -> None:
    """It crosses processes."""
    state = stream_day(random_day(3), CONFIG)
    copy = FlowState.restore(pickle.loads(pickle.dumps(state.checkpoint())))  # noqa: S301  # our own bytes
    assert_same(state.history, copy.history)


@given(SEEDS)
@settings(max_examples=30, deadline=None)
def test_what_comes_later_changes_no_record(seed: int) -> None:
    """No look-ahead: rows from a minute's end on, and a row exactly at the end, leave the records before it alone."""
    day = random_day(seed)
    end = OPEN_NS + 3 * MINUTE_NS
    cut = replace(
        day,
        options=rows_of(day.options, day.options.ts_ns < end),
        trades=rows_of(day.trades, day.trades.ts_ns < end),
        quotes=rows_of(day.quotes, day.quotes.ts_ns < end),
        arrivals=Arrivals(
            option_trades=day.arrivals.option_trades[day.options.ts_ns < end],
            underlying_trades=day.arrivals.underlying_trades[day.trades.ts_ns < end],
            underlying_quotes=day.arrivals.underlying_quotes[day.quotes.ts_ns < end],
        ),
    )
    assert np.array_equal(replay(day).values[:3], replay(cut).values[:3], equal_nan=True)


@given(SEEDS)
@settings(max_examples=30, deadline=None)
def test_the_order_of_trades_within_an_instant_does_not_count(seed: int) -> None:
    """Permuting the trades of each instant moves no reading by more than rounding."""
    day, rng = random_day(seed), np.random.default_rng(seed)

    def ordered(ts_ns: np.ndarray, *, shuffled: bool) -> np.ndarray:
        ties = rng.permutation(ts_ns.shape[0]) if shuffled else np.arange(ts_ns.shape[0])
        return np.lexsort((ties, ts_ns))

    found = []
    for shuffled in (False, True):
        options = rows_of(day.options, ordered(day.options.ts_ns, shuffled=shuffled))
        trades = rows_of(day.trades, ordered(day.trades.ts_ns, shuffled=shuffled))
        arrivals = Arrivals.in_time(options, trades, day.quotes)
        found.append(replay(replace(day, options=options, trades=trades, arrivals=arrivals)).values)
    a, b = found
    size = np.nanmax(np.abs(a), axis=0, initial=1.0)
    assert np.array_equal(np.isnan(a), np.isnan(b))
    assert np.nanmax(np.abs(a - b) / size) <= 1e-12


@given(SEEDS)
@settings(max_examples=20, deadline=None)
def test_a_missing_reading_has_a_reason_and_no_other_has(seed: int) -> None:
    """NaN and reason go together, in records and in history."""
    history = stream_day(random_day(seed), CONFIG).history
    assert np.array_equal(np.isnan(history.values), history.reasons != FlowReason.NONE)


@given(SEEDS)
@settings(max_examples=25, deadline=None)
def test_nasty_greeks_and_quotes_leave_gaps_with_reasons(seed: int) -> None:
    """NaN, infinite, zero, negative and absurd inputs: no warning, no infinity, and the replay agrees."""
    day, rng = random_day(seed), np.random.default_rng(seed)
    nasty = np.array([np.nan, np.inf, -np.inf, 0.0, 1e300, -1.0])

    def spoilt(values: np.ndarray) -> np.ndarray:
        return np.where(rng.random(values.shape) < 0.3, rng.choice(nasty, values.shape), values)

    def table() -> GreeksTable:
        whole, names = greeks_table(), ("gamma", "delta", "strike", "open_interest", "multiplier")
        columns: dict[str, Any] = {name: spoilt(getattr(whole, name)) for name in names}
        return replace(whole, spot=float(rng.choice([np.nan, 100.0, 1e-300, 1e300])), **columns)

    books = replace(day.quotes, bid=spoilt(day.quotes.bid), ask=spoilt(day.quotes.ask))
    sizes = replace(books, bid_size=spoilt(books.bid_size), ask_size=spoilt(books.ask_size))
    day = replace(day, quotes=sizes, greeks=tuple(table() for _ in range(day.n_minutes)))
    history = stream_day(day, CONFIG).history
    assert not np.isinf(history.values).any()
    assert np.array_equal(np.isnan(history.values), history.reasons != FlowReason.NONE)
    assert_same(history, replay(day))


def test_a_new_session_begins_with_nothing_of_the_old() -> None:
    """The second session's records are those of a fresh state, contract for contract."""
    day = random_day(5)
    state = FlowState(CONFIG)
    state.open_session(OPEN_NS - 86_400_000_000_000, OPEN_NS - 86_400_000_000_000 + 60 * MINUTE_NS)
    early = option_trades([1, 2, 3], 5.0, 1)
    state.on_option_trades(replace(early, ts_ns=early.ts_ns - 86_400_000_000_000))
    state.close_minute(OPEN_NS - 86_400_000_000_000 + MINUTE_NS, greeks_table(), LEVELS)
    state.open_session(*day.session_ns)
    assert len(state.history) == 0
    state.on_option_trades(day.options)
    fresh = FlowState(CONFIG)
    fresh.open_session(*day.session_ns)
    fresh.on_option_trades(day.options)
    for one in (state, fresh):
        one.close_minute(OPEN_NS + 2 * MINUTE_NS, day.greeks[1], LEVELS)
    assert_same(state.history, fresh.history)


def test_skipped_minutes_get_records_without_greeks() -> None:
    """A clock that jumps ahead closes each minute between, with what came in it and a reason for the rest."""
    state = FlowState(CONFIG)
    state.open_session(OPEN_NS, OPEN_NS + 10 * MINUTE_NS)
    state.on_underlying_trades(underlying_trades([30.0, 90.0, 150.0], [100.0, 101.0, 102.0]))
    last = state.close_minute(OPEN_NS + 3 * MINUTE_NS, greeks_table(), LEVELS)
    assert state.history.values[:, FlowColumn.PRICE].tolist() == [100.0, 101.0, 102.0]
    assert np.isnan(state.history.values[:2, FlowColumn.SPOT]).all()
    assert last.value(FlowColumn.SPOT) == 100.0


def test_a_minute_is_closed_once_and_on_the_grid() -> None:
    """A clock that jumps back, an instant between minutes and one after the close are refused with the reason."""
    state = FlowState(CONFIG)
    with pytest.raises(DataError, match="no session is open"):
        state.on_option_trades(option_trades([0], 1.0, 1))
    state.open_session(OPEN_NS, OPEN_NS + 5 * MINUTE_NS)
    state.close_minute(OPEN_NS + 2 * MINUTE_NS, None, LEVELS)
    for instant in (OPEN_NS + 2 * MINUTE_NS, OPEN_NS + MINUTE_NS, OPEN_NS + 2 * MINUTE_NS + 1, OPEN_NS + 6 * MINUTE_NS):
        with pytest.raises(DataError, match="cannot be closed"):
            state.close_minute(instant, None, LEVELS)
    with pytest.raises(DataError, match="inside the one before"):
        state.open_session(OPEN_NS + MINUTE_NS, OPEN_NS + 9 * MINUTE_NS)


def test_memory_is_bounded() -> None:
    """Waiting rows beyond the limit are refused and counted; history keeps the newest minutes below 1 MB a day."""
    config = replace(CONFIG, pending_limit=5, history_minutes=8)
    state = FlowState(config)
    state.open_session(OPEN_NS, OPEN_NS + 20 * MINUTE_NS)
    state.on_option_trades(option_trades(np.arange(9), 1.0, 1))
    assert (state.counts.option_trades.accepted, state.counts.option_trades.refused) == (5, 4)
    for k in range(20):
        state.close_minute(OPEN_NS + (k + 1) * MINUTE_NS, None, LEVELS)
    assert state.history.minute_end_ns.tolist() == [OPEN_NS + (k + 1) * MINUTE_NS for k in range(12, 20)]
    assert FlowHistory(1_440).n_bytes < 1_000_000


def test_broken_input_is_refused_with_what_to_do() -> None:
    """Arrays that do not fit, numbers out of range, contracts that stand twice, and settings that cannot work."""
    with pytest.raises(DataError, match="do not fit each other"):
        replace(quotes([1.0], 1.0, 2.0), bid=np.zeros(2))
    with pytest.raises(DataError, match="no probability"):
        option_trades([1], 1.0, 1, probability=1.5)
    with pytest.raises(DataError, match="no sign"):
        underlying_trades([1.0], 100.0, 1.0, 2)
    with pytest.raises(DataError, match="no contract number"):
        option_trades([-1], 1.0, 1)
    table = greeks_table()
    with pytest.raises(DataError, match="stands twice"):
        replace(table, number=np.zeros(8, dtype=np.int64))
    with pytest.raises(DataError, match="stands twice"):
        replace(table, number=np.array([0, 7, 10**9, 3, 2, 10**9, 5, 6]))
    assert replace(table, number=np.array([0, 7, 10**9, 3, 2, 1, 5, 6])).number.shape == (8,)
    with pytest.raises(DataError, match="spot"):
        replace(table, spot=0.0)
    with pytest.raises(ConfigError, match="history_minutes"):
        FlowConfig(history_minutes=10)
    with pytest.raises(ConfigError, match="vwap_bands"):
        FlowConfig(vwap_bands=(0.005, 0.002))
    state = FlowState(replace(CONFIG, contract_limit=4))
    state.open_session(OPEN_NS, OPEN_NS + MINUTE_NS)
    with pytest.raises(DataError, match="contract_limit"):
        state.close_minute(OPEN_NS + MINUTE_NS, table, FieldLevels.missing("none"))
