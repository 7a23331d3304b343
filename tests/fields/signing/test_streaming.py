"""A stream in any pieces against the history at once; repeats, late rows and bounds."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fields.signing.config import SigningConfig
from fields.signing.messages import SignedTrades, SigningStatus
from fields.signing.signer import TradeSigner, sign_trades
from fields.signing.steps import SigningRule
from market.contracts import ContractIndex
from market.trades import UNDERLYING, ContractTable, QuoteBatch, TradeBatch, TradeFlag
from tests.fields.signing.tapes import CONTRACTS, quotes_of, random_tape, rows_of, trades_of


def known_index() -> ContractIndex:
    """Return a numbering that has the contracts of the tests."""
    index = ContractIndex()
    index.register(CONTRACTS)
    return index


def assert_equal(one: SignedTrades, other: SignedTrades) -> None:
    """Bit by bit, in every column."""
    for item in fields(SignedTrades):
        np.testing.assert_array_equal(getattr(one, item.name), getattr(other, item.name), err_msg=item.name)


def rows_of_table(order: list[int]) -> ContractTable:
    """Return the contract table in another order."""
    return ContractTable(
        series=CONTRACTS.series,
        series_index=CONTRACTS.series_index[order],
        strike=CONTRACTS.strike[order],
        is_call=CONTRACTS.is_call[order],
    )


def streamed(
    trades: TradeBatch, quotes: QuoteBatch, config: SigningConfig, cuts: list[int]
) -> tuple[SignedTrades, TradeSigner]:
    """Sign in pieces: before each piece of trades come the quotes that its trades may ask for."""
    signer, parts, given_quotes, start = TradeSigner(config, known_index()), [], 0, 0
    # The newest quote that a trade so far may ask for; late quotes before it in the message order come along.
    needed = np.searchsorted(
        np.maximum.accumulate(quotes.ts_ns), np.maximum.accumulate(trades.ts_ns) - config.quote_lag_ns, side="left"
    )
    for stop in [*sorted(cuts), trades.n_trades]:
        if stop > start:
            upto = max(given_quotes, int(needed[stop - 1]))
            signer.on_quotes(rows_of(quotes, slice(given_quotes, upto)))
            given_quotes = upto
        parts.append(signer.on_trades(rows_of(trades, slice(start, max(start, stop)))))
        start = max(start, stop)
    parts.append(signer.flush())
    return SignedTrades.join(parts), signer


@settings(max_examples=200, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    rule=st.sampled_from(list(SigningRule)),
    cuts=st.lists(st.integers(0, 120), max_size=12),
    lag_ns=st.sampled_from([0, 5, -3]),
    max_waiting=st.sampled_from([1, 3, 1_000]),
    window=st.sampled_from([4, 1_000]),
)
def test_any_cut_of_the_stream_gives_the_history(
    seed: int, rule: SigningRule, cuts: list[int], lag_ns: int, max_waiting: int, window: int
) -> None:
    """Every column of every row is the same, also for late and repeated rows."""
    trades, quotes = random_tape(np.random.default_rng(seed), orderly=seed % 3 > 0)
    config = SigningConfig(rule=rule, quote_lag_ns=lag_ns, max_waiting=max_waiting, duplicate_window=window)
    # A late quote that the history knows may come too late for a trade in pieces: the stream has quotes in order.
    quotes = rows_of(quotes, np.argsort(quotes.ts_ns, kind="stable"))
    joined, signer = streamed(trades, quotes, config, cuts)
    assert_equal(joined, sign_trades(trades, quotes, config, known_index()))
    assert signer.counts.lost_quotes == 0
    assert signer.counts.trades == trades.n_trades
    assert signer.counts.unsigned == int((joined.aggressor == 0).sum())


def test_late_quotes_are_left_out_in_both_ways() -> None:
    """A quote older than one of its contract and venue before it changes nothing, and a stream counts it."""
    trades, quotes = random_tape(np.random.default_rng(3), n_quotes=400)
    config = SigningConfig(rule=SigningRule.STACKED)
    signer = TradeSigner(config, known_index())
    signer.on_quotes(quotes)
    joined = SignedTrades.join([signer.on_trades(trades), signer.flush()])
    assert_equal(joined, sign_trades(trades, quotes, config, known_index()))
    assert signer.counts.late_quotes > 10


def test_rules_without_the_reverse_tick_release_at_once() -> None:
    """The default needs no future: each call returns its own trades, in their order."""
    trades, quotes = random_tape(np.random.default_rng(1))
    signer = TradeSigner(SigningConfig())
    signer.on_quotes(quotes)
    for start in range(0, 120, 40):
        part = signer.on_trades(rows_of(trades, slice(start, start + 40)))
        assert part.row.tolist() == list(range(start, start + 40))
    assert signer.flush().n_trades == 0


def test_the_reverse_tick_releases_when_another_price_comes() -> None:
    """Rows wait for it, by contract; the oldest is given up where too many wait."""
    signer = TradeSigner(SigningConfig(rule=SigningRule.REVERSE_TICK, max_waiting=2))
    assert signer.on_trades(trades_of([1, 2], [1.00, 5.00], contract=[0, 1])).n_trades == 0
    assert signer.counts.waiting == 2
    second = signer.on_trades(trades_of([3], [1.02], contract=[0]))
    assert (second.row.tolist(), second.aggressor.tolist()) == ([0], [-1])
    third = signer.on_trades(trades_of([4, 5], [5.00, 5.00], contract=[1, 1]))
    assert (third.row.tolist(), third.aggressor.tolist()) == ([1], [0])
    assert third.reasons(0) == "no other price followed in time"
    rest = signer.flush()
    assert rest.row.tolist() == [2, 3, 4]
    assert (rest.status & SigningStatus.UNRESOLVED).all()
    assert signer.counts.waiting == 0


def test_a_repeated_print_is_signed_once() -> None:
    """By contract and number; the same number in another contract is another trade."""
    signer = TradeSigner(SigningConfig(rule=SigningRule.TICK))
    signer.on_trades(trades_of([1, 2], [1.00, 1.01], trade_id=[7, 8], contract=[0, 0]))
    again = signer.on_trades(trades_of([2, 3, 4], [1.01, 1.02, 3.00], trade_id=[8, 9, 8], contract=[0, 0, 1]))
    assert again.aggressor.tolist() == [0, 1, 0]
    assert again.reasons(0) == "the print has been told before"
    assert again.reasons(2) == ""
    assert signer.counts.duplicates == 1


def test_a_late_trade_is_flagged_and_signed_by_the_quote_of_its_instant() -> None:
    """It is no tick for others and has none itself."""
    signer = TradeSigner(SigningConfig())
    signer.on_quotes(quotes_of([0, 10, 20], [1.00, 1.10, 1.20], [1.02, 1.12, 1.22]))
    signed = signer.on_trades(trades_of([25, 15, 16, 26], [1.21, 1.12, 1.11, 1.21]))
    assert signed.aggressor.tolist() == [0, 1, 0, 0]
    assert signed.flags.tolist() == [0, TradeFlag.OUT_OF_SEQUENCE, TradeFlag.OUT_OF_SEQUENCE, 0]
    assert signed.reasons(1) == "arrived after a newer trade of the contract"
    assert signed.probability[1] == pytest.approx(0.55)
    assert signer.counts.late_trades == 2


def test_held_quotes_are_bounded_and_a_lost_one_is_told() -> None:
    """The standing quote of a quiet contract stays; a late trade that asks too far back gets no sign and a reason."""
    config = SigningConfig(rule=SigningRule.QUOTE, max_held_quotes=64, max_quote_age_ns=10**9)
    signer = TradeSigner(config)
    signer.on_quotes(quotes_of([0], [2.00], [2.10], contract=[1]))
    sizes = set()
    for start in range(1, 10_001, 500):
        signer.on_quotes(quotes_of(range(start, start + 500), [1.00] * 500, [1.10] * 500))
        sizes.add(signer._quotes.nbytes)
    assert len(sizes) == 1
    signed = signer.on_trades(
        trades_of([10_001, 10_001, 9_980, 5_000], [2.10, 1.0, 1.1, 1.1], contract=[1, -1, -1, -1])
    )
    assert signed.aggressor.tolist() == [1, -1, 1, 0]
    assert signed.status[3] & SigningStatus.LOST_QUOTE
    assert signer.counts.lost_quotes == 1


def test_contracts_keep_their_numbers_whatever_the_table() -> None:
    """A table with the contracts in another order speaks of the same contracts; the underlying stays apart."""
    other = rows_of_table([2, 0, 1])
    signer = TradeSigner(SigningConfig())
    signer.on_quotes(quotes_of([0, 0], [1.00, 7.00], [1.10, 7.10], contract=[0, 2]))
    signed = signer.on_trades(trades_of([1, 1, 1], [1.10, 7.00, 7.0], contract=[1, 0, UNDERLYING], contracts=other))
    assert signed.contract.tolist() == [0, 2, UNDERLYING]
    assert signed.aggressor.tolist() == [1, -1, 0]


def test_a_clock_that_jumps_ahead_costs_ticks_and_not_quotes() -> None:
    """Later trades of its contract are late until then and counted; other contracts do not feel it."""
    signer = TradeSigner(SigningConfig())
    signer.on_quotes(quotes_of([0, 0], [1.00, 2.00], [1.10, 2.10], contract=[0, 1]))
    signed = signer.on_trades(trades_of([1, 10**15, 2, 3], [1.10, 1.0, 1.10, 2.00], contract=[0, 0, 0, 1]))
    assert signed.aggressor.tolist() == [1, -1, 1, -1]
    assert signed.reasons(1) == "the quote is older than the limit"
    assert signed.probability.tolist() == pytest.approx([0.6, 0.5, 0.55, 0.6])
    assert signer.counts.late_trades == 1


@pytest.mark.parametrize("rule", list(SigningRule))
def test_empty_and_read_only_batches_are_taken(rule: SigningRule) -> None:
    """As they come from a store of shared arrays, and before anything has happened."""
    trades, quotes = random_tape(np.random.default_rng(4))
    for batch in (trades, quotes):
        for item in fields(batch):
            if isinstance(getattr(batch, item.name), np.ndarray):
                getattr(batch, item.name).flags.writeable = False
    config = SigningConfig(rule=rule)
    signer = TradeSigner(config)
    assert signer.on_trades(rows_of(trades, slice(0, 0))).n_trades == 0
    signer.on_quotes(rows_of(quotes, slice(0, 0)))
    assert signer.flush().n_trades == 0
    assert sign_trades(trades, quotes, config).n_trades == trades.n_trades
    assert sign_trades(rows_of(trades, slice(0, 0)), quotes, config).n_trades == 0
