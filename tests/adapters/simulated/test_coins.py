"""A simulated exchange of coins: what is listed, what trades, who holds it, and what ends at 08:00 UTC."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pytest

from adapters.simulated import CoinFactory, CoinFeed, CoinMarketConfig, SimulatedCoins, coin_config, exchange_config
from adapters.simulated.coin_board import coin_expirations
from market.bars import BarBatch
from market.chains import OptionChain
from market.clock import datetime_of_ns
from market.contracts import ContractIndex
from market.errors import ConfigError
from market.funding import FundingBatch
from market.instruments import product_of
from market.ports import MarketBatch
from market.trades import UNDERLYING

_HOUR_NS = 3_600 * 10**9
_BTC = replace(exchange_config("deribit", ("BTC",), seed=3), step_s=300.0)
# Half an hour before 08:00 UTC.
_MORNING = replace(_BTC, start_ns=_BTC.start_ns + 20 * _HOUR_NS - 1_800 * 10**9)


def _played(config: CoinMarketConfig, steps: int) -> Iterator[tuple[SimulatedCoins, MarketBatch]]:
    feed = CoinFeed(config)
    for _ in range(steps):
        yield feed.market, feed.next_batch()


def _by_number(chain: OptionChain, index: ContractIndex, values: np.ndarray) -> dict[int, float]:
    return dict(zip(index.register(chain).tolist(), values.tolist(), strict=True))


def test_days_that_are_listed_stay_until_they_have_come() -> None:
    """Days, Fridays, last Fridays of months and of quarters, at 08:00 UTC, over a year and its ends."""
    (coin,) = _BTC.coins
    listed: set[date] = set()
    for day in range(380):
        now_ns = _BTC.start_ns + day * 24 * _HOUR_NS
        today = datetime_of_ns(now_ns).date()
        found = coin_expirations(now_ns, coin)
        assert {item for item in listed if item > today} <= set(found)
        assert {today + timedelta(days=ahead) for ahead in (1, 2, 3)} <= set(found)
        far = [item for item in found if item > today + timedelta(days=3)]
        assert all(item.weekday() == 4 for item in far)
        assert sum(item.month % 3 == 0 and (item + timedelta(days=7)).month != item.month for item in found) >= 4
        listed = set(found)


def test_a_chain_looks_like_that_of_an_exchange_and_is_marked_as_simulated() -> None:
    """About a thousand contracts, dollars per coin, the venue's volatility and forward; quotes lie around values."""
    market, batch = next(_played(_BTC, 1))
    (chain,), truth = batch.chains, market.truth("BTC")
    assert 900 <= chain.n_contracts <= 1_100
    assert chain.series[0].product == product_of("BTC@DERIBIT")
    assert chain.symbols[0].startswith(b"BTC-2JAN25-")
    assert ((chain.bid <= truth.price + 1e-6) & (truth.price <= chain.ask + 1e-6)).all()
    np.testing.assert_allclose(chain.vendor_iv, truth.implied_vol, atol=1e-4)
    forward = chain.vendor_forward[chain.series_index]
    ticks = chain.bid / forward / 0.0001
    np.testing.assert_allclose(ticks, np.rint(ticks), atol=0.01)
    parts = (*batch.chains, *batch.quotes, *batch.books, *batch.context)
    assert all(part.provenance.simulated for part in parts)
    assert (batch.quotes[0].symbol, batch.books[0].market) == ("BTC", "BTC/USD:BTC")


