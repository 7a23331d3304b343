"""Perpetual futures: funding that is paid among the traders, a premium that stays near zero, and no closing bell."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.simulated import (
    PerpetualFactory,
    PerpetualFeed,
    PerpetualMarketConfig,
    SimulatedPerpetual,
    SimulatedPerpetuals,
    funding_rate,
)
from market.bars import BarBatch
from market.errors import ConfigError
from market.funding import FundingBatch
from market.ports import MarketBatch

_HOUR_NS = 3_600_000_000_000
_BTC = SimulatedPerpetual(symbol="SIM.BTC/USDT:USDT", spot=94_000.0)
_ETH = SimulatedPerpetual(symbol="SIM.ETH/USDT:USDT", spot=3_400.0, funding_interval_s=14_400.0, tick=0.01)
_CONFIG = PerpetualMarketConfig(symbols=(_BTC, _ETH), step_s=600.0, seed=3)


def _ran(steps: int, config: PerpetualMarketConfig = _CONFIG) -> SimulatedPerpetuals:
    market = SimulatedPerpetuals(config)
    for _ in range(steps):
        market.step()
    return market


def test_funding_sums_to_zero_between_longs_and_shorts() -> None:
    """After days of payments what some received others paid, and positions sum to zero."""
    market = _ran(600)
    for name in market.names:
        truth = market.truth(name)
        paid = np.abs(truth.funding_usd).sum()
        assert truth.position.sum() == 0
        assert paid > 1_000.0
        assert abs(truth.funding_usd.sum()) < 1e-9 * paid


def test_shorts_receive_what_longs_pay_where_the_rate_is_positive() -> None:
    """One payment moves cash by minus rate times position times mark, account by account."""
    market = _ran(47, replace(_CONFIG, symbols=(_BTC,)))
    before = market.truth(_BTC.symbol)
    market.step()
    after, (batch,) = market.truth(_BTC.symbol), market.funding()
    assert batch.is_settled.tolist() == [True, False]
    expected = -batch.rate[0] * after.position * _BTC.contract_size * after.mark
    np.testing.assert_allclose(after.funding_usd - before.funding_usd, expected, rtol=1e-9, atol=1e-6)


def test_payments_come_at_the_venues_own_interval() -> None:
    """Every eight hours for one, every four for the other, on the full hour, whatever the step."""
    market = SimulatedPerpetuals(replace(_CONFIG, step_s=7_000.0))
    paid: dict[str, list[int]] = {name: [] for name in market.names}
    while market.now_ns < _CONFIG.start_ns + 48 * _HOUR_NS:
        market.step()
        for batch in market.funding():
            paid[batch.symbol] += batch.funding_ns[batch.is_settled].tolist()
            assert np.all(batch.funding_ns[~batch.is_settled] > market.now_ns)
    for name, hours in ((_BTC.symbol, 8), (_ETH.symbol, 4)):
        assert np.unique(np.diff(paid[name])).tolist() == [hours * _HOUR_NS]
        assert len(paid[name]) == 48 // hours
        assert paid[name][0] % (hours * _HOUR_NS) == 0


@given(premium=st.floats(-0.01, 0.01), hours=st.sampled_from([1.0, 4.0, 8.0]))
def test_the_rate_follows_the_published_rule(premium: float, hours: float) -> None:
    """Near the interest rate it is that rate; beyond the clamp it follows the premium; it scales with its interval."""
    rate = float(
        funding_rate(
            np.array([premium]), np.array([3_600.0 * hours]), np.array([1e-4]), np.array([5e-4]), np.array([0.02])
        )[0]
    )
    near = abs(premium - 1e-4) <= 5e-4
    expected = 1e-4 if near else premium - 5e-4 if premium > 1e-4 else premium + 5e-4
    assert rate == pytest.approx(expected * hours / 8.0, abs=1e-15)


def test_mark_is_index_and_basis_together() -> None:
    """What the messages say of mark, index and basis agrees, and quotes stand around the mark."""
    market = _ran(5)
    for funding, quotes, bars in zip(market.funding(), market.quotes(), market.bars(), strict=True):
        truth = market.truth(funding.symbol)
        np.testing.assert_allclose(funding.basis, truth.mark / truth.index - 1.0, rtol=1e-9)
        assert quotes.bid[0] <= truth.mark <= quotes.ask[0]
        assert bars.low[0] <= min(bars.open[0], bars.close[0]) <= max(bars.open[0], bars.close[0]) <= bars.high[0]
        assert funding.provenance.simulated


def test_bars_join_without_gaps_through_payments() -> None:
    """Each bar opens where and when the one before closed."""
    market, end, close = SimulatedPerpetuals(replace(_CONFIG, step_s=7_000.0)), _CONFIG.start_ns, 0.0
    for step in range(12):
        market.step()
        (bar, _) = market.bars()
        assert bar.start_ns[0] == end
        assert step == 0 or bar.open[0] == close
        end, close = int(bar.end_ns[0]), float(bar.close[0])


def test_the_same_seed_gives_the_same_market_also_from_a_checkpoint() -> None:
    """Restored in the middle, it ends where it ended, and the checkpoint can be used again."""
    market = _ran(20)
    saved = market.checkpoint()
    ends = []
    for _ in range(2):
        market.restore(saved)
        for _ in range(60):
            market.step()
        ends.append((market.truth(_ETH.symbol), market.funding()[0].rate.tolist()))
    other = _ran(80)
    np.testing.assert_array_equal(ends[0][0].funding_usd, other.truth(_ETH.symbol).funding_usd)
    assert ends[0][0].mark == ends[1][0].mark == other.truth(_ETH.symbol).mark
    assert ends[0][1] == ends[1][1]


@pytest.mark.data
def test_basis_and_rates_are_in_the_range_of_recorded_ones(data_root: Path) -> None:
    """Mean, spread and persistence of a quarter's rates, beside the years 2020 to 2024 of one large venue."""
    table = pd.read_parquet(data_root / "crypto" / "binance_funding_8h.parquet").sort_values("funding_time")
    real = table.loc[table["symbol"].astype(str).str.contains("BTC"), "funding_rate"].to_numpy()
    market = SimulatedPerpetuals(replace(_CONFIG, symbols=(_BTC,), step_s=3_600.0))
    rates: list[float] = []
    while len(rates) < 270:
        market.step()
        (batch,) = market.funding()
        rates += batch.rate[batch.is_settled].tolist()
    found = np.array(rates)
    yearly = real[: 5 * 1_095].reshape(5, -1)
    assert yearly.mean(axis=1).min() < found.mean() < yearly.mean(axis=1).max()
    assert 0.3 * yearly.std(axis=1).min() < found.std() < yearly.std(axis=1).max()
    assert np.corrcoef(found[:-1], found[1:])[0, 1] > 0.2
    assert np.median(found) == pytest.approx(float(np.median(real)), abs=2e-5)


