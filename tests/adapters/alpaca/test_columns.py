"""Frames read at once say what the rows of the same records say, and a row told twice is known as such."""

from __future__ import annotations

import struct
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("alpaca")

from adapters.alpaca.columns import Vocabulary, joined, quote_columns, trade_batch, trade_columns
from adapters.alpaca.names import Directory, Names
from adapters.alpaca.rows import QuoteRow, TradeRow, origin, quote_row, trade_row
from adapters.alpaca.seen import SeenRows
from adapters.alpaca.wire import QUIET_FRAME, read_frame
from adapters.emulated.alpaca_records import wire_stamp
from fields.signing.config import SigningConfig
from fields.signing.signer import TradeSigner
from market.trades import TradeBatch

_NOW_NS = 1_780_000_000_123_456_789
_CALL = "SPY261218C00600000"


def _words() -> Vocabulary:
    return Vocabulary(names=Names(), conditions=Names())


def _quote(**changes: Any) -> dict[str, Any]:
    usual = {"T": "q", "S": "SPY", "t": wire_stamp(_NOW_NS), "bp": 1.5, "bs": 2, "ap": 1.75, "as": 7.0, "c": ["R"]}
    return usual | {"bx": "V", "ax": "V", "z": "B"} | changes


def _trade(**changes: Any) -> dict[str, Any]:
    usual = {"T": "t", "S": "SPY", "t": wire_stamp(_NOW_NS + 1), "p": 1.25, "s": 100, "x": "D", "z": "B"}
    return usual | {"i": 71, "c": ["@", "I"]} | changes


class _Stamp:
    """What msgpack's own reader makes of a stamp."""

    def __init__(self, instant_ns: int) -> None:
        self.instant_ns = instant_ns

    def to_unix_nano(self) -> int:
        """Return ns since the epoch."""
        return self.instant_ns


def test_a_frame_says_what_the_rows_of_its_records_say() -> None:
    """Names, nanoseconds, numbers, letters and conditions; options carry their condition as a text and no number."""
    words = _words()
    option = _trade(S="SPY261218C00600000", c="I", x="C")
    del option["i"]
    records = [_quote(), _trade(), _quote(S="QQQ", bp=0), option, _trade(x="", c=None, i=-1)]
    told = read_frame(msgspec.msgpack.encode(records), words)
    assert told is not None
    quotes, trades = told.parts
    rows = [record | {"t": _Stamp(_NOW_NS + (record["T"] == "t"))} for record in records]
    told_quotes = [quote_row(row["S"], row) for row in rows if row["T"] == "q"]
    told_trades = [trade_row(row["S"], row) for row in rows if row["T"] == "t"]
    expected = quote_columns([row for row in told_quotes if row], words)
    for name in QuoteRow._fields:
        np.testing.assert_array_equal(getattr(quotes, name), getattr(expected, name))
    expected_trades = trade_columns([row for row in told_trades if row], words)
    for name in TradeRow._fields:
        np.testing.assert_array_equal(getattr(trades, name), getattr(expected_trades, name))
    assert (told.rejected, int(quotes.ts_ns[0])) == (0, _NOW_NS)


def test_records_that_cannot_be_rows_are_counted() -> None:
    """Negative or infinite sides, prints without price or size."""
    nan, inf = float("nan"), float("inf")
    records = [_quote(bp=-1.0), _quote(), _quote(ap=inf), _quote(bs=nan), _trade(p=0.0), _trade(s=-1), _trade(p=nan)]
    told = read_frame(msgspec.msgpack.encode(records), _words())
    assert told is not None
    assert (told.rejected, [part.name.size for part in told.parts]) == (6, [1, 0])


@pytest.mark.parametrize(
    "records",
    [
        [{"T": "subscription", "trades": ["SPY"]}],
        [_quote(), {"T": "error", "code": 406, "msg": "connection limit exceeded"}],
        [_quote(bp="1.5")],
        [_trade(i=1 << 63)],
        [_quote(t=msgspec.msgpack.Ext(-1, struct.pack(">I", 7)))],
        [_quote(), {"T": "q", "S": "SPY"}],
        {"T": "q"},
    ],
)
def test_a_frame_with_anything_else_is_left_to_the_vendors_client(records: object) -> None:
    """Control messages, other types, stamps of other lengths, and records that lack something."""
    assert read_frame(msgspec.msgpack.encode(records), _words()) is None
    assert read_frame(b"\xc1", _words()) is None
    assert msgspec.msgpack.decode(QUIET_FRAME) == [{"T": "q", "S": ""}]


