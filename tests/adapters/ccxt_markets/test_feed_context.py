"""What a live feed of an exchange delivers beside the stream: chains, bars, funding, and a recorded day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from adapters.ccxt_markets import CcxtFeed
from adapters.chains import open_chains
from adapters.chains.source import SourceFile
from adapters.emulated.coin_records import CoinMarket
from adapters.ticks.books import DepthTable
from market.bars import BarBatch
from market.funding import FundingBatch
from market.ports import MarketBatch
from tests.adapters.ccxt_markets.coins import HOUR_NS, PERPETUAL, SPOT, bars_of, funding_of, real, ticks
from tests.adapters.ccxt_markets.live import (
    PER_STEP,
    START_NS,
    STREAMS,
    column,
    followed,
    is_stamped,
    opened,
    run_until,
    served,
    tape,
)

MINUTE_NS = HOUR_NS // 60
DAY_NS = START_NS // (24 * HOUR_NS) * 24 * HOUR_NS
# Paid every 8 hours, then 4, then 2, as Binance moved perpetuals; the last two lie in the future.
PAID_HOURS = (-8, 0, 8, 12, 16, 18, 20, 22, 24, 28)


def _settled(feed: CcxtFeed, batches: list[MarketBatch]) -> dict[int, int]:
    """Return the intervals in hours of paid funding by its hour of the day, of batches and what has come since."""
    batches.append(feed.next_batch())
    rows = [m for b in batches for m in b.context if isinstance(m, FundingBatch) and m.is_settled.all()]
    return {
        int(ts - DAY_NS) // HOUR_NS: int(ns) // HOUR_NS
        for batch in rows
        for ts, ns in zip(batch.ts_ns, batch.interval_ns, strict=True)
    }


def _forecasts(batches: list[MarketBatch]) -> dict[int, int]:
    """Return the newest forecast of each payment: its hour and interval in hours."""
    rows = [m for b in batches for m in b.context if isinstance(m, FundingBatch) and not m.is_settled.any()]
    return {int(m.funding_ns[0] - DAY_NS) // HOUR_NS: int(m.interval_ns[0]) // HOUR_NS for m in rows}


@pytest.mark.parametrize(("exchange", "streams"), [("binance", 3), ("bybit", 1)])
def test_funding_keeps_the_interval_of_its_time_while_it_changes(exchange: str, streams: int) -> None:
    """From 8 to 4 to 2 hours and back: what was paid as it was, forecasts as the exchange tells, each payment once."""
    ts_ns = DAY_NS + HOUR_NS * np.array(PAID_HOURS, dtype=np.int64)
    listed, name = replace(PERPETUAL, funding_interval_ns=2 * HOUR_NS), PERPETUAL.symbol
    records = {
        "funding": {name: funding_of(name, ts_ns, np.arange(len(PAID_HOURS)) * 1e-5)},
        "moved": {name: ((DAY_NS + 24 * HOUR_NS, 4 * HOUR_NS),)},
    }
    with (
        served([], exchange, markets=(listed,), **records) as server,  # it is 22:13
        opened(server, exchange, name, streams=streams, funding_every_s=0.05) as feed,
    ):
        told: list[MarketBatch] = []
        assert feed.arrivals.wait(lambda c: c.get("context", 0) >= 2, 10.0)
        assert _settled(feed, told) == {0: 8, 8: 8, 12: 4, 16: 4, 18: 2, 20: 2, 22: 2}
        assert _forecasts(told) == {24: 2}
        server.desk.clock.move_to(DAY_NS + 24 * HOUR_NS + MINUTE_NS)
        before = feed.counts["context"]
        assert feed.arrivals.wait(lambda c: c["context"] >= before + 4, 10.0)
        assert _settled(feed, told)[24] == 2
        assert _forecasts(told) == {24: 2, 28: 4}
    paid = [m.ts_ns.size for b in told for m in b.context if isinstance(m, FundingBatch) and m.is_settled.all()]
    assert sum(paid) == 8


def test_bars_come_when_they_have_ended_and_of_the_context_markets_too() -> None:
    """Spot beside a streamed perpetual; the minute that runs is not among them."""
    start = START_NS // MINUTE_NS * MINUTE_NS + MINUTE_NS * np.arange(-10, 10, dtype=np.int64)
    price = np.full(20, 30_000.0)
    columns = {"open": price, "high": price, "low": price, "close": price, "volume": np.arange(20.0)}
    bars = {m.symbol: bars_of(m.symbol, start, columns, MINUTE_NS) for m in (SPOT, PERPETUAL)}
    with (
        served([], bars=bars) as server,
        opened(server, "binance", PERPETUAL.symbol, streams=3, context_markets=(SPOT.symbol,), timeframe="1m") as feed,
    ):
        assert feed.arrivals.wait(lambda c: c.get("context", 0) >= 2, 10.0)
        found = {m.symbol: m for m in feed.next_batch().context if isinstance(m, BarBatch)}
    assert set(found) == {SPOT.symbol, PERPETUAL.symbol}
    for batch in found.values():
        assert batch.end_ns.tolist() == [start[9], start[10]]
        assert (batch.end_ns <= START_NS).all()


def test_a_halted_market_is_told_as_such_and_loses_nothing_when_it_opens(tmp_path: Path) -> None:
    """No trade comes for a while: no error, no loss; those after the halt are delivered, at a shared pace."""
    options: dict[str, Any] = {"market_types": ("spot",), "pace_file": tmp_path / "pace"}
    halted = CoinMarket(base="BTC", quote="USDT", is_active=False)
    with (
        served(tape(halted.symbol, 4), markets=(halted,)) as server,
        opened(server, "binance", halted.symbol, streams=3, **options) as feed,
    ):
        assert feed.arrivals.wait(lambda c: c.get("fills", 0) > 0, 10.0)
        quiet = feed.next_batch()
        assert (quiet.trades, quiet.quotes) == ((), ())
        assert any("does not trade" in note for note in feed.notes)
        server.step(4)
        assert feed.arrivals.wait(lambda c: c.get("delivered_trades", 0) == 4 * PER_STEP, 10.0)
        assert column([feed.next_batch()], "trade_id").tolist() == list(range(1, 4 * PER_STEP + 1))
    assert (tmp_path / "pace").is_file()


@pytest.mark.data
@pytest.mark.parametrize(("exchange", "types"), [("bybit", ()), ("binance", ("linear", "option"))])
def test_the_chain_of_an_exchange_comes_with_its_stream(exchange: str, types: tuple[str, ...]) -> None:
    """A whole chain in dollars, with the trades of the coin's perpetual under the same symbol."""
    path = real("crypto_options/btc_eth_okx_daily.parquet")
    chain = replace(next(c for c in open_chains(path) if c.symbol == "BTC"), ts_event_ns=START_NS)
    batches, n = [replace(tape(PERPETUAL.symbol, 1)[0], chains=(chain,))], STREAMS[exchange]
    with served(batches, exchange) as server:
        server.step()
        options: dict[str, Any] = {"streams": n, "chain_every_s": 0.2, "market_types": types}
        with opened(server, exchange, PERPETUAL.symbol, **options) as feed:
            assert feed.arrivals.wait(lambda c: c.get("chains", 0) > 1, 10.0)
            batch = feed.next_batch()
    [found] = batch.chains
    assert (found.symbol, found.n_contracts) == ("BTC", chain.n_contracts)
    assert batch.ts_event_ns >= found.ts_event_ns
    assert np.nansum(found.ask) == pytest.approx(np.nansum(chain.ask))