def test_markets_that_cannot_be_are_refused() -> None:
    """Names differ, intervals are spans of time."""
    with pytest.raises(ConfigError, match="no market"):
        replace(_CONFIG, symbols=(_BTC, _BTC))
    with pytest.raises(ConfigError, match="funding_interval_s"):
        replace(_BTC, funding_interval_s=0.0)


def _rates(batch: MarketBatch) -> list[float]:
    return [rate for item in batch.context if isinstance(item, FundingBatch) for rate in item.rate.tolist()]


def test_a_factory_crosses_a_process_and_opens_the_same_feed() -> None:
    """A recipe is pickled, a feed is not."""
    factory = pickle.loads(pickle.dumps(PerpetualFactory(config=_CONFIG)))  # noqa: S301  # our own bytes
    assert factory().symbols == (_BTC.symbol, _ETH.symbol)


def test_the_feed_tells_funding_and_bars_as_context_and_rewinds() -> None:
    """After a rewind the same batches come again; the first has quotes and forecasts and no bar."""
    feed = PerpetualFeed(_CONFIG, 0.5)
    first = [feed.next_batch() for _ in range(80)]
    assert [batch.sequence for batch in first] == list(range(80))
    assert not any(isinstance(item, BarBatch) for item in first[0].context)
    told = [item for item in first[1].context if isinstance(item, BarBatch | FundingBatch)]
    assert {item.symbol for item in told} == set(feed.symbols)
    assert all(item.provenance.simulated for batch in first for item in batch.context)
    feed.rewind(69)
    again = feed.next_batch()
    assert again.sequence == 70
    assert _rates(again) == _rates(first[70])
    np.testing.assert_array_equal(again.quotes[0].bid, first[70].quotes[0].bid)
