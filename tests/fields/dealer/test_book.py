"""The dealer book against a ledger kept by hand, the laws of its sums, and the sign of what follows from it."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fields.config import PositionSource
from fields.dealer.book import DealerBook
from fields.dealer.config import DealerConfig, OpeningMode
from fields.dealer.messages import PositionReason
from fields.exposures import dollar_exposures
from fields.greeks import exposure_greeks
from market.errors import ConfigError, DataError
from market.trades import TradeFlag
from tests.fields.dealer.samples import FAR_NS, FLOW, KNOWN_NS, OPEN_NS, hybrid, interest, random_trades

ALL = np.arange(4)

trade = st.tuples(
    st.integers(0, 3),
    st.sampled_from([-1, 0, 1]),
    st.integers(1, 40),
    st.sampled_from([0.5, 0.54, 0.55, 0.6, 0.8, 0.95, 1.0]),
    st.sampled_from([0, TradeFlag.AUCTION, TradeFlag.COMPLEX, TradeFlag.CANCELLED, TradeFlag.BAR]),
)


def by_hand(
    rows: list[tuple[int, int, int, float, int]], open_interest: list[float], share: float
) -> tuple[list[float], list[float], list[float]]:
    """Return contracts, variance and cap of four calls under oi_naive, one trade at a time."""
    n, cap = list(open_interest), list(open_interest)
    variance = [x * x / 3.0 for x in open_interest]
    for number, aggressor, size, p, flags in rows:
        if flags == TradeFlag.CANCELLED:
            continue
        cap[number] += size
        if aggressor == 0 or p < 0.55:
            variance[number] += size**2
            continue
        signed = size * share if flags in {TradeFlag.AUCTION, TradeFlag.COMPLEX} else size
        n[number] += -aggressor * signed / (2 * p - 1)
        variance[number] += signed**2 * 4 * p * (1 - p) / (2 * p - 1) ** 2 + (size - signed) ** 2
    return [max(-c, min(c, x)) for x, c in zip(n, cap, strict=True)], variance, cap


@given(
    rows=st.lists(trade, max_size=60),
    cuts=st.lists(st.integers(0, 60), max_size=3),
    open_interest=st.lists(st.integers(0, 200), min_size=4, max_size=4),
)
@settings(max_examples=150, deadline=None)
def test_the_book_equals_a_ledger_kept_by_hand(
    rows: list[tuple[int, int, int, float, int]], cuts: list[int], open_interest: list[int]
) -> None:
    """Mean, variance and cap of any trades in any batches, with the cap never exceeded."""
    book = DealerBook(hybrid(diluted_share=0.25))
    book.on_open_interest(interest([float(x) for x in open_interest]))
    edges = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    for first, last in pairwise(edges):
        numbers, aggressor, size, p, flags = zip(*rows[first:last], strict=True) if last > first else ((),) * 5
        stamps = np.full(last - first, OPEN_NS)
        book.on_flow(numbers, aggressor, size, p, stamps, np.array(flags, dtype=np.uint8))
    found = book.position(ALL)
    n, variance, cap = by_hand(rows, [float(x) for x in open_interest], 0.25)
    assert np.allclose(found.contracts, n, rtol=1e-13, atol=1e-10)
    assert np.allclose(found.cap, cap)
    assert (np.abs(found.contracts) <= found.cap).all()
    limit = np.square(found.cap + np.abs(found.contracts))
    assert np.allclose(found.standard_error**2, np.minimum(variance, limit), rtol=1e-12)
    assert book.counters.cancelled == sum(row[4] == TradeFlag.CANCELLED for row in rows)


@pytest.mark.parametrize("is_call", [True, False])
def test_one_customer_buy_leaves_the_dealer_short(is_call: bool) -> None:  # noqa: FBT001  # a case
    """N is -1, gamma below zero; DEX below zero for a call and above for a put."""
    book = DealerBook(FLOW)
    book.on_flow([0], [1], [1.0], [1.0], [OPEN_NS])
    n = book.position(np.array([0])).contracts
    greeks = exposure_greeks([100.0], [101.0], [0.1], [0.03], [0.0], [0.2], [is_call])
    found = dollar_exposures(greeks, 100.0 * n, 100.0, 525_600.0)
    assert n == [-1.0]
    assert found.gamma_usd_per_pct[0] < 0.0
    assert np.sign(found.delta_usd[0]) == (-1.0 if is_call else 1.0)


def test_the_order_and_the_batches_of_trades_change_nothing() -> None:
    """Shuffled, split in batches and one by one: the same book within rounding."""
    trades = random_trades(1, 2_000, 20)
    order = np.random.default_rng(2).permutation(2_000)
    whole, shuffled, single = DealerBook(FLOW), DealerBook(FLOW), DealerBook(FLOW)
    whole.on_flow(*trades)
    for part in np.array_split(order, 7):
        shuffled.on_flow(*trades.take(part))
    for i in range(2_000):
        single.on_flow(*trades.take(slice(i, i + 1)))
    numbers = np.arange(20)
    expected = whole.position(numbers)
    scale = np.bincount(trades.numbers, trades.size, 20)
    for book in (shuffled, single):
        found = book.position(numbers)
        assert (np.abs(found.contracts - expected.contracts) <= 1e-13 * scale * 20).all()
        assert np.allclose(found.standard_error, expected.standard_error, rtol=1e-12)
    assert single.counters == whole.counters
    assert shuffled.counters.out_of_order > whole.counters.out_of_order == 0


@pytest.mark.parametrize("p", [0.6, 0.75, 0.9])
def test_the_error_of_misclassification_has_no_bias_and_the_stated_variance(p: float) -> None:
    """Signs flipped at random with probability 1 - p, 20 000 days of the same trades."""
    rng = np.random.default_rng(3)
    days, sizes = 20_000, np.array([1.0, 5.0, 20.0, 3.0, 8.0])
    truth = np.array([1, -1, 1, 1, -1])
    signs = truth * np.where(rng.random((days, 5)) < p, 1, -1)
    book = DealerBook(FLOW)
    n = days * 5
    numbers = np.repeat(np.arange(days), 5)
    book.on_flow(numbers, signs.ravel(), np.tile(sizes, days), np.full(n, p), np.full(n, OPEN_NS))
    flow = book.position(np.arange(days)).flow
    variance = float((sizes**2).sum() * 4 * p * (1 - p) / (2 * p - 1) ** 2)
    assert abs(flow.mean() + (truth * sizes).sum()) < 4 * np.sqrt(variance / days)
    assert flow.var() == pytest.approx(variance, rel=0.05)
    assert book.state().values[1] == pytest.approx(np.full(days, variance))


def test_an_unsigned_trade_adds_doubt_and_nothing_else() -> None:
    """No mean, variance size squared; a sign that is hardly better than chance counts the same."""
    book = DealerBook(FLOW)
    book.on_flow([0, 1, 2], [0, 1, 1], [7.0, 7.0, 7.0], [np.nan, 0.52, 1.0], [OPEN_NS] * 3)
    found = book.position(np.arange(3))
    assert np.array_equal(found.contracts, [0.0, 0.0, -7.0])
    assert np.array_equal(found.standard_error, [7.0, 7.0, 0.0])
    assert book.counters.signed == 1


@pytest.mark.parametrize(
    ("opening", "expected", "error"),
    [
        (OpeningMode.OI_NAIVE, [30.0, -60.0], 3**-0.5),
        (OpeningMode.ALL_SHORT, [-30.0, -60.0], 3**-0.5),
        (OpeningMode.ALL_LONG, [30.0, 60.0], 3**-0.5),
        (OpeningMode.USER, [5.0, -6.0], 0.0),
        (OpeningMode.FLAT, [0.0, 0.0], 3**-0.5),
    ],
)
def test_an_opening_and_its_error_follow_the_mode(opening: OpeningMode, expected: list[float], error: float) -> None:
    """A convention errs by the assumed share of open interest, a user's vector by nothing; flow then moves both."""
    book = DealerBook(hybrid(opening))
    book.on_open_interest(interest([30.0, 60.0], is_call=[True, False], user=[5.0, -6.0]))
    found = book.position(np.arange(2))
    assert np.allclose(found.contracts, expected)
    assert np.allclose(found.standard_error, error * np.array([30.0, 60.0]))
    book.on_flow([0, 1], [1, -1], [2.0, 2.0], [1.0, 1.0], [OPEN_NS, OPEN_NS])
    moved = book.position(np.arange(2))
    assert np.allclose(moved.contracts, np.array(expected) + np.array([-2.0, 2.0]))
    assert np.array_equal(moved.opening, found.contracts)


