"""Overnight: what a book carries, what published open interest corrects, and what it refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fields.config import PositionSource
from fields.dealer.book import DealerBook
from fields.dealer.config import DealerConfig, OpeningMode
from fields.dealer.kernels import Row
from fields.dealer.messages import ContractSplit, OpenInterest, PositionReason, split_table
from market.errors import DataError
from market.trades import ContractTable
from tests.fields.dealer.samples import CLOSE_NS, FLOW, HOUR_NS, OPEN_NS, hybrid, interest, random_trades

DAY = 24 * HOUR_NS
SURE = hybrid(opening_error_share=0.0)
ONE = np.array([0])


def opened(open_interest: list[float], config: DealerConfig = SURE) -> DealerBook:
    """Return a book that stands on a first open interest."""
    book = DealerBook(config)
    book.on_open_interest(interest(open_interest))
    return book


def buy(book: DealerBook, number: int, contracts: float, ts_ns: int = OPEN_NS) -> None:
    """Let customers buy, signed for certain."""
    book.on_flow([number], [1], [contracts], [1.0], [ts_ns])


def test_the_position_is_carried_overnight_and_not_assumed_again() -> None:
    """Dealers long 100 calls sell 30: the morning after they are long 70, whatever the convention says."""
    book = opened([100.0])
    buy(book, 0, 30.0)
    book.on_open_interest(interest([110.0], day=1))
    found = book.position(ONE)
    assert found.contracts == found.opening == [70.0]
    assert [*found.flow, *found.cap, *found.standard_error] == [0.0, 110.0, 0.0]


def test_a_position_beyond_the_new_open_interest_is_held_to_it() -> None:
    """A fall of open interest to 20 leaves room for 20, on either side."""
    book = opened([100.0, 100.0])
    buy(book, 1, 190.0)
    book.on_open_interest(interest([20.0, 20.0], day=1))
    assert np.array_equal(book.position(np.arange(2)).contracts, [20.0, -20.0])


def test_a_change_beyond_the_volume_tells_of_trades_not_seen() -> None:
    """Open interest rose by 50 on 10 contracts traded: 40 may have gone either way."""
    book = opened([100.0, 100.0])
    buy(book, 0, 10.0)
    buy(book, 1, 50.0)
    book.on_open_interest(interest([150.0, 150.0], day=1))
    assert np.array_equal(book.position(np.arange(2)).standard_error, [40.0, 0.0])


def test_contracts_first_listed_after_the_opening_are_known_from_their_first_trade() -> None:
    """No convention for what the book has seen whole; the convention for what it has not seen at all."""
    book = opened([100.0])
    buy(book, 1, 8.0)
    book.on_open_interest(interest([100.0, 8.0, 40.0], day=1))
    assert np.array_equal(book.position(np.arange(3)).contracts, [100.0, -8.0, 40.0])


def test_a_book_that_began_during_a_session_takes_the_convention_at_its_first_open_interest() -> None:
    """The convention speaks of the close, so it already holds what was traded before; a flow book goes on."""
    for config, expected in ((SURE, 100.0), (FLOW, -8.0)):
        book = DealerBook(config)
        buy(book, 0, 8.0, CLOSE_NS - HOUR_NS)
        book.on_open_interest(interest([100.0]))
        assert book.position(ONE).contracts == [expected]


def test_trades_after_the_close_are_not_in_the_open_interest_of_that_close() -> None:
    """Night trades move the position on top of what was published, also where the day was reconciled."""
    book = opened([100.0])
    close = CLOSE_NS + DAY
    book.end_session(close)
    buy(book, 0, 30.0)
    buy(book, 0, 5.0, close)
    assert book.position(ONE).contracts == [65.0]
    book.on_open_interest(interest([75.0], day=1))
    found = book.position(ONE)
    assert [*found.opening, *found.flow, *found.contracts, *found.cap] == [70.0, -5.0, 65.0, 80.0]


def test_a_late_open_interest_leaves_the_trades_of_the_new_session_standing() -> None:
    """A book that began at the open reads the morning's record an hour later: its trades came after that close."""
    book = DealerBook(SURE)
    buy(book, 0, 5.0, CLOSE_NS + HOUR_NS)
    book.on_open_interest(interest([75.0]))
    assert book.position(ONE).contracts == [70.0]


def test_trades_on_both_sides_of_an_untold_close_are_refused() -> None:
    """Nobody could tell them apart."""
    book = opened([100.0])
    buy(book, 0, 30.0, CLOSE_NS + DAY - 1)
    buy(book, 0, 30.0, CLOSE_NS + DAY + 1)
    with pytest.raises(DataError, match="end_session"):
        book.on_open_interest(interest([75.0], day=1))
    with pytest.raises(DataError, match="end_session"):
        book.end_session(CLOSE_NS + DAY)