def test_values_admit_no_arbitrage() -> None:
    """Within an expiration calls fall and are convex in the strike, parity holds; variance rises with time."""
    market = SimulatedCoins(_BTC)
    (chain,), truth = market.chains(), market.truth("BTC")
    for place in range(len(chain.series)):
        own = chain.series_index == place
        strike, call, put = chain.strike[own & chain.is_call], truth.price[own & chain.is_call], truth.price[own][1::2]
        slope = np.diff(call) / np.diff(strike)
        assert ((slope <= 1e-9) & (slope >= -1.0 - 1e-9)).all()
        assert (np.diff(slope) >= -1e-7).all()
        np.testing.assert_allclose(call - put, chain.vendor_forward[place] - strike, atol=1e-3)
    near = [np.argmin(abs(chain.strike - chain.spot_last) + 1e9 * (chain.series_index != n)) for n in range(11)]
    years = (chain.expiry_ns - chain.ts_event_ns) / (365.0 * 24 * _HOUR_NS)
    assert (np.diff(truth.implied_vol[near] ** 2 * years) > 0.0).all()


def test_customers_and_dealers_hold_opposites_and_open_interest_follows_each_trade() -> None:
    """A contract that has not traded keeps its open interest; signed trades are the dealers' change."""
    before: dict[str, dict[int, float]] = {}
    index, traded = ContractIndex(), 0
    for market, batch in _played(_BTC, 30):
        (chain,), truth = batch.chains, market.truth("BTC")
        np.testing.assert_allclose(truth.customer_position.sum(axis=0), -truth.dealer_position, atol=1e-6)
        assert (np.abs(truth.dealer_position) <= chain.open_interest + 1e-6).all()
        interest, dealers = (_by_number(chain, index, v) for v in (chain.open_interest, truth.dealer_position))
        bought: dict[int, float] = {}
        moved: dict[int, float] = {}
        for trades in (item for item in batch.trades if item.contract[0] != UNDERLYING):
            numbers = index.register(trades.contracts)[trades.contract]
            for number, size, side in zip(numbers.tolist(), trades.size, trades.aggressor, strict=True):
                bought[number] = bought.get(number, 0.0) + float(size * side)
                moved[number] = moved.get(number, 0.0) + float(size)
            traded += trades.n_trades
        for number, held in before.get("dealers", {}).items():
            assert dealers[number] == pytest.approx(held - bought.get(number, 0.0), abs=1e-6)
            assert abs(interest[number] - before["interest"][number]) <= moved.get(number, 0.0) + 1e-6
        before = {"dealers": dealers, "interest": interest}
    assert traded > 500


def test_at_eight_what_has_ended_settles_on_the_index_and_others_are_listed() -> None:
    """Open interest of the other expirations is carried over to the contract; volume begins again."""
    batches = [(batch, market.settlements) for market, batch in _played(_MORNING, 8)]
    (old, _), (new, settled) = next(
        (before, after) for before, after in pairwise(batches) if after[0].ts_event_ns % (24 * _HOUR_NS) == 8 * _HOUR_NS
    )
    was, now = old.chains[0], new.chains[0]
    assert was.series[0].expiry_ns == new.ts_event_ns < now.series[0].expiry_ns
    assert [item.expiration for item in settled] == [was.series[0].expiration]
    assert settled[0].price == pytest.approx(now.spot_last, abs=0.01)
    assert settled[0].contracts > 0.0
    assert now.volume.max() == 0.0
    kept = dict(zip(now.symbols.tolist(), now.open_interest.tolist(), strict=True))
    held = [name for name, size in zip(was.symbols.tolist(), was.open_interest, strict=True) if size > 0.0]
    prefix = b"BTC-2JAN25-"
    assert {name for name in held if not name.startswith(prefix)} <= kept.keys()
    assert not any(name.startswith(prefix) for name in kept)


def test_prints_of_the_perpetual_make_its_volume_and_lean_to_where_the_price_goes() -> None:
    """Numbers are consecutive, prices those of the quote before; buyers are aggressors where it rises."""
    seen, last, before = [], 0, None
    for _, batch in _played(replace(_BTC, step_s=60.0), 100):
        for trades in (item for item in batch.trades if item.contract[0] == UNDERLYING):
            (bar,) = (item for item in batch.context if isinstance(item, BarBatch))
            assert trades.trade_id.tolist() == list(range(last + 1, last + 1 + trades.n_trades))
            last = int(trades.trade_id[-1])
            assert float(trades.size.sum()) == pytest.approx(float(bar.volume[0]))
            assert before is not None
            assert set(trades.price.tolist()) <= {float(before.bid[0]), float(before.ask[0])}
            assert (np.diff(trades.ts_ns) >= 0).all()
            flow = float((trades.size * trades.aggressor).sum() / trades.size.sum())
            seen.append((flow, float(np.log(bar.close[0] / bar.open[0]))))
        (before,) = batch.quotes
    flow, move = np.array(seen).T
    assert np.corrcoef(flow, move)[0, 1] > 0.5