@pytest.mark.parametrize("source", [PositionSource.OI_NAIVE, PositionSource.ALL_SHORT, PositionSource.USER])
def test_a_convention_is_not_moved_by_flow(source: PositionSource) -> None:
    """It stays on the last open interest; the flow stands beside it."""
    book = DealerBook(DealerConfig(source=source))
    book.on_open_interest(interest([30.0], user=[4.0]))
    before = book.position(np.array([0])).contracts
    book.on_flow([0, 1], [1, 1], [5.0, 5.0], [1.0, 1.0], [OPEN_NS, OPEN_NS])
    after = book.position(np.arange(2))
    assert after.contracts[0] == before[0] != 0.0
    assert np.array_equal(after.flow, [-5.0, -5.0])
    assert np.isnan(after.contracts[1])
    assert after.reasons == {PositionReason.NO_OPEN_INTEREST: 1}


def test_an_estimate_beyond_all_that_can_be_open_is_moved_onto_it() -> None:
    """At p = 0.6 one lot counts five-fold; with 2 open and 1 traded no more than 3 can be held, and that is told."""
    book = DealerBook(FLOW)
    book.on_open_interest(interest([2.0, 100.0]))
    book.on_flow([0, 1], [1, 1], [1.0, 1.0], [0.6, 0.6], [OPEN_NS, OPEN_NS])
    found = book.position(np.arange(2))
    assert np.allclose(found.flow, [-5.0, -5.0])
    assert np.allclose(found.contracts, [-3.0, -5.0])
    assert np.array_equal(found.capped, [True, False])
    assert found.standard_error[0] <= 6.0


