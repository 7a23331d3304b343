"""Replay as of any instant equals having streamed until then, with bounded memory and no look-ahead."""

from __future__ import annotations

import numpy as np
import pytest

from fields.dealer.book import DealerBook
from fields.dealer.config import DealerConfig
from fields.dealer.history import FlowHistory, book_as_of
from fields.dealer.messages import ContractSplit, OpenInterest
from market.errors import ConfigError, DataError
from tests.fields.dealer.samples import (
    CLOSE_NS,
    FLOW,
    HOUR_NS,
    KNOWN_NS,
    OPEN_NS,
    Trades,
    hybrid,
    interest,
    random_trades,
    same_positions,
)

DAY = 24 * HOUR_NS
N_CONTRACTS = 12


def two_days() -> tuple[Trades, list[OpenInterest | ContractSplit]]:
    """Return trades of two days and the night between, some late, and what was published on them."""
    parts = [
        random_trades(1, 400, N_CONTRACTS),
        random_trades(2, 60, N_CONTRACTS, CLOSE_NS + DAY + HOUR_NS, 20 * HOUR_NS),
        random_trades(3, 400, N_CONTRACTS, OPEN_NS + DAY),
    ]
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    order = np.argsort(columns[4], kind="stable")
    order[50:60], order[405:410] = order[50:60][::-1], order[405:410][::-1]
    rng = np.random.default_rng(4)
    records: list[OpenInterest | ContractSplit] = [
        interest(rng.integers(0, 900, N_CONTRACTS).astype(float), day=day) for day in (0, 1)
    ]
    return Trades(*(column[order] for column in columns)), records


def streamed(
    config: DealerConfig, trades: Trades, records: list[OpenInterest | ContractSplit], until: int
) -> DealerBook:
    """Feed a book trade by trade and record by record as they came in, up to an instant."""
    book, newest, waiting = DealerBook(config), -1, list(records)

    def publish(now: int) -> None:
        while waiting and waiting[0].known_from_ns <= now:
            record = waiting.pop(0)
            if isinstance(record, OpenInterest):
                book.on_open_interest(record)
            else:
                book.on_split(record)

    for i in range(trades.numbers.shape[0]):
        newest = max(newest, int(trades.ts_ns[i]))
        if newest > until:
            break
        publish(newest)
        for record in waiting[:1]:
            if isinstance(record, OpenInterest) and newest >= record.close_ns:
                book.end_session(record.close_ns)
        book.on_flow(*trades.take(slice(i, i + 1)))
    publish(until)
    book.advance(until)
    return book


@pytest.mark.parametrize("config", [FLOW, hybrid()], ids=["flow", "hybrid"])
def test_a_rebuilt_book_equals_the_streamed_one_at_any_instant(config: DealerConfig) -> None:
    """Before the first record, within the sessions, at night and at the instants of publication themselves."""
    trades, records = two_days()
    history = FlowHistory()
    history.append(*trades)
    instants = [KNOWN_NS - 1, KNOWN_NS, OPEN_NS, OPEN_NS + 3 * HOUR_NS, CLOSE_NS + DAY, CLOSE_NS + DAY + 5 * HOUR_NS]
    instants += [KNOWN_NS + DAY - 1, KNOWN_NS + DAY, OPEN_NS + DAY + 2 * HOUR_NS, OPEN_NS + 3 * DAY]
    for instant in instants:
        rebuilt = book_as_of(history, records, instant, config=config)
        other = streamed(config, trades, records, instant)
        found, expected = rebuilt.position(np.arange(N_CONTRACTS)), other.position(np.arange(N_CONTRACTS))
        assert np.allclose(found.contracts, expected.contracts, rtol=1e-13, atol=1e-9, equal_nan=True)
        assert np.allclose(found.standard_error, expected.standard_error, rtol=1e-13, atol=1e-9, equal_nan=True)
        assert np.array_equal(found.reason, expected.reason)
        assert rebuilt.counters == other.counters
        assert history.out_of_order > 0