_SIDE = st.sampled_from([0.0, -0.0, 1.0, 1.5])
_ROWS = st.lists(st.builds(QuoteRow, st.sampled_from("AB"), st.integers(1, 30), _SIDE, _SIDE, _SIDE, _SIDE), max_size=9)


@settings(max_examples=60, deadline=None)
@given(takes=st.lists(_ROWS, max_size=8), span_ns=st.integers(30, 40))
def test_each_row_is_delivered_once(takes: list[list[QuoteRow]], span_ns: int) -> None:
    """As a set of rows would have it, in the order of arrival; -0 is the 0 that it equals."""
    seen, words = SeenRows(span_ns), _words()
    known: dict[QuoteRow, None] = {}
    for rows in takes:
        fresh = list(dict.fromkeys(row for row in rows if row not in known))
        known |= dict.fromkeys(fresh)
        found = seen.fresh([quote_columns(rows, words)] if rows else [])
        expected = quote_columns(fresh, words)
        for name in QuoteRow._fields:
            told = getattr(joined(found), name) if found else []
            np.testing.assert_array_equal(told, getattr(expected, name))
    assert seen.n_repeated == sum(map(len, takes)) - len(known)


def test_rows_older_than_the_span_are_forgotten_unless_a_gap_is_open() -> None:
    """Memory is that of the span; a gap keeps what its back-fill will tell again."""
    words, seen = _words(), SeenRows(100)
    parts = [quote_columns([QuoteRow("A", ts_ns, 1.0, 2.0, 1.0, 1.0)], words) for ts_ns in range(1, 1_000)]
    for part in parts[:500]:
        seen.fresh([part])
    assert len(seen) == 101
    for part in parts[500:]:
        seen.fresh([part], hold_ns=450)
    assert len(seen) == 550
    assert seen.fresh(parts[-101:], back=True) == []
    assert (len(seen), seen.n_repeated, seen.newest_ns) == (101, 0, 999)


def _batch(rows: list[TradeRow], *, first: tuple[str, ...] = ()) -> TradeBatch:
    """Return rows as a process tells them that had other names and conditions before."""
    words = Vocabulary(names=Names(), conditions=Names())
    words.names.numbers(list(first))
    words.conditions.numbers(list(first))
    directory = Directory(("SPY",), words.names)
    directory.add("SPY", [_CALL])
    return trade_batch("SPY", trade_columns(rows, words), directory, words.conditions, 0, origin("x", simulated=True))


def test_a_print_without_a_number_gets_one_that_every_process_gives_it() -> None:
    """A successor that asks for the last quarter of an hour tells prints again; shares keep the venue's numbers."""
    usual = TradeRow(_CALL, _NOW_NS, 1.25, 3.0, -1, "C", "I")
    others = [
        usual._replace(ts_ns=_NOW_NS + 1),
        usual._replace(price=1.26),
        usual._replace(size=4.0),
        usual._replace(venue="A"),
        usual._replace(conditions="g"),
        usual._replace(price=3.0, size=1.25),
    ]
    rows = [usual, *others, TradeRow("SPY", _NOW_NS, 600.0, 1.0, 71, "V", "@")]
    one, other = _batch(rows), _batch(rows[::-1], first=("A", "g", "B"))
    assert len(set(one.trade_id.tolist())) == len(rows)
    assert (one.trade_id >= 0).all()
    assert set(one.trade_id.tolist()) == set(other.trade_id.tolist())
    assert 71 in one.trade_id
    twice = _batch([usual]).trade_id[0]
    assert twice == one.trade_id[np.flatnonzero(one.price == 1.25)[0]]


def test_prints_told_again_after_a_restart_of_the_feed_are_signed_once() -> None:
    """The flow of a day does not grow by what a feed that died and came back tells again."""
    rows = [TradeRow(_CALL, _NOW_NS + 1_000 * n, 1.25 + 0.01 * n, 3.0, -1, "C", "I") for n in range(20)]
    signer = TradeSigner(SigningConfig())
    for told in (rows, rows[5:]):
        signer.on_trades(_batch(told))
    assert (signer.counts.trades, signer.counts.duplicates) == (35, 15)