def test_what_is_not_known_is_missing_with_its_reason() -> None:
    """NaN for unseen contracts and for holes in a user's vector, flow alone where there is no open interest."""
    book = DealerBook(hybrid(OpeningMode.USER))
    book.on_open_interest(interest([10.0, 10.0, np.nan, np.nan], user=[3.0, np.nan, -8.0, np.nan]))
    book.on_flow([4], [-1], [2.0], [1.0], [OPEN_NS])
    found = book.position(np.array([4, 3, 2, 1, 0, -1, 99]))
    assert np.array_equal(found.contracts, [2.0, np.nan, -8.0, np.nan, 3.0, np.nan, np.nan], equal_nan=True)
    assert np.array_equal(np.isnan(found.standard_error), np.isnan(found.contracts))
    assert found.reasons == {
        PositionReason.UNSEEN: 3,
        PositionReason.NO_OPEN_INTEREST: 1,
        PositionReason.USER_UNKNOWN: 1,
    }
    assert all(reason.text for reason in found.reasons)


def test_a_position_ends_at_its_expiry_instant() -> None:
    """During the session, to the nanosecond, for listed contracts and for today's new ones."""
    expiry = OPEN_NS + 100
    book = DealerBook(hybrid())
    book.on_open_interest(interest([10.0, 10.0], expiry_ns=[expiry, FAR_NS]))
    book.list_contracts(np.array([2]), np.array([expiry]))
    book.on_flow([0, 2], [1, 1], [3.0, 3.0], [1.0, 1.0], [OPEN_NS, OPEN_NS])
    numbers = np.arange(3)
    assert np.array_equal(book.position(numbers, ts_ns=expiry - 1).contracts, [7.0, 10.0, -3.0])
    book.advance(expiry)
    found = book.position(numbers)
    assert np.array_equal(found.contracts, [0.0, 10.0, 0.0])
    assert np.array_equal(found.standard_error[[0, 2]], [0.0, 0.0])
    assert found.reasons == {PositionReason.EXPIRED: 2}


@pytest.mark.parametrize(
    ("column", "value", "what"),
    [
        (0, -1, "contract number"),
        (0, 2**40, "bound"),
        (1, 2, "aggressor"),
        (2, 0.0, "size"),
        (2, np.nan, "size"),
        (3, 1.5, "probability"),
        (3, np.nan, "probability"),
    ],
)
def test_a_broken_trade_leaves_the_book_as_it_was(column: int, value: float, what: str) -> None:
    """The whole batch is refused, and the error says which trade it was."""
    book = DealerBook(FLOW)
    book.on_flow([0], [1], [1.0], [1.0], [KNOWN_NS])
    columns: list[list[float]] = [[0, 0], [1, 1], [1.0, 1.0], [1.0, 1.0], [OPEN_NS, OPEN_NS]]
    columns[column][1] = value
    numbers, aggressor, size, probability, stamps = columns
    with pytest.raises(DataError, match=what):
        book.on_flow(numbers, aggressor, size, probability, stamps)
    assert book.position(np.array([0])).contracts == [-1.0]
    assert book.counters.applied == 1


@pytest.mark.parametrize(
    "broken",
    [{"opening_error_share": -0.1}, {"min_probability": 0.5}, {"diluted_share": 1.1}, {"max_contracts": 0}],
)
def test_settings_out_of_range_are_refused(broken: dict[str, float]) -> None:
    """By name."""
    with pytest.raises(ConfigError, match=next(iter(broken))):
        DealerConfig(**broken)  # type: ignore[arg-type]