def test_nothing_that_is_known_later_is_looked_at() -> None:
    """Another future, of trades and of open interest, gives the same book."""
    trades, records = two_days()
    instant = OPEN_NS + 3 * HOUR_NS
    other = [records[0], interest(np.full(N_CONTRACTS, 7.0), day=1)]
    past, future = FlowHistory(), FlowHistory()
    seen = int(np.searchsorted(np.maximum.accumulate(trades.ts_ns), instant, side="right"))
    past.append(*trades.take(slice(0, seen)))
    future.append(*trades)
    assert same_positions(book_as_of(past, records, instant), book_as_of(future, other, instant))


def test_a_late_trade_is_not_known_before_it_came() -> None:
    """Stamped 10 but arrived after 20: as of 15 nobody had seen it."""
    history = FlowHistory()
    history.append([0, 0], [1, 1], [1.0, 5.0], [1.0, 1.0], [20, 10])
    found = [book_as_of(history, [], t, config=FLOW).position(np.array([0])).contracts[0] for t in (15, 20)]
    assert np.isnan(found[0])
    assert found[1] == -6.0


def test_a_late_trade_stays_late_when_the_one_before_it_is_forgotten() -> None:
    """The newest instant is remembered beyond the trades themselves."""
    history = FlowHistory(max_events=4)
    history.append([0] * 5, [1] * 5, [1.0] * 5, [1.0] * 5, [100, 50, 60, 70, 80])
    assert (history.forgotten, history.out_of_order) == (1, 4)
    assert history.replay(DealerBook(FLOW), 1, 100) == 1
    assert history.replay(DealerBook(FLOW), 1, 100, inclusive=True) == 5


def test_a_checkpoint_goes_on_bit_for_bit() -> None:
    """From the state on, and rebuilt from the state and the history, everything is the same."""
    trades, records = two_days()
    half, end = CLOSE_NS + DAY + 8 * HOUR_NS, OPEN_NS + 3 * DAY
    history = FlowHistory()
    history.append(*trades)
    first = book_as_of(history, records, half)
    with pytest.raises(DataError, match="end_session"):
        book_as_of(history, records, end, base=first.state())
    known = np.maximum.accumulate(trades.ts_ns)
    day = int(np.searchsorted(known, CLOSE_NS + DAY))
    live = book_as_of(history, records, CLOSE_NS + DAY - 1)
    live.end_session(CLOSE_NS + DAY)
    live.on_flow(*trades.take(slice(day, day + 20)))
    state = live.state()
    restarted = DealerBook.from_state(state)
    rebuilt = book_as_of(history, records, end, base=state)
    for book in (live, restarted):
        last = int(np.searchsorted(known, KNOWN_NS + DAY))
        book.on_flow(*trades.take(slice(day + 20, last)))
        book.on_open_interest(records[1])  # type: ignore[arg-type]  # an open interest
        book.on_flow(*trades.take(slice(last, None)))
        book.advance(end)
    assert same_positions(live, restarted)
    assert same_positions(live, rebuilt)
    assert live.counters == restarted.counters == rebuilt.counters
    with pytest.raises(DataError, match="newer"):
        book_as_of(history, records, half, base=live.state())


def test_a_state_is_a_copy() -> None:
    """What the book does later leaves a checkpoint as it was."""
    book = DealerBook(FLOW)
    book.on_flow([0], [1], [1.0], [1.0], [10])
    state = book.state()
    book.on_flow([0], [1], [1.0], [1.0], [10])
    assert DealerBook.from_state(state).position(np.array([0])).contracts == [-1.0]


