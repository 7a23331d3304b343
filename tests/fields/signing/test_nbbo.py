"""The national quote from exchange quotes, against a slow count and on recorded one-sided quotes."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from fields.signing.nbbo import NbboBuilder
from market.errors import ConfigError, DataError
from market.trades import CONSOLIDATED, QuoteBatch
from tests.fields.signing.tapes import quotes_of, rows_of

HOUR_NS = 3_600_000_000_000


def builder(*, one_sided: bool = True, max_age_ns: int = HOUR_NS) -> NbboBuilder:
    """Return a fresh builder."""
    return NbboBuilder(one_sided=one_sided, max_age_ns=max_age_ns)


def random_quotes(seed: int, n: int = 300) -> QuoteBatch:
    """Return one-sided exchange quotes of four contracts, some late."""
    rng = np.random.default_rng(seed)
    bid = rng.integers(90, 100, n) / 100 * (rng.random(n) < 0.6)
    return quotes_of(
        np.sort(rng.integers(0, 200, n)) - 9 * (rng.random(n) < 0.1),
        bid,
        np.where(bid > 0, 0.0, rng.integers(98, 108, n) / 100),
        contract=rng.integers(-1, 3, n),
        venue=rng.integers(0, 5, n),
        bid_size=rng.integers(1, 9, n),
        ask_size=rng.integers(1, 9, n),
    )


def slow_states(quotes: QuoteBatch, max_age_ns: int) -> list[tuple[float, float, float, float]]:
    """Return the best quote after each row by looking at all sides that stand."""
    sides: dict[tuple[int, int, str], tuple[int, float, float]] = {}
    clock: dict[int, int] = {}
    states = []
    for i in range(quotes.n_quotes):
        c, v, ts = int(quotes.contract[i]), int(quotes.venue[i]), int(quotes.ts_ns[i])
        newest = max((sides[c, v, s][0] for s in "ba" if (c, v, s) in sides), default=ts)
        if ts >= newest:
            clock[c] = max(ts, clock.get(c, ts))
            for s, price, size in (
                ("b", quotes.bid[i], quotes.bid_size[i]),
                ("a", quotes.ask[i], quotes.ask_size[i]),
            ):
                if price > 0:
                    sides[c, v, s] = (ts, price, size)
        row: list[float] = []
        for s, pick in (("b", max), ("a", min)):
            alive = [x[1:] for k, x in sides.items() if k[0] == c and k[2] == s and x[0] >= clock[c] - max_age_ns]
            best = pick((p for p, _ in alive), default=np.nan)
            row += [best, sum(size for p, size in alive if p == best)]
        states.append((row[0], row[2], row[1], row[3]))
    return states


@pytest.mark.parametrize("max_age_ns", [HOUR_NS, 20])
@pytest.mark.parametrize("seed", range(6))
def test_the_best_of_all_exchanges_equals_a_slow_count(seed: int, max_age_ns: int) -> None:
    """After every row that changes it, sizes included; late rows change nothing."""
    quotes = random_quotes(seed)
    maker = builder(max_age_ns=max_age_ns)
    states = slow_states(quotes, max_age_ns)
    last: dict[int, tuple[float, ...]] = {}
    for i, state in enumerate(states):
        told = maker.on_quotes(rows_of(quotes, [i]))
        if told.n_quotes:
            last[int(quotes.contract[i])] = (*told.bid, *told.ask, *told.bid_size, *told.ask_size)
        if int(quotes.contract[i]) in last:
            np.testing.assert_array_equal(last[int(quotes.contract[i])], state)
    assert maker.n_late > 0


def test_pieces_give_the_same_as_the_whole() -> None:
    """Row by row, in any cut."""
    quotes = random_quotes(11)
    whole = builder().on_quotes(quotes)
    maker = builder()
    parts = [maker.on_quotes(rows_of(quotes, slice(a, a + 37))) for a in range(0, 300, 37)]
    for item in fields(QuoteBatch):
        if isinstance(getattr(whole, item.name), np.ndarray):
            joined = np.concatenate([getattr(part, item.name) for part in parts])
            np.testing.assert_array_equal(getattr(whole, item.name), joined)
    assert (whole.venue == CONSOLIDATED).all()


def test_exchanges_of_one_instant_may_come_in_any_order() -> None:
    """The quote that stands after the instant is the same."""
    quotes = quotes_of(
        [5] * 4, [1.0, 1.1, 0, 0], [0, 0, 1.3, 1.2], venue=[1, 2, 3, 4], bid_size=[1] * 4, ask_size=[1] * 4
    )
    rng = np.random.default_rng(0)
    for _ in range(10):
        last = rows_of(builder().on_quotes(rows_of(quotes, rng.permutation(4))), [-1])
        assert (last.bid[0], last.ask[0], last.bid_size[0], last.ask_size[0]) == (1.1, 1.2, 1.0, 1.0)


def test_a_missing_side_stands_or_falls_by_the_setting() -> None:
    """One-sided rows leave the other side; two-sided rows withdraw it."""
    quotes = quotes_of([1, 2], [1.0, 1.1], [1.2, 0.0], venue=[3, 3], bid_size=[1, 1], ask_size=[2, 0])
    kept = builder(one_sided=True).on_quotes(quotes)
    assert (kept.bid.tolist(), kept.ask.tolist()) == ([1.0, 1.1], [1.2, 1.2])
    gone = builder(one_sided=False).on_quotes(quotes)
    assert np.isnan(gone.ask[1])
    assert gone.ask_size[1] == 0.0


def test_an_unchanged_quote_is_told_again_before_it_looks_old() -> None:
    """Renewals by the exchange keep it alive downstream."""
    quotes = quotes_of(range(0, 100, 5), [1.0] * 20, [1.1] * 20, venue=[1] * 20, bid_size=[1] * 20, ask_size=[1] * 20)
    assert builder(max_age_ns=100).on_quotes(quotes).ts_ns.tolist() == [0, 25, 50, 75]


def test_consolidated_quotes_and_no_age_are_refused() -> None:
    """With what to do instead."""
    with pytest.raises(DataError, match="to the signer directly"):
        builder().on_quotes(quotes_of([1], [1.0], [1.1]))
    with pytest.raises(ConfigError, match="age limit"):
        builder(max_age_ns=0)