def _recorded(steps: int) -> Iterator[MarketBatch]:
    """Yield recorded books and the trades until each, a batch per update of the book."""
    name = "microstructure/binance_spot_btcusdt_20240808"
    table = pq.read_table(real(f"{name}_trades.parquet"))
    ids, first = np.unique(table["trade_id"].to_numpy(), return_index=True)
    at_ns, ts_ns = table["local_ts_ns"].to_numpy()[first], table["exch_ts_ms"].to_numpy()[first].astype(np.int64)
    made = ticks("BTC/USDT", START_NS)
    books = DepthTable(source=SourceFile.open(real(f"{name}_depth.parquet")), symbol="BTC/USDT").books(20)
    before_ns = 0
    for step, book in zip(range(steps), books, strict=False):
        rows = np.flatnonzero((at_ns > before_ns) & (at_ns <= book.ts_event_ns)) if step else np.zeros(0, dtype=int)
        before_ns, n, side = book.ts_event_ns, rows.size, table["aggressor"].to_numpy()[first[rows]]
        trades = replace(
            made.trades[0],
            contract=np.full(n, -1, dtype=np.int32),
            ts_ns=ts_ns[rows] * 1_000_000,
            trade_id=ids[rows].astype(np.int64),
            price=table["price"].to_numpy()[first[rows]],
            size=table["qty"].to_numpy()[first[rows]],
            flags=np.zeros(n, dtype=np.uint8),
            venue=np.full(n, -1, dtype=np.int16),
            aggressor=side.astype(np.int8),
        )
        # The recorder's clock was 1.27 s behind the exchange, whose own stamps trades bear.
        yield replace(
            made,
            sequence=step,
            ts_event_ns=book.ts_event_ns + 2_000_000_000,
            quotes=(),
            trades=(trades,) if n else (),
            books=(book,),
        )


@pytest.mark.data
def test_a_recorded_day_comes_through_the_stream_as_it_was() -> None:
    """A quarter of a minute of Binance on 2024-08-08 with three cuts: every trade once, and true books."""
    batches = list(_recorded(160))
    with served(batches) as server:
        server.desk.clock.move_to(batches[0].ts_event_ns - 10_000_000_000)
        with opened(server, "binance", SPOT.symbol, streams=3) as feed:
            run_until(server, feed, "books")
            for cut in (50, 90, 130):
                while server.step()[0].sequence < cut:
                    pass
                server.cut_streams()
                assert server.desk.streams.wait_sessions(3)
            found = followed(server, feed)
            whole = column(batches, "trade_id")
            assert feed.arrivals.wait(lambda c: c.get("delivered_trades", 0) == whole.size, 10.0)
            found.append(feed.next_batch())
    np.testing.assert_array_equal(column(found, "trade_id"), whole)
    np.testing.assert_array_equal(column(found, "aggressor"), column(batches, "aggressor"))
    told = {book.ts_event_ns // 1_000_000: book for batch in batches for book in batch.books}
    after = [book for batch in found for book in batch.books if is_stamped(book)]
    assert len(after) > 1
    for book in after:
        np.testing.assert_array_equal(book.bid_price, told[book.ts_event_ns // 1_000_000].bid_price)
        np.testing.assert_array_equal(book.ask_size, told[book.ts_event_ns // 1_000_000].ask_size)