def test_repeated_trades_are_left_out_and_counted() -> None:
    """By contract and trade number, within a batch and across; trades without a number cannot be told apart."""
    history = FlowHistory()
    fresh = history.append([0, 0, 1, 0], [1] * 4, [1.0] * 4, [1.0] * 4, [10] * 4, trade_id=[7, 7, 7, 8])
    assert np.array_equal(fresh, [True, False, True, True])
    again = history.append([1, 0, 0], [1] * 3, [1.0] * 3, [1.0] * 3, [11] * 3, trade_id=[7, -1, -1])
    assert np.array_equal(again, [False, True, True])
    assert (history.duplicates, len(history)) == (2, 5)
    book = book_as_of(history, [], 20, config=FLOW)
    assert np.array_equal(book.position(np.arange(2)).contracts, [-4.0, -1.0])


def test_duplicates_are_found_as_by_a_set() -> None:
    """Random numbers with many repeats, through growth and forgetting, against Python's own set."""
    rng = np.random.default_rng(6)
    history, seen, kept = FlowHistory(max_events=2_000), set[tuple[int, int]](), list[tuple[int, int]]()
    for start in range(0, 6_000, 150):
        numbers, identity = rng.integers(0, 5, 150), rng.integers(0, 2_000, 150)
        seen = set(kept[history.forgotten :])
        forgotten = history.forgotten
        fresh = history.append(
            numbers, np.ones(150), np.ones(150), np.ones(150), np.full(150, start), trade_id=identity
        )
        if history.forgotten == forgotten:
            expected = []
            for key in zip(numbers.tolist(), identity.tolist(), strict=True):
                expected.append(key not in seen)
                seen.add(key)
            assert fresh.tolist() == expected
        kept += list(zip(numbers[fresh].tolist(), identity[fresh].tolist(), strict=True))
    assert len(history) + history.forgotten == len(kept)
    assert history.duplicates == 6_000 - len(kept)


def test_memory_is_bounded_and_what_was_forgotten_is_not_pretended() -> None:
    """Ten times the bound: no more than the bound is kept; a rebuild needs a checkpoint that reaches."""
    trades = random_trades(7, 10_000, N_CONTRACTS)
    history, book = FlowHistory(max_events=1_500), DealerBook(FLOW)
    state = None
    for start in range(0, 10_000, 100):
        batch = trades.take(slice(start, start + 100))
        if start == 9_000:
            state = book.state()
        history.append(*batch)
        book.on_flow(*batch)
        assert len(history) <= 1_500
    assert history.forgotten == 10_000 - len(history)
    assert history.nbytes <= 54 * 1_500
    end = int(trades.ts_ns[-1])
    with pytest.raises(DataError, match="reach back"):
        book_as_of(history, [], end, config=FLOW)
    assert state is not None
    rebuilt = book_as_of(history, [], end, base=state)
    numbers = np.arange(N_CONTRACTS)
    assert np.allclose(rebuilt.position(numbers).contracts, book.position(numbers).contracts, rtol=1e-12)


def test_one_batch_beyond_the_bound_keeps_its_newest() -> None:
    """And the columns must be of one length, the bound of some use."""
    history = FlowHistory(max_events=1_024)
    assert history.append(*random_trades(8, 5_000, 3), trade_id=np.arange(5_000)).all()
    assert len(history) <= 1_024
    with pytest.raises(DataError, match="length"):
        history.append([0], [1, 1], [1.0], [1.0], [1])
    with pytest.raises(ConfigError, match="room"):
        FlowHistory(max_events=1)


def test_what_was_known_before_an_instant_can_be_forgotten() -> None:
    """At the start of a session, when a checkpoint holds the days before."""
    history = FlowHistory()
    history.append([0, 0, 0], [1] * 3, [1.0] * 3, [1.0] * 3, [10, 20, 30], trade_id=[1, 2, 3])
    base = book_as_of(history, [], 19, config=FLOW).state()
    history.forget_before(20)
    assert (len(history), history.forgotten) == (2, 1)
    assert book_as_of(history, [], 30, base=base).position(np.array([0])).contracts == [-3.0]
    assert history.append([0], [1], [1.0], [1.0], [40], trade_id=[3]).tolist() == [False]
