"""Deribit through the unmodified ccxt client, against the emulated exchange."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow.parquet as pq
import pytest

from adapters.chains import open_chains
from adapters.emulated import Fault, FaultKind
from adapters.emulated.coin_records import CoinMarket, CoinRecords
from adapters.emulated.deribit import DeribitFront
from market.clock import iso_of_ns
from market.errors import VenueError
from market.instruments import product_of
from market.ports import MarketBatch
from tests.adapters.ccxt_markets.coins import HOUR_NS, Bench, bars_of, bench, funding_of, instants, ns, real, ticks

PERPETUAL = CoinMarket(
    base="BTC", quote="USD", settle="BTC", venue_symbol="BTC-PERPETUAL", tick=0.5, lot=10.0, contract_size=10.0
)
NOW = "2024-01-09T12:30"


@pytest.fixture
def perpetual() -> Iterator[Bench]:
    """A perpetual with forty days of hourly bars and funding, a quote and four trades."""
    start = ns("2023-12-01") + HOUR_NS * np.arange(960, dtype=np.int64)
    price = 30_000.0 + np.arange(960) % 11
    columns = {"open": price, "high": price + 2.5, "low": price - 1.0, "close": price + 0.5, "volume": price / 1e4}
    records = CoinRecords(
        markets=(PERPETUAL,),
        bars={PERPETUAL.symbol: bars_of(PERPETUAL.symbol, start, columns)},
        funding={PERPETUAL.symbol: funding_of(PERPETUAL.symbol, start, np.linspace(-1e-5, 2e-5, 960))},
    )
    with bench(DeribitFront(records), NOW, (ticks(PERPETUAL.symbol, ns(NOW)),)) as made:
        yield made


@pytest.mark.data
@pytest.mark.parametrize("coin", ["BTC", "ETH"])
def test_a_recorded_chain_reads_back_equal_in_dollars(coin: str) -> None:
    """Premiums in coin become USD by each expiry's forward; volatility per cent, open interest and names stand."""
    path = real("crypto_options/btc_eth_deribit_daily.parquet")
    recorded = next(chain for chain in open_chains(path) if chain.symbol == coin)
    batch = MarketBatch(sequence=0, ts_event_ns=recorded.ts_event_ns, chains=(recorded,))
    with bench(DeribitFront(CoinRecords(markets=(PERPETUAL,))), "2020-01-01", (batch,)) as made:
        found = made.venue("deribit").option_chain(coin)
    table = pq.read_table(path)
    own = (instants(table["snapshot_utc"]) == recorded.ts_event_ns) & np.asarray(
        table["underlying"].to_numpy(zero_copy_only=False) == coin
    )
    rows = {str(row["instrument"]).encode(): row for row in table.filter(own).to_pylist()}
    assert found.n_contracts == recorded.n_contracts == len(rows)
    assert found.ts_event_ns == recorded.ts_event_ns
    assert {series.product for series in found.series} == {product_of(f"{coin}@DERIBIT")}
    told = [rows[bytes(symbol)] for symbol in found.symbols]
    for side in ("bid", "ask"):
        usd = np.array([(row[side] or 0.0) * row["underlying_price"] for row in told])
        # The recorder's forwards of one expiry are some cents apart; a chain has one.
        np.testing.assert_allclose(getattr(found, side), usd, rtol=3e-5)
        coin_price = np.round(getattr(found, side) / found.vendor_forward[found.series_index], 4)
        np.testing.assert_array_equal(coin_price, [row[side] or 0.0 for row in told])
    np.testing.assert_array_equal(found.vendor_iv, [row["mark_iv"] / 100.0 for row in told])
    np.testing.assert_array_equal(found.open_interest, [row["open_interest"] for row in told])
    np.testing.assert_array_equal(found.strike, [row["strike"] for row in told])
    days = [np.datetime64(row["expiry"], "D") for row in told]
    np.testing.assert_array_equal([np.datetime64(found.series[i].expiration) for i in found.series_index], days)
    assert {iso_of_ns(series.expiry_ns)[11:16] for series in found.series} == {"08:00"}


def test_hourly_funding_is_that_of_the_hour_and_not_of_eight(perpetual: Bench) -> None:
    """ccxt tells the overlapping 8-hour rate each hour: summed, it would be paid eight times."""
    venue = perpetual.venue("deribit")
    found = venue.funding_history(PERPETUAL.symbol, ns("2023-12-02"), ns("2024-01-09"))
    assert found.n_rows == 38 * 24
    assert set(found.interval_ns.tolist()) == {HOUR_NS}
    np.testing.assert_array_equal(found.rate, np.linspace(-1e-5, 2e-5, 960)[24 : 24 + 38 * 24])
    assert set(found.index.tolist()) == {30_000.0}
    now = venue.funding(PERPETUAL.symbol)
    assert now.interval_ns[0] == 8 * HOUR_NS
    assert now.is_settled[0]
    assert now.rate[0] == pytest.approx(np.linspace(-1e-5, 2e-5, 960)[941:949].sum(), rel=1e-12)


def test_sizes_in_dollars_become_coins(perpetual: Bench) -> None:
    """Deribit counts an inverse perpetual in USD, not in its contracts of 10 USD."""
    venue, served = perpetual.venue("deribit"), ticks(PERPETUAL.symbol, ns(NOW))
    trades = venue.recent_trades(PERPETUAL.symbol)
    np.testing.assert_allclose(trades.size, served.trades[0].size, rtol=1e-9)
    for column in ("ts_ns", "trade_id", "price", "aggressor"):
        np.testing.assert_array_equal(getattr(trades, column), getattr(served.trades[0], column))
    for quotes in (venue.quotes([PERPETUAL.symbol])[0], venue.top_of_book(PERPETUAL.symbol)):
        assert (quotes.bid[0], quotes.ask[0]) == (30_000.0, 30_000.5)
        assert quotes.bid_size[0] == pytest.approx(1.5, rel=1e-9)


def test_bars_read_back_equal_without_the_one_that_has_not_ended(perpetual: Bench) -> None:
    """Forty days of hours over two pages."""
    found = perpetual.venue("deribit").bars(PERPETUAL.symbol, "1h", ns("2023-12-01"), ns("2024-02-01"))
    assert found.n_bars == 39 * 24 + 12
    np.testing.assert_array_equal(found.close, 30_000.5 + np.arange(found.n_bars) % 11)


@pytest.mark.parametrize("kind", [FaultKind.RATE_LIMITED, FaultKind.SERVER_ERROR, FaultKind.TRUNCATED])
def test_a_passing_fault_leaves_the_funding_whole(perpetual: Bench, kind: FaultKind) -> None:
    """The call is made again after a pause."""
    venue = perpetual.venue("deribit")
    venue.instruments()
    perpetual.server.faults.add(Fault(kind=kind, path="/api/v2/public/get_funding_rate_history", status=500))
    found = venue.funding_history(PERPETUAL.symbol, ns("2024-01-01"), ns("2024-01-03"))
    assert found.n_rows == 48
    assert len(perpetual.pauses) == 1


def test_a_broken_exchange_is_told_as_such(perpetual: Bench) -> None:
    """An internal error that stays ends in an error that may be retried."""
    venue = perpetual.venue("deribit", attempts=2)
    perpetual.server.faults.add(Fault(kind=FaultKind.SERVER_ERROR, times=0, status=500))
    with pytest.raises(VenueError, match="internal_server_error") as caught:
        venue.instruments()
    assert caught.value.retryable