def test_a_session_that_was_ended_too_early_is_put_right_by_the_record() -> None:
    """Late prints after the end that was told, but before the close that the open interest counts, are in it."""
    book = opened([100.0])
    book.end_session(CLOSE_NS + DAY - 2 * HOUR_NS)
    buy(book, 0, 10.0, CLOSE_NS + DAY - HOUR_NS)
    book.on_open_interest(interest([100.0], day=1))
    found = book.position(ONE)
    assert [*found.opening, *found.flow] == [90.0, 0.0]


def test_a_morning_without_a_publication_is_made_up_for_by_the_next() -> None:
    """Two sessions are reconciled by one record."""
    book = opened([100.0])
    for day in (1, 2):
        buy(book, 0, 10.0, CLOSE_NS + day * DAY - HOUR_NS)
        book.end_session(CLOSE_NS + day * DAY)
    buy(book, 0, 1.0, CLOSE_NS + 2 * DAY)
    book.on_open_interest(interest([100.0], day=2))
    found = book.position(ONE)
    assert [*found.opening, *found.contracts] == [80.0, 79.0]


def test_a_contract_that_the_record_lacks_is_carried_with_that_reason() -> None:
    """Its cap is what can have been open; a contract that has expired is gone instead."""
    book = DealerBook(SURE)
    book.on_open_interest(interest([100.0, 10.0, 7.0], expiry_ns=[CLOSE_NS + 900 * DAY] * 2 + [OPEN_NS]))
    buy(book, 1, 4.0)
    book.on_open_interest(interest([100.0], day=1))
    found = book.position(np.arange(3))
    assert np.array_equal(found.contracts, [100.0, 6.0, 0.0])
    assert np.array_equal(found.cap, [100.0, 14.0, 0.0])
    assert found.reasons == {PositionReason.CARRIED: 1, PositionReason.EXPIRED: 1}


@pytest.mark.parametrize("config", [hybrid(OpeningMode.USER), DealerConfig(source=PositionSource.USER)])
def test_a_users_vector_stays_until_another_comes(config: DealerConfig) -> None:
    """A new vector replaces the carried position where it is known; the rest is carried."""
    book = DealerBook(config)
    for day, (vector, expected) in enumerate(
        [([3.0, 5.0], [3.0, 5.0]), (None, [3.0, 5.0]), ([4.0, np.nan], [4.0, 5.0])]
    ):
        book.on_open_interest(interest([10.0, 10.0], day=day, user=vector))
        assert np.array_equal(book.position(np.arange(2)).contracts, expected)


def test_a_convention_follows_each_open_interest() -> None:
    """all_short is anew each morning."""
    book = DealerBook(DealerConfig(source=PositionSource.ALL_SHORT))
    for day, open_interest in enumerate([10.0, 20.0, 5.0]):
        book.on_open_interest(interest([open_interest], day=day))
        assert book.position(ONE).contracts == [-open_interest]


def test_a_hole_in_a_users_vector_is_not_filled_by_trades() -> None:
    """A level that nobody knew stays unknown."""
    for config in (hybrid(OpeningMode.USER), DealerConfig(source=PositionSource.USER)):
        book = DealerBook(config)
        buy(book, 0, 2.0, CLOSE_NS - HOUR_NS)
        book.on_open_interest(interest([10.0], user=[np.nan]))
        assert book.position(ONE).reasons == {PositionReason.USER_UNKNOWN: 1}


@given(
    sessions=st.lists(st.lists(st.floats(0.0, 1e4), min_size=5, max_size=5), min_size=2, max_size=5),
    source=st.sampled_from([PositionSource.FLOW, PositionSource.HYBRID, PositionSource.ALL_LONG]),
    seed=st.integers(0, 100),
)
@settings(max_examples=60, deadline=None)
def test_no_position_is_ever_larger_than_what_can_be_open(
    sessions: list[list[float]], source: PositionSource, seed: int
) -> None:
    """|n| <= published open interest + volume, and |opening| <= open interest, through any sessions."""
    book = DealerBook(DealerConfig(source=source, max_missing_share=1.0))
    for day, open_interest in enumerate(sessions):
        book.on_open_interest(interest(open_interest, day=day))
        before = book.position(np.arange(5))
        assert (np.abs(before.opening) <= open_interest).all()
        trades = random_trades(seed + day, 200, 5, OPEN_NS + day * DAY)
        book.on_flow(*trades)
        found = book.position(np.arange(5))
        assert np.allclose(found.cap, np.array(open_interest) + np.bincount(trades.numbers, trades.size, 5))
        assert (np.abs(found.contracts) <= found.cap).all()
        assert (found.standard_error <= found.cap + np.abs(found.contracts)).all()


