"""Each rule by hand, and against a slow reference on tapes full of ties and faults."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from fields.signing.config import FlagWeights, SigningConfig, StepAccuracy
from fields.signing.messages import SigningStatus
from fields.signing.signer import sign_trades
from fields.signing.steps import SigningRule, SigningStep
from market.errors import ConfigError
from market.trades import QuoteBatch, TradeBatch, TradeFlag
from tests.fields.signing import reference
from tests.fields.signing.tapes import quotes_of, random_tape, rows_of, trades_of

RULES = list(SigningRule)


def sides(rule: SigningRule, trades: TradeBatch, quotes: QuoteBatch, **settings: Any) -> list[int]:
    """Return the signs of one rule."""
    return [int(side) for side in sign_trades(trades, quotes, SigningConfig(rule=rule, **settings)).aggressor]


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_equals_the_slow_reference(rule: SigningRule) -> None:
    """Bit by bit, with lags of both signs, an age limit and the venue's word on and off."""
    for seed in range(12):
        trades, quotes = random_tape(np.random.default_rng(seed))
        config = SigningConfig(
            rule=rule,
            prefer_venue=seed % 2 == 0,
            quote_lag_ns=(0, 3, -4)[seed % 3],
            max_quote_age_ns=(1_000, 15)[seed % 2],
        )
        assert sign_trades(trades, quotes, config).aggressor.tolist() == reference.sides(trades, quotes, config)


def test_a_trade_meets_the_quote_strictly_before_it() -> None:
    """A quote of the trade's own instant is its consequence; the lag moves the instant that is asked."""
    quotes = quotes_of([10, 20], [1.00, 1.10], [1.02, 1.12])
    trades = trades_of([10, 11, 20, 21], [1.02, 1.02, 1.02, 1.02])
    assert sides(SigningRule.QUOTE, trades, quotes) == [0, 1, 1, -1]
    assert sides(SigningRule.QUOTE, trades, quotes, quote_lag_ns=1) == [0, 0, 1, 1]
    assert sides(SigningRule.QUOTE, trades, quotes, quote_lag_ns=-1) == [1, 1, -1, -1]


def test_an_old_quote_does_not_stand() -> None:
    """Beyond the age limit there is no quote, and the status says why."""
    quotes = quotes_of([0], [1.00], [1.02])
    signed = sign_trades(trades_of([100, 101], [1.02, 1.02]), quotes, SigningConfig(max_quote_age_ns=100))
    assert signed.aggressor.tolist() == [1, 0]
    assert signed.reasons(0) == ""
    assert signed.reasons(1) == "the quote is older than the limit"


def test_locked_crossed_and_one_sided_quotes_decide_nothing() -> None:
    """They are flagged and the tick rule takes over where the rule has one."""
    quotes = quotes_of([0, 10, 20, 30], [1.00, 1.03, 1.05, 0.0], [1.02, 1.03, 1.04, 1.10])
    trades = trades_of([5, 15, 25, 35], [1.02, 1.03, 1.03, 1.03])
    signed = sign_trades(trades, quotes, SigningConfig(rule=SigningRule.QUOTE))
    assert signed.aggressor.tolist() == [1, 0, 0, 0]
    assert signed.status.tolist() == [0, SigningStatus.LOCKED, SigningStatus.CROSSED, SigningStatus.ONE_SIDED]
    assert sides(SigningRule.LEE_READY, trades, quotes) == [1, 1, 1, 1]


def test_tick_compares_with_the_last_different_price_of_the_contract() -> None:
    """A zero tick keeps the direction of the last change (defect 14); the first price has none and stays unknown."""
    trades = trades_of([1, 2, 3, 4, 5, 6], [1.00, 1.01, 1.01, 5.00, 1.01, 1.00], contract=[0, 0, 0, 1, 0, 0])
    none = quotes_of([], [], [])
    assert sides(SigningRule.TICK, trades, none) == [0, 1, 1, 0, 1, -1]
    assert sides(SigningRule.REVERSE_TICK, trades, none) == [-1, 1, 1, 0, 1, 0]


def test_a_mid_that_floats_miss_is_the_mid() -> None:
    """1.1 and 1.3 have the mid 1.2 although their sum in floats is not 2.4."""
    assert sides(SigningRule.QUOTE, trades_of([5], [1.2]), quotes_of([0], [1.1], [1.3])) == [0]
    assert sides(SigningRule.LEE_READY, trades_of([1, 5], [1.1, 1.2]), quotes_of([2], [1.1], [1.3])) == [0, 1]


def test_emo_and_clnv_trust_the_quotes_only_near_them() -> None:
    """EMO at the quotes, CLNV in the outer 30 % with the inner end open; everything else goes to the tick rule."""
    price = [0.99, 1.00, 1.02, 1.03, 1.05, 1.07, 1.08, 1.10, 1.11]
    quotes = quotes_of([0], [1.00], [1.10])
    trades = trades_of(range(1, 10), price)  # rising, so the tick says buy
    found = [sign_trades(trades, quotes, SigningConfig(rule=rule)) for rule in (SigningRule.EMO, SigningRule.CLNV)]
    at, outer, tick = SigningStep.AT_QUOTE, SigningStep.OUTER_QUOTE, SigningStep.TICK
    assert found[0].source.tolist() == [0, at, tick, tick, tick, tick, tick, at, tick]
    assert found[0].aggressor.tolist() == [0, -1, 1, 1, 1, 1, 1, 1, 1]
    assert found[1].source.tolist() == [0, outer, outer, tick, tick, tick, outer, outer, tick]
    assert found[1].aggressor.tolist() == [0, -1, -1, 1, 1, 1, 1, 1, 1]


