"""Binance spot and perpetuals through the unmodified ccxt client, against the emulated exchange."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import ccxt
import numpy as np
import pyarrow.parquet as pq
import pytest

from adapters.ccxt_markets import CcxtVenue, Credentials, MarketKind, missing_bars
from adapters.emulated import Fault, FaultKind
from adapters.emulated.binance import BinanceFront
from adapters.emulated.coin_records import CoinMarket, CoinRecords
from market.errors import ConfigError, VenueError
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
    real_bars,
    ticks,
)

KEYS = Credentials(key="K" * 24, secret="S" * 24)  # pragma: allowlist secret


@pytest.fixture
def hours() -> Iterator[Bench]:
    """Ten days of bars of a spot market, with quotes and trades of spot and perpetual."""
    start = ns("2024-01-01") + HOUR_NS * np.arange(240, dtype=np.int64)
    price = 30_000.0 + np.arange(240) % 7
    columns = {"open": price, "high": price + 2.5, "low": price - 1.0, "close": price + 0.5, "volume": price / 1e4}
    records = CoinRecords(
        markets=(SPOT, PERPETUAL, CoinMarket(base="SOL", quote="USDT", settle="USDT", funding_interval_ns=4 * HOUR_NS)),
        bars={SPOT.symbol: bars_of(SPOT.symbol, start, columns)},
        funding={
            PERPETUAL.symbol: funding_of(PERPETUAL.symbol, start[::8], np.linspace(-1e-4, 2e-4, 30)),
            "SOL/USDT:USDT": funding_of("SOL/USDT:USDT", start[::4], np.linspace(-1e-4, 2e-4, 60)),
        },
        keys={KEYS.key: KEYS.secret},
    )
    at = ns("2024-01-09T12:30")
    with bench(BinanceFront(records), "2024-01-09T12:30", (ticks("BTC/USDT", at), ticks("BTC/USDT:USDT", at))) as made:
        yield made


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "symbol", "first", "last"),
    [
        ("crypto/btcusdt_spot_1h.parquet", "BTC/USDT", "2023-01-01", "2023-06-01"),
        ("crypto/btcusdt_perp_1h.parquet", "BTC/USDT:USDT", "2023-01-01", "2023-03-01"),
    ],
)
def test_recorded_bars_read_back_equal_over_many_pages(name: str, symbol: str, first: str, last: str) -> None:
    """What Binance recorded comes back bar by bar: instants, prices and volumes, none made up."""
    recorded = real_bars(name, symbol, first, last)
    records = CoinRecords(markets=(SPOT, PERPETUAL), bars={symbol: recorded})
    with bench(BinanceFront(records), "2024-01-01") as made:
        found = made.venue("binance").bars(symbol, "1h", ns(first), ns(last))
    for column in ("start_ns", "end_ns", "open", "high", "low", "close", "volume"):
        np.testing.assert_array_equal(getattr(found, column), getattr(recorded, column), err_msg=column)
    assert found.provenance.simulated
    assert found.ts_event_ns == found.end_ns[-1]


@pytest.mark.data
def test_the_halt_of_2023_03_24_stays_a_gap() -> None:
    """Spot trading stood still: the bar before is without volume, the bar of 13:00 is missing and is reported."""
    recorded = real_bars("crypto/btcusdt_spot_1h.parquet", "BTC/USDT", "2023-03-24", "2023-03-25")
    with bench(BinanceFront(CoinRecords(markets=(SPOT,), bars={"BTC/USDT": recorded})), "2023-04-01") as made:
        venue = made.venue("binance")
        found = venue.bars("BTC/USDT", "1h", ns("2023-03-24"), ns("2023-03-25"))
        gaps = venue.missing(found, "1h", ns("2023-03-24"), ns("2023-03-25"))
    assert ns("2023-03-24T13:00") not in found.start_ns
    assert found.volume[found.start_ns == ns("2023-03-24T12:00")].item() == 0.0
    assert [(gap.first_ns, gap.last_ns, gap.n_missing) for gap in gaps] == [
        (ns("2023-03-24T13:00"), ns("2023-03-24T14:00"), 1)
    ]


@pytest.mark.data
def test_every_stretch_without_bars_is_found() -> None:
    """Four years of spot hours hold seven stretches of maintenance, and all missing hours lie in them."""
    first, last = "2021-01-01", "2025-01-01"
    recorded = real_bars("crypto/btcusdt_spot_1h.parquet", "BTC/USDT", first, last)
    gaps = missing_bars(recorded, bar_ns=HOUR_NS, start_ns=ns(first), end_ns=ns(last))
    assert len(gaps) == 7
    assert sum(gap.n_missing for gap in gaps) == (ns(last) - ns(first)) // HOUR_NS - recorded.n_bars
    assert all((gap.last_ns - gap.first_ns) // HOUR_NS == gap.n_missing for gap in gaps)


@pytest.mark.data
def test_recorded_funding_reads_back_equal_with_the_intervals_of_its_time() -> None:
    """SOL was paid every 8, 4 and 2 hours: each payment keeps the interval of its day, not of today."""
    table = pq.read_table(real("crypto/binance_funding_8h.parquet"))
    rows = table.filter(np.asarray(table["symbol"].to_numpy(zero_copy_only=False) == "SOLUSDT"))
    ts_ns, rate = instants(rows["funding_time"]), rows["funding_rate"].to_numpy()
    market = CoinMarket(base="SOL", quote="USDT", settle="USDT")
    recorded = funding_of(market.symbol, ts_ns, rate, mark=rows["mark_price"].to_numpy())
    with bench(BinanceFront(CoinRecords(markets=(market,), funding={market.symbol: recorded})), "2025-02-01") as made:
        found = made.venue("binanceusdm").funding_history(market.symbol, int(ts_ns[1]), ns("2025-02-01"))
    np.testing.assert_array_equal(found.ts_ns, ts_ns[1:])
    np.testing.assert_array_equal(found.rate, rate[1:])
    np.testing.assert_array_equal(found.mark, recorded.mark[1:])
    distance = np.rint(np.diff(ts_ns) / HOUR_NS).astype(np.int64)
    np.testing.assert_array_equal(found.interval_ns // HOUR_NS, distance)
    assert {2, 4, 8} <= set((found.interval_ns // HOUR_NS).tolist())


def test_the_forecast_of_funding_has_the_interval_that_binance_tells(hours: Bench) -> None:
    """Binance lists only intervals other than 8 hours; both kinds come out right, and the rate is not yet paid."""
    venue = hours.venue("binance")
    found = {symbol: venue.funding(symbol) for symbol in ("BTC/USDT:USDT", "SOL/USDT:USDT")}
    assert {symbol: int(batch.interval_ns[0]) // HOUR_NS for symbol, batch in found.items()} == {
        "BTC/USDT:USDT": 8,
        "SOL/USDT:USDT": 4,
    }
    assert found["BTC/USDT:USDT"].funding_ns[0] == ns("2024-01-09T16:00")
    assert not found["BTC/USDT:USDT"].is_settled[0]


def test_the_bar_that_has_not_ended_is_left_out(hours: Bench) -> None:
    """At 12:30 the bar of 12:00 stands at the exchange, but nobody can know how it ends."""
    found = hours.venue("binance").bars("BTC/USDT", "1h", ns("2024-01-08"), ns("2024-01-10"))
    assert found.end_ns[-1] == ns("2024-01-09T12:00")
    assert found.n_bars == 36


def test_quotes_and_trades_read_back_equal_with_the_true_aggressor(hours: Bench) -> None:
    """Best bid and ask with sizes, and trades in order with the side that crossed, for spot and perpetual."""
    venue, served = hours.venue("binance"), ticks("BTC/USDT", ns("2024-01-09T12:30"))
    for symbol in ("BTC/USDT", "BTC/USDT:USDT"):
        trades = venue.recent_trades(symbol)
        for column in ("ts_ns", "trade_id", "price", "size", "aggressor"):
            np.testing.assert_array_equal(getattr(trades, column), getattr(served.trades[0], column))
        for quotes in (venue.quotes([symbol])[0], venue.top_of_book(symbol)):
            assert (quotes.bid[0], quotes.ask[0]) == (30_000.0, 30_000.5)
            assert (quotes.bid_size[0], quotes.ask_size[0]) == (1.5, 0.75)


@pytest.mark.data
def test_recorded_trades_read_back_with_the_side_that_crossed() -> None:
    """The newest thousand recorded prints: number, price, size, millisecond and true aggressor."""
    table = pq.read_table(real("microstructure/binance_spot_btcusdt_20240808_trades.parquet"))
    ts_ns = table["exch_ts_ms"].to_numpy().astype(np.int64) * 1_000_000
    ids, first = np.unique(table["trade_id"].to_numpy(), return_index=True)
    order = first[np.lexsort((ids, ts_ns[first]))][-1000:]
    n, made = order.shape[0], ticks("BTC/USDT", int(ts_ns.max())).trades[0]
    printed = replace(
        made,
        contract=np.full(n, -1, dtype=np.int32),
        ts_ns=ts_ns[order],
        trade_id=table["trade_id"].to_numpy()[order].astype(np.int64),
        price=table["price"].to_numpy()[order].astype(np.float64),
        size=table["qty"].to_numpy()[order].astype(np.float64),
        flags=np.zeros(n, dtype=np.uint8),
        venue=np.full(n, -1, dtype=np.int16),
        aggressor=table["aggressor"].to_numpy()[order].astype(np.int8),
    )
    batch = MarketBatch(sequence=0, ts_event_ns=int(ts_ns.max()), chains=(), trades=(printed,))
    with bench(BinanceFront(CoinRecords(markets=(SPOT,))), "2020-01-01", (batch,)) as desk:
        found = desk.venue("binance").recent_trades("BTC/USDT")
    for column in ("ts_ns", "trade_id", "price", "size", "aggressor"):
        np.testing.assert_array_equal(getattr(found, column), getattr(printed, column), err_msg=column)


def test_a_halted_market_is_listed_as_such() -> None:
    """During a halt the market stays listed, and is told not to trade."""
    halted = CoinMarket(base="BTC", quote="USDT", is_active=False)
    with bench(BinanceFront(CoinRecords(markets=(halted,))), "2023-03-24T13:00") as made:
        assert not made.venue("binance").terms("BTC/USDT").is_active


def test_terms_of_markets_are_read(hours: Bench) -> None:
    """Kind, tick, lot and size of a contract come from the exchange."""
    found = {item.symbol: item for item in hours.venue("binance").instruments()}
    spot, perpetual = found["BTC/USDT"], found["BTC/USDT:USDT"]
    assert (spot.kind, spot.tick, spot.lot, spot.min_cost) == (MarketKind.SPOT, 0.01, 0.00001, 5.0)
    assert (perpetual.kind, perpetual.tick, perpetual.contract_size) == (MarketKind.PERPETUAL, 0.1, 1.0)
    assert (perpetual.settle, perpetual.expiry_ns, perpetual.is_inverse) == ("USDT", 0, False)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind=FaultKind.RATE_LIMITED, path="/api/v3/klines", delay_s=7.0),
        Fault(kind=FaultKind.SERVER_ERROR, path="/api/v3/klines", times=2),
        Fault(kind=FaultKind.HTML_ERROR, path="/api/v3/klines", status=502, times=2),
        Fault(kind=FaultKind.HTML_ERROR, path="/api/v3/klines", status=200),
        Fault(kind=FaultKind.TRUNCATED, path="/api/v3/klines"),
        Fault(kind=FaultKind.DISCONNECT, path="/api/v3/klines"),
    ],
)
def test_a_passing_fault_leaves_the_bars_whole(hours: Bench, fault: Fault) -> None:
    """The call is made again after a pause, and nothing is missing or twice."""
    venue = hours.venue("binance")
    venue.instruments()
    hours.server.faults.add(fault)
    found = venue.bars("BTC/USDT", "1h", ns("2024-01-01"), ns("2024-01-05"))
    assert found.n_bars == 96
    assert (np.diff(found.start_ns) == HOUR_NS).all()
    assert hours.server.faults.fired(fault.kind) == fault.times == len(hours.pauses)
    if fault.kind is FaultKind.RATE_LIMITED:
        assert hours.pauses == [7.0]


def test_a_fault_that_stays_ends_in_an_error_that_may_be_retried(hours: Bench) -> None:
    """After the last attempt the error says who, what and that trying later may help."""
    venue = hours.venue("binance", attempts=3)
    venue.instruments()
    hours.server.faults.add(Fault(kind=FaultKind.SERVER_ERROR, path="/api/v3/klines", times=0))
    with pytest.raises(VenueError, match="binance failed at fetch_ohlcv") as caught:
        venue.bars("BTC/USDT", "1h", ns("2024-01-01"), ns("2024-01-05"))
    assert caught.value.retryable
    assert hours.server.faults.fired(FaultKind.SERVER_ERROR) == 3


def test_after_a_418_the_exchange_is_left_alone_until_the_ban_ends() -> None:
    """Who asks on after 429 gets 418; from then on no request leaves this machine before the ban is over."""
    with bench(BinanceFront(CoinRecords(markets=(SPOT,)), weight_per_minute=2), "2024-01-01") as made:
        venue = made.venue("binance")
        for _ in range(2):
            venue.clock_skew()
        for _ in range(3):
            with pytest.raises(ccxt.DDoSProtection, match="429"):
                venue.client.exchange.fetch_time()
        with pytest.raises(VenueError, match="418") as barred:
            venue.clock_skew()
        assert barred.value.retryable
        asked = len(made.server.requests.of())
        with pytest.raises(VenueError, match="barred this machine"):
            venue.clock_skew()
        assert len(made.server.requests.of()) == asked == 6
        assert made.pauses == []
        made.wait(121.0)
        assert venue.clock_skew().skew_ns == 0


def test_the_clock_of_this_machine_is_compared_with_the_exchange(hours: Bench) -> None:
    """A clock that is 1.5 s ahead is told as such, and so is an exchange whose clock is a minute ahead."""
    assert hours.venue("binance", ahead_ns=1_500_000_000).clock_skew().skew_ns == 1_500_000_000
    hours.server.faults.add(Fault(kind=FaultKind.WRONG_CLOCK, path="/api/v3/time"))
    assert hours.venue("binance").clock_skew().skew_ns == -60_000_000_000


def test_a_request_with_a_key_is_signed_and_no_secret_is_told(hours: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """A right key is taken, a clock far ahead and a revoked key are refused; key and secret stand in no text."""
    caplog.set_level(logging.DEBUG)
    venue = hours.venue("binance", KEYS)
    assert venue.instruments()
    assert hours.server.requests.of("/sapi/v1/capital/config/getall")
    with pytest.raises(VenueError, match="clock") as late:
        hours.venue("binance", KEYS, ahead_ns=60_000_000_000).instruments()
    hours.server.faults.add(Fault(kind=FaultKind.REVOKED_KEY, path="/sapi/*"))
    with pytest.raises(VenueError, match="check the key") as revoked:
        venue.instruments(reload=True)
    assert not late.value.retryable
    assert not revoked.value.retryable
    told = (
        caplog.text + repr(venue) + repr(KEYS) + "".join(f"{e.value!r}{e.value}{e.getrepr()}" for e in (late, revoked))
    )
    assert KEYS.key not in told
    assert KEYS.secret not in told


def test_what_is_not_offered_is_refused_by_name(hours: Bench) -> None:
    """An unknown exchange, an unknown market, a missing call and a foreign length are errors that say what there is."""
    venue = hours.venue("binance")
    with pytest.raises(ConfigError, match=r"no fetchOptionChain"):
        hours.venue("binanceusdm").option_chain("BTC")
    with pytest.raises(ConfigError, match="BTC/USDT"):
        venue.terms("BTC/EUR")
    with pytest.raises(ConfigError, match="only a perpetual pays funding"):
        venue.funding("BTC/USDT")
    with pytest.raises(ConfigError, match="no bars of this length"):
        venue.bars("BTC/USDT", "7m", 0, 1)
    with pytest.raises(ConfigError, match="binance"):
        hours.venue("binanse")


def test_venues_that_share_a_pace_keep_their_distance(hours: Bench, tmp_path: Path) -> None:
    """Two venues with one file take turns: no two requests are closer than the exchange's pace allows."""
    venues = [hours.venue("binance", is_paced=True, pace_file=tmp_path / "pace") for _ in range(2)]
    for _ in range(4):
        for venue in venues:
            venue.clock_skew()
    asked = np.array([record.ts_ns for record in hours.server.requests.of()])
    cost_ns = int(venues[0].client.exchange.rateLimit * 1e6 * 0.2)  # the exchange's clock costs a fifth of a request
    assert asked.shape == (8,)
    assert (np.diff(asked) >= cost_ns).all()


@pytest.mark.parametrize(
    ("exchange_id", "call", "missing"),
    [("kraken", "funding", "no fetchFundingRate"), ("coinbase", "option_chain", "no fetchOptionChain")],
)
def test_any_exchange_says_what_it_lacks(exchange_id: str, call: str, missing: str) -> None:
    """Without a request to it: the call that is missing, and those that there are."""
    with pytest.raises(ConfigError, match=missing) as caught:
        getattr(CcxtVenue(exchange_id), call)("BTC/USD:USD")
    assert "fetchTrades" in str(caught.value)