def test_reconciling_brings_the_estimate_closer_to_the_truth() -> None:
    """400 contracts with a simulated truth: the error after the new open interest is not larger than before."""
    rng = np.random.default_rng(5)
    n = 400
    numbers, size = np.tile(np.arange(n), 30), rng.integers(1, 10, 30 * n).astype(float)
    true_side = rng.choice([-1, 1], 30 * n)
    book = DealerBook(hybrid(OpeningMode.FLAT))
    before = rng.integers(1, 20, n).astype(float)
    book.on_open_interest(interest(before))
    signs = np.where(rng.random(30 * n) < 0.65, true_side, -true_side)
    book.on_flow(numbers, signs, size, np.full(30 * n, 0.65), np.full(30 * n, OPEN_NS))
    truth = np.bincount(numbers, -true_side * size, n)
    first = book.position(np.arange(n)).contracts - truth
    book.on_open_interest(interest(np.abs(truth) + rng.integers(0, 5, n), day=1))
    found = book.position(np.arange(n))
    second = found.contracts - truth
    assert (np.abs(second) <= np.abs(first) + 1e-9).all()
    assert (second**2).mean() < 0.8 * (first**2).mean()
    assert (second**2).mean() < (found.standard_error**2).mean()


def test_open_interest_must_be_newer_and_speak_of_the_same_contracts() -> None:
    """An old close, a record known before its close, a contract named twice, or other contracts altogether."""
    book = opened([100.0, 100.0])
    with pytest.raises(DataError, match="newer"):
        book.on_open_interest(interest([100.0, 100.0]))
    with pytest.raises(DataError, match=r"other contracts.*on_split"):
        book.on_open_interest(interest([100.0] * 2, day=1, numbers=[5, 6]))
    with pytest.raises(DataError, match="known before"):
        replace(interest([1.0]), known_from_ns=0)
    with pytest.raises(DataError, match="twice"):
        interest([1.0, 1.0], numbers=[3, 3])
    with pytest.raises(DataError, match="negative"):
        interest([-1.0])


def split_of(ratio: int = 7, old: tuple[int, ...] = (0, 1), new: tuple[int, ...] = (2, 3)) -> ContractSplit:
    """Return a split before the first trade."""
    return ContractSplit(ratio=ratio, old=np.array(old), new=np.array(new), known_from_ns=OPEN_NS)


def test_a_split_converts_contracts_errors_and_caps() -> None:
    """Seven new contracts for one old: position, error and cap times seven; the old numbers are closed."""
    book = opened([100.0, 50.0], hybrid())
    before = book.position(np.arange(2))
    book.on_split(split_of())
    found = book.position(np.arange(4))
    for name in ("contracts", "standard_error", "cap", "opening"):
        assert np.allclose(getattr(found, name)[2:], 7.0 * getattr(before, name))
    assert np.isnan(found.contracts[:2]).all()
    assert found.reasons == {PositionReason.SPLIT: 2}
    with pytest.raises(DataError, match="split"):
        buy(book, 0, 1.0)
    with pytest.raises(DataError, match="split"):
        book.on_open_interest(interest([100.0, 50.0, 700.0, 350.0], day=1))
    buy(book, 2, 1.0)
    assert book.position(np.array([2])).contracts == [699.0]


def test_a_number_may_stand_on_both_sides_of_a_split() -> None:
    """After 2:1 the old 100 strike's number may be the new terms of the old 200: nothing is merged."""
    book = opened([100.0, 50.0], FLOW)
    book.on_split(split_of(2, (0, 1), (1, 2)))
    values = book.state().values
    assert np.array_equal(values[Row.OPEN_INTEREST, :3], [np.nan, 200.0, 100.0], equal_nan=True)


def test_half_a_split_is_refused() -> None:
    """Living contracts without a new number, new terms that trade already, or a ratio that is not whole."""
    book = opened([100.0, 50.0])
    with pytest.raises(DataError, match="old terms"):
        book.on_split(split_of(old=(0,), new=(2,)))
    buy(book, 3, 1.0)
    with pytest.raises(DataError, match="hold a position already"):
        book.on_split(split_of())
    assert np.array_equal(book.position(np.arange(2)).contracts, [100.0, 50.0])
    with pytest.raises(DataError, match="whole split"):
        split_of(ratio=1)
    with pytest.raises(DataError, match="one to one"):
        split_of(old=(0, 0))


def test_strikes_after_a_split_are_rounded_to_the_cent() -> None:
    """607.50 becomes 86.79 under 7:1."""
    table = ContractTable(
        series=(), series_index=np.zeros(0, np.int32), strike=np.zeros(0), is_call=np.zeros(0, np.bool_)
    )
    assert split_table(table, 7).n_contracts == 0
    assert np.rint(607.5 / 7 * 100) / 100 == 86.79


def test_a_record_of_nothing_is_a_record() -> None:
    """A close at which no contract was open."""
    book = DealerBook(SURE)
    empty = interest([])
    assert isinstance(empty, OpenInterest)
    book.on_open_interest(empty)
    assert (book.close_ns, book.known_from_ns) == (empty.close_ns, empty.known_from_ns)