def test_a_rewind_over_eight_o_clock_tells_the_same_again() -> None:
    """Byte for byte, from a checkpoint and from the seed."""
    feed = CoinFeed(replace(_MORNING, step_s=60.0, history_s=3_600.0))
    first = [pickle.dumps(feed.next_batch()) for _ in range(80)]
    for sequence in (70, 10, -1):
        feed.rewind(sequence)
        assert [pickle.dumps(feed.next_batch()) for _ in range(3)] == first[sequence + 1 : sequence + 4]
    assert (
        CoinFeed(replace(_MORNING, seed=4)).next_batch().chains[0].bid.tolist() != feed.market.chains()[0].bid.tolist()
    )


def test_the_past_of_the_perpetuals_ends_where_the_market_begins() -> None:
    """Bars minute by minute and hourly payments up to the start, from which prices go on."""
    market = SimulatedCoins(replace(_BTC, history_s=7_200.0))
    bars = [item for item in market.history if isinstance(item, BarBatch)]
    paid = [item for item in market.history if isinstance(item, FundingBatch)]
    assert (len(bars), len(paid), market.sequence) == (120, 2, 0)
    assert int(bars[-1].end_ns[0]) == market.now_ns == _BTC.start_ns
    assert float(bars[-1].close[0]) == market.truth("BTC").mark


def test_a_factory_crosses_a_process_and_coins_have_their_simulated_names() -> None:
    """A recipe is pickled, a feed is not."""
    factory = pickle.loads(pickle.dumps(CoinFactory(config=coin_config())))  # noqa: S301  # our own bytes
    feed = factory()
    assert feed.symbols == ("SIM.BTC", "SIM.ETH")
    batch = feed.next_batch()
    assert [chain.series[0].product.underlying for chain in batch.chains] == ["SIM.BTC", "SIM.ETH"]


def test_exchanges_list_coins_in_their_own_terms() -> None:
    """Premiums in coin or in dollars, funding each hour or each eight."""
    (deribit,), (bybit,) = exchange_config("deribit", ("ETH",)).coins, exchange_config("bybit", ("ETH",)).coins
    assert (deribit.is_inverse, bybit.is_inverse) == (True, False)
    assert (deribit.perpetual.funding_interval_s, bybit.perpetual.funding_interval_s) == (3_600.0, 28_800.0)
    assert (deribit.perpetual.symbol, bybit.perpetual.symbol) == ("ETH/USD:ETH", "ETH/USDT:USDT")


def test_markets_that_cannot_be_are_refused() -> None:
    """Other coins and exchanges, options that would end between two payments, nothing to list."""
    (coin,) = _BTC.coins
    with pytest.raises(ConfigError, match="coin"):
        exchange_config("deribit", ("DOGE",))
    with pytest.raises(ConfigError, match="exchange"):
        exchange_config("nowhere", ("BTC",))
    with pytest.raises(ConfigError, match="payment"):
        replace(coin, perpetual=replace(coin.perpetual, funding_interval_s=7_000.0))
    with pytest.raises(ConfigError, match="nothing to list"):
        replace(coin, strikes_each=2)
    with pytest.raises(ConfigError, match="distinct"):
        replace(_BTC, coins=(coin, coin))
    with pytest.raises(ConfigError, match="chain_every"):
        replace(_BTC, chain_every=0)
    with pytest.raises(ConfigError, match="08:00"):
        replace(coin, product=product_of("SPXW"))
