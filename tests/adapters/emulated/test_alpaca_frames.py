"""Frames from templates say, byte for byte of content, what the records of the same market say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from adapters.emulated.alpaca_frames import FrameWriter
from adapters.emulated.alpaca_records import (
    Tape,
    coin_quote_records,
    coin_trade_records,
    quote_records,
    trade_records,
    wire_stamp,
)
from market.ports import MarketBatch
from market.trades import UNDERLYING, TradeFlag, select
from tests.adapters.emulated.toy import SYMBOL, small_feed

msgpack = pytest.importorskip("msgpack", reason="comes with the vendor's client")

_ALL = {"quotes": {"*"}, "trades": {"*"}}


def _batch() -> MarketBatch:
    feed = small_feed()
    batches = [feed.next_batch() for _ in range(12)]
    batch = max((item for item in batches if item and item.trades), key=lambda item: item.trades[0].n_trades)
    trades = batch.trades[0]
    flags = np.resize([TradeFlag.NONE, TradeFlag.COMPLEX, TradeFlag.AUCTION], trades.n_trades).astype(np.uint8)
    return replace(batch, trades=(replace(trades, flags=flags),))


def _records(batch: MarketBatch, tape: Tape) -> list[dict[str, Any]]:
    """Return the records one by one, as REST tells them."""
    quote, trade = (
        (quote_records, trade_records) if tape is not Tape.COINS else (coin_quote_records, coin_trade_records)
    )
    parts = [("q", quote(quotes, wire_stamp)) for quotes in batch.quotes]
    parts += [("t", trade(trades, wire_stamp)) for trades in batch.trades]
    found = [{"T": letter, "S": name, **record} for letter, records in parts for name, record in records]
    return [record for record in found if ("z" in record) is (tape is Tape.STOCKS)]


def _coins(batch: MarketBatch) -> MarketBatch:
    """Return the prints and quotes of the underlying as those of a coin, whose venue tells who took."""
    trades = select(batch.trades[0], batch.trades[0].contract == UNDERLYING)
    quotes = select(batch.quotes[0], batch.quotes[0].contract == UNDERLYING)
    sides = np.resize([1, -1, 0], trades.n_trades).astype(np.int8)
    coin = replace(trades, symbol="BTC/USD", aggressor=sides)
    return replace(batch, trades=(coin,), quotes=(replace(quotes, symbol="BTC/USD"),))


def _decoded(frame: bytes) -> Any:
    return msgpack.unpackb(frame)  # stamps as nanoseconds, where msgspec cuts them


@pytest.mark.parametrize("tape", Tape)
def test_a_frame_holds_the_records(tape: Tape) -> None:
    """Quotes, then trades, with every key and nanosecond."""
    batch = _coins(_batch()) if tape is Tape.COINS else _batch()
    records = FrameWriter(tape).write(batch, _ALL)
    expected = _decoded(msgspec.msgpack.encode(_records(batch, tape)))
    assert len(records) == len(expected) > 3
    assert _decoded(records.frame(range(len(records)))) == expected
    assert _decoded(records.frame(range(1, 3))) == expected[1:3]
    assert _decoded(records.frame([2, 0, 0])) == [expected[2], expected[0], expected[0]]


def test_only_what_is_subscribed_is_written() -> None:
    """By channel and by name; a table of contracts that comes later has its own names."""
    writer, batch = FrameWriter(Tape.OPTIONS), _batch()
    name = _records(batch, Tape.OPTIONS)[0]["S"]
    for item in (batch, _batch(), replace(batch, trades=())):
        records = writer.write(item, {"quotes": {name}, "trades": set()})
        found = _decoded(records.frame(range(len(records))))
        assert {(record["T"], record["S"]) for record in found} == {("q", name)}
    nothing = writer.write(batch, {"quotes": set(), "trades": {SYMBOL}})
    assert (len(nothing), len(writer.write(MarketBatch(sequence=0, ts_event_ns=1, chains=()), _ALL))) == (0, 0)
