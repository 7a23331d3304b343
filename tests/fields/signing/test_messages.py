"""The aggressor is not the dealer, and net flow is right on average."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import get_type_hints

import numpy as np
import pytest

from fields.signing.config import SigningConfig, StepAccuracy
from fields.signing.messages import DealerSide, SignedTrades, dealer_side, unbiased_flow
from fields.signing.minutes import minute_volumes, signing_coverage
from fields.signing.signer import sign_trades
from fields.signing.steps import SigningRule, SigningStep
from market.errors import DataError
from market.trades import TradeFlag
from tests.fields.signing.tapes import quotes_of, random_tape, rows_of, trades_of

MINUTE_NS = 60_000_000_000


def bought_call() -> SignedTrades:
    """Return one customer's purchase of five calls at the ask."""
    return sign_trades(
        trades_of([1], [1.10], contract=[0], size=[5]), quotes_of([0], [1.00], [1.10], contract=[0]), SigningConfig()
    )


def test_a_customer_who_buys_a_call_makes_a_dealer_short() -> None:
    """Aggressor +1, dealer -1."""
    signed = bought_call()
    assert signed.aggressor.tolist() == [1]
    assert dealer_side(signed).dealer_side.tolist() == [-1]


def test_dealer_and_aggressor_share_neither_type_nor_name() -> None:
    """Neither can be given where the other is asked for: no field of one is a field of the other."""
    names = ({item.name for item in fields(kind)} for kind in (SignedTrades, DealerSide))
    assert not set.intersection(*names)
    assert get_type_hints(dealer_side) == {"signed": SignedTrades, "return": DealerSide}
    with pytest.raises(AttributeError):
        unbiased_flow(dealer_side(bought_call()))  # type: ignore[arg-type]


def test_net_flow_is_unbiased_and_its_variance_is_right() -> None:
    """Signs that are wrong as often as they say: mean and variance of the corrected flow are the true ones."""
    rng = np.random.default_rng(8)
    n, p, size = 200_000, 0.7, 3.0
    truth = np.where(rng.random(n) < 0.8, 1, -1).astype(np.int8)
    told = np.where(rng.random(n) < p, truth, -truth).astype(np.int8)
    trades = trades_of(range(n), np.ones(n), size=np.full(n, size), aggressor=told)
    config = SigningConfig(rule=SigningRule.VENUE, accuracy=StepAccuracy(venue=p))
    flow = unbiased_flow(sign_trades(trades, quotes_of([], [], []), config))
    error = flow.aggressor_size - truth * size
    assert abs(error.mean()) < 4.0 * np.sqrt(flow.variance[0] / n)
    assert error.var() == pytest.approx(flow.variance[0], rel=0.01)
    assert flow.variance[0] == pytest.approx(size**2 * 4.0 * p * (1.0 - p) / (2.0 * p - 1.0) ** 2)


def test_a_sign_no_better_than_a_coin_is_no_flow() -> None:
    """0 with variance size squared; a repeated or excluded print has neither flow nor variance."""
    flags = [0, 0, TradeFlag.CANCELLED, 0, 0]
    trades = trades_of([1, 2, 3, 4, 4], [1.0] * 5, size=[2, 3, 4, 5, 5], flags=flags, trade_id=[1, 2, 3, 4, 4],
                       aggressor=[0, 1, 1, 1, 1])  # fmt: skip
    config = SigningConfig(rule=SigningRule.VENUE, accuracy=StepAccuracy(venue=0.505))
    flow = unbiased_flow(sign_trades(trades, quotes_of([], [], []), config))
    assert flow.aggressor_size.tolist() == [0.0] * 5
    assert flow.variance.tolist() == [4.0, 9.0, 0.0, 25.0, 0.0]
    sure = unbiased_flow(sign_trades(trades, quotes_of([], [], []), SigningConfig(rule=SigningRule.VENUE)))
    assert sure.aggressor_size.tolist() == [0.0, 3.0, 0.0, 5.0, 0.0]
    assert sure.variance.tolist() == [4.0, 0.0, 0.0, 0.0, 0.0]


def test_minute_volumes_equal_a_count_by_hand() -> None:
    """By minute and contract; the net is the dealers': sold by aggressors less bought."""
    ts_ns = np.array([0, 1, 59, 60, 61, 61]) * 1_000_000_000
    trades = trades_of(ts_ns, [1.0] * 6, contract=[0, 0, 1, 0, 0, 0], size=[1, 2, 4, 8, 16, 32],
                       aggressor=[1, -1, 1, -1, 0, -1])  # fmt: skip
    volumes = minute_volumes(sign_trades(trades, quotes_of([], [], []), SigningConfig(rule=SigningRule.VENUE)))
    assert volumes.minute_ns.tolist() == [0, 0, MINUTE_NS]
    assert volumes.contract.tolist() == [0, 1, 0]
    assert volumes.buy_volume.tolist() == [1.0, 4.0, 0.0]
    assert volumes.sell_volume.tolist() == [2.0, 0.0, 40.0]
    assert volumes.unknown_volume.tolist() == [0.0, 0.0, 16.0]
    assert volumes.dealer_net.tolist() == [1.0, -4.0, 40.0]


def test_minute_volumes_do_not_depend_on_the_order_of_rows() -> None:
    """And nothing is lost: all volume that counts is in one of the three columns."""
    trades, quotes = random_tape(np.random.default_rng(2))
    trades = replace(trades, ts_ns=trades.ts_ns * 3_000_000_000, trade_id=np.full(trades.n_trades, -1))
    signed = sign_trades(trades, quotes, SigningConfig(rule=SigningRule.VENUE))
    order = np.random.default_rng(3).permutation(trades.n_trades)
    moved = sign_trades(rows_of(trades, order), quotes, SigningConfig(rule=SigningRule.VENUE))
    one, other = minute_volumes(signed), minute_volumes(moved)
    for item in fields(one):
        np.testing.assert_array_equal(getattr(one, item.name), getattr(other, item.name))
    kept = (trades.flags & TradeFlag.CANCELLED) == 0
    assert float((one.buy_volume + one.sell_volume + one.unknown_volume).sum()) == float(trades.size[kept].sum())


def test_coverage_tells_which_step_signed_how_much() -> None:
    """Shares of trades and of volume that add up to one; of nothing they are NaN."""
    trades = trades_of([1, 2, 3], [1.10, 1.05, 1.05], size=[1, 2, 1])
    coverage = signing_coverage(sign_trades(trades, quotes_of([0], [1.00], [1.10]), SigningConfig()))
    assert coverage.trades[SigningStep.QUOTE_NATIONAL] == pytest.approx(1 / 3)
    assert coverage.volume[SigningStep.TICK] == pytest.approx(3 / 4)
    assert float(coverage.volume.sum()) == pytest.approx(1.0)
    empty = sign_trades(trades_of([], []), quotes_of([], [], []), SigningConfig())
    assert np.isnan(signing_coverage(empty).trades).all()


def test_columns_of_unequal_length_are_refused() -> None:
    """With the name of the column."""
    with pytest.raises(DataError, match="signed trades array probability"):
        replace(bought_call(), probability=np.zeros(2))
