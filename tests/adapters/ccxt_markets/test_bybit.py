"""Bybit v5 through the unmodified ccxt client, against the emulated exchange."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow.parquet as pq
import pytest

from adapters.ccxt_markets import Credentials, MarketKind
from adapters.chains import open_chains
from adapters.emulated import Fault, FaultKind
from adapters.emulated.bybit import BybitFront
from adapters.emulated.coin_records import CoinMarket, CoinRecords
from market.errors import VenueError
from market.ports import MarketBatch
from tests.adapters.ccxt_markets.coins import (
    HOUR_NS,
    PERPETUAL,
    SPOT,
    Bench,
    bars_of,
    bench,
    funding_of,
    instants,
    ns,
    real,
    ticks,
)

KEYS = Credentials(key="K" * 18, secret="S" * 36)  # pragma: allowlist secret
SOL = CoinMarket(base="SOL", quote="USDT", settle="USDT", funding_interval_ns=HOUR_NS // 2)
NOW = "2024-03-01T12:30"


@pytest.fixture
def desk() -> Iterator[Bench]:
    """Sixty days of hourly bars and payments of two perpetuals, quotes and trades of spot and perpetual."""
    start = ns("2024-01-01") + HOUR_NS * np.arange(1500, dtype=np.int64)
    price = 30_000.0 + np.arange(1500) % 13
    columns = {"open": price, "high": price + 2.5, "low": price - 1.0, "close": price + 0.5, "volume": price / 1e4}
    records = CoinRecords(
        markets=(SPOT, PERPETUAL, SOL),
        bars={PERPETUAL.symbol: bars_of(PERPETUAL.symbol, start, columns)},
        funding={
            PERPETUAL.symbol: funding_of(PERPETUAL.symbol, start[::8], np.linspace(-1e-4, 2e-4, 188)),
            SOL.symbol: funding_of(SOL.symbol, start, np.linspace(-1e-4, 2e-4, 1500)),
        },
        keys={KEYS.key: KEYS.secret},
    )
    batches = tuple(ticks(symbol, ns(NOW)) for symbol in (SPOT.symbol, PERPETUAL.symbol))
    with bench(BybitFront(records), NOW, batches) as made:
        yield made


@pytest.mark.data
def test_recorded_funding_reads_back_equal_in_pages_of_200() -> None:
    """Three and a half years of payments: every instant and rate, each for 8 hours."""
    table = pq.read_table(real("crypto/btc_funding_multi_exchange_2020_2023.parquet"))
    rows = table.filter(np.asarray(table["exchange"].to_numpy(zero_copy_only=False) == "bybit"))
    ts_ns, rate = instants(rows["funding_time"]), rows["funding_rate"].to_numpy()
    recorded = funding_of(PERPETUAL.symbol, ts_ns, rate)
    records = CoinRecords(markets=(PERPETUAL,), funding={PERPETUAL.symbol: recorded})
    with bench(BybitFront(records), "2024-01-02") as made:
        found = made.venue("bybit").funding_history(PERPETUAL.symbol, int(ts_ns[1]), ns("2024-01-02"))
    np.testing.assert_array_equal(found.ts_ns, ts_ns[1:])
    np.testing.assert_array_equal(found.rate, rate[1:])
    assert set(found.interval_ns.tolist()) == {8 * HOUR_NS}


def test_a_page_that_is_cut_at_its_old_end_loses_nothing(desk: Bench) -> None:
    """Payments came each hour, more often than today's market tells: 200 rows do not cover the span asked for."""
    found = desk.venue("bybit").funding_history(PERPETUAL.symbol, ns("2024-01-02"), ns("2024-02-20"))
    assert found.n_rows == 49 * 3
    hourly = desk.venue("bybit").funding_history(SOL.symbol, ns("2024-01-02"), ns("2024-02-20"))
    np.testing.assert_array_equal(hourly.ts_ns, ns("2024-01-02") + HOUR_NS * np.arange(49 * 24))
    assert set(hourly.interval_ns.tolist()) == {HOUR_NS}


def test_a_long_read_goes_on_where_it_stopped(desk: Bench) -> None:
    """Pages up to a break and a second read from behind the last row give the same as one read."""
    venue, span = desk.venue("bybit"), (ns("2024-01-02"), ns("2024-02-20"))
    whole = venue.funding_history(SOL.symbol, *span)
    first = next(venue.funding_pages(SOL.symbol, *span))
    rest = venue.funding_history(SOL.symbol, int(first.ts_ns[-1]) + 1, span[1])
    for column in ("ts_ns", "rate", "interval_ns"):
        joined = np.concatenate([getattr(first, column), getattr(rest, column)])
        np.testing.assert_array_equal(joined, getattr(whole, column))