def test_depth_and_size_decide_by_the_quoted_sizes() -> None:
    """More offered at the mid is a buy; a trade of the bid's size near the quotes is the bid's owner buying."""
    quotes = quotes_of([0, 10, 20], [1.00] * 3, [1.10] * 3, bid_size=[3, 9, 5], ask_size=[7, 2, 5])
    mid = trades_of([5, 15, 25], [1.05] * 3)
    assert sides(SigningRule.DEPTH, mid, quotes) == [1, -1, 0]
    at_bid = trades_of([5, 6, 15, 25], [1.00, 1.05, 1.00, 1.00], size=[3, 3, 2, 5])
    assert sides(SigningRule.TRADE_SIZE, at_bid, quotes) == [1, 0, -1, 0]
    assert sides(SigningRule.QUOTE, at_bid, quotes) == [-1, 0, -1, -1]


def test_the_stack_asks_the_exchange_of_the_trade() -> None:
    """Trade size on the exchange goes first, then the national quote, then the exchange's own, depth and the tick."""
    quotes = quotes_of([0, 0], [1.00, 1.00], [1.10, 1.04], venue=[-1, 4], bid_size=[30, 5], ask_size=[30, 6])
    trades = trades_of([1, 2, 3, 4, 5], [1.00, 1.00, 1.05, 1.05, 1.01], venue=[4, 4, 4, -1, 9], size=[5, 1, 1, 1, 5])
    signed = sign_trades(trades, quotes, SigningConfig(rule=SigningRule.STACKED))
    step = SigningStep
    assert signed.source.tolist() == [
        step.SIZE_EXCHANGE, step.QUOTE_NATIONAL, step.QUOTE_EXCHANGE, step.REVERSE_TICK, step.QUOTE_NATIONAL,
    ]  # fmt: skip
    assert signed.aggressor.tolist() == [1, -1, 1, 1, -1]


def test_cancelled_prints_are_no_price_and_complex_legs_are_a_coin() -> None:
    """A cancelled print is not signed; a complex leg has a sign of probability one half and moves no tick."""
    flags = [0, TradeFlag.CANCELLED, TradeFlag.COMPLEX, 0]
    trades = trades_of([1, 2, 3, 4], [1.00, 2.00, 1.09, 1.01], flags=flags)
    signed = sign_trades(trades, quotes_of([0], [1.00], [1.10]), SigningConfig())
    assert signed.aggressor.tolist() == [-1, 0, 1, -1]
    assert signed.probability.tolist() == [0.6, 0.5, 0.5, 0.6]
    assert signed.reasons(1) == "prints of this kind are excluded"
    assert sides(SigningRule.TICK, trades, quotes_of([], [], [])) == [0, 0, 0, 1]


def test_probability_is_that_of_the_deciding_step() -> None:
    """Weighted by what the print is, except where the venue has told the side."""
    accuracy, weights = StepAccuracy(quote_national=0.9, tick=0.7), FlagWeights(bar=0.5, auction=0.25)
    both = TradeFlag.BAR | TradeFlag.AUCTION
    trades = trades_of([1, 2, 3, 4], [1.00, 1.05, 1.00, 1.00], flags=[0, 0, both, both], aggressor=[0, 0, 0, 1])
    config = SigningConfig(accuracy=accuracy, weights=weights)
    signed = sign_trades(trades, quotes_of([0], [1.00], [1.10]), config)
    assert signed.probability.tolist() == pytest.approx([0.9, 0.7, 0.5 + 0.4 * 0.125, 1.0])
    assert signed.aggressor.tolist() == [-1, 1, -1, 1]


@pytest.mark.parametrize("rule", RULES)
def test_order_within_an_instant_does_not_matter_where_prices_do_not_order_it(rule: SigningRule) -> None:
    """Trades of one instant, contract and price may change places, and so may rows of different contracts."""
    rng = np.random.default_rng(5)
    trades, quotes = random_tape(rng, orderly=True)
    trades = replace(trades, trade_id=np.full(trades.n_trades, -1), flags=np.zeros(trades.n_trades, dtype=np.uint8))
    if rule not in (SigningRule.QUOTE, SigningRule.VENUE, SigningRule.DEPTH, SigningRule.TRADE_SIZE):
        # The tick steps read the order of different prices: one price an instant leaves no such order.
        trades = replace(trades, price=(95 + trades.ts_ns * 7 % 11) / 100)
    shuffled = np.lexsort((rng.random(trades.n_trades), trades.ts_ns))
    config = SigningConfig(rule=rule)
    plain, moved = sign_trades(trades, quotes, config), sign_trades(rows_of(trades, shuffled), quotes, config)
    np.testing.assert_array_equal(plain.aggressor[shuffled], moved.aggressor)
    np.testing.assert_array_equal(plain.probability[shuffled], moved.probability)


def test_the_last_quote_of_an_instant_stands() -> None:
    """In the order of the messages; rows of other contracts and venues in between do not matter."""
    trades = trades_of([5], [1.05], contract=[0])
    quotes = quotes_of([1, 1, 1], [1.00, 9.0, 1.04], [1.02, 9.5, 1.10], contract=[0, 1, 0])
    assert sides(SigningRule.QUOTE, trades, quotes) == [-1]
    assert sides(SigningRule.QUOTE, trades, rows_of(quotes, [1, 2, 0])) == [1]


def test_settings_out_of_range_are_refused() -> None:
    """With the name of the setting and its range."""
    with pytest.raises(ConfigError, match=r"tick of trade signing is out of range; found 0\.4; expected 0\.5 to 1"):
        StepAccuracy(tick=0.4)
    with pytest.raises(ConfigError, match="max_waiting"):
        SigningConfig(max_waiting=0)