def test_the_forecast_of_funding_has_the_interval_of_the_market(desk: Bench) -> None:
    """Minutes as the market tells them: 480, and 30, which whole hours would lose."""
    venue = desk.venue("bybit")
    found = {symbol: venue.funding(symbol) for symbol in (PERPETUAL.symbol, SOL.symbol)}
    assert found[PERPETUAL.symbol].interval_ns[0] == 8 * HOUR_NS
    assert found[SOL.symbol].interval_ns[0] == HOUR_NS // 2
    assert found[PERPETUAL.symbol].funding_ns[0] == ns("2024-03-01T16:00")
    assert found[PERPETUAL.symbol].index[0] == 30_000.0


@pytest.mark.data
def test_a_chain_in_dollars_reads_back_equal() -> None:
    """Bybit quotes in USDT and tells Greeks: prices, volatility and open interest come back as they were served."""
    path = real("crypto_options/btc_eth_okx_daily.parquet")
    served = next(chain for chain in open_chains(path) if chain.symbol == "BTC")
    batch = MarketBatch(sequence=0, ts_event_ns=served.ts_event_ns, chains=(served,))
    with bench(BybitFront(CoinRecords(markets=(SPOT,))), "2020-01-01", (batch,)) as made:
        found = made.venue("bybit").option_chain("BTC")
    assert found.n_contracts == served.n_contracts
    for column in ("strike", "is_call", "bid", "ask", "vendor_iv", "vendor_delta", "vendor_gamma", "open_interest"):
        np.testing.assert_array_equal(getattr(found, column), getattr(served, column), err_msg=column)
    assert [series.expiry_ns for series in found.series] == [series.expiry_ns for series in served.series]
    assert {(series.product.root, series.product.multiplier) for series in found.series} == {("BTC@BYBIT.USDT", 1.0)}
    assert found.spot_last == served.spot_last


def test_bars_quotes_trades_and_terms_read_back_equal(desk: Bench) -> None:
    """More than a page of bars, the best quote, trades with their side, and what the exchange lists."""
    venue, served = desk.venue("bybit"), ticks(PERPETUAL.symbol, ns(NOW))
    bars = venue.bars(PERPETUAL.symbol, "1h", ns("2024-01-01"), ns("2024-04-01"))
    assert bars.n_bars == 60 * 24 + 12
    np.testing.assert_array_equal(bars.close, 30_000.5 + np.arange(bars.n_bars) % 13)
    for symbol in (SPOT.symbol, PERPETUAL.symbol):
        trades = venue.recent_trades(symbol)
        for column in ("ts_ns", "trade_id", "price", "size", "aggressor"):
            np.testing.assert_array_equal(getattr(trades, column), getattr(served.trades[0], column))
        for quotes in (venue.quotes([symbol])[0], venue.top_of_book(symbol)):
            assert (quotes.bid[0], quotes.ask[0], quotes.bid_size[0]) == (30_000.0, 30_000.5, 1.5)
    terms = venue.terms(PERPETUAL.symbol)
    assert (terms.kind, terms.tick, terms.lot, terms.min_cost) == (MarketKind.PERPETUAL, 0.1, 0.001, 5.0)


@pytest.mark.parametrize("kind", [FaultKind.RATE_LIMITED, FaultKind.SERVER_ERROR, FaultKind.HTML_ERROR])
def test_a_passing_fault_leaves_the_bars_whole(desk: Bench, kind: FaultKind) -> None:
    """An error that comes with status 200 and a code is known by its code, and the call is made again."""
    venue = desk.venue("bybit")
    venue.instruments()
    desk.server.faults.add(Fault(kind=kind, path="/v5/market/kline", delay_s=3.0))
    found = venue.bars(PERPETUAL.symbol, "1h", ns("2024-01-01"), ns("2024-01-05"))
    assert found.n_bars == 96
    assert len(desk.pauses) == 1
    if kind is FaultKind.RATE_LIMITED:
        assert desk.pauses == [3.0]  # until the limit begins anew, as the headers tell


def test_a_request_with_a_key_is_signed(desk: Bench) -> None:
    """A right key is taken; a wrong secret, a clock far ahead and a revoked key are refused for good."""
    assert desk.venue("bybit", KEYS).instruments()
    assert desk.server.requests.of("/v5/asset/coin/query-info")
    with pytest.raises(VenueError, match="check the key") as wrong:
        desk.venue("bybit", Credentials(key=KEYS.key, secret=KEYS.key)).instruments()
    with pytest.raises(VenueError, match="set this machine's clock") as late:
        desk.venue("bybit", KEYS, ahead_ns=60_000_000_000).instruments()
    assert not wrong.value.retryable
    assert not late.value.retryable
    assert desk.pauses == []
