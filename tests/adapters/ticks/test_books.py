"""Order books out of recordings, held against the best quotes that the exchange told beside them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from adapters.chains.source import SourceFile
from adapters.ticks.binance import StreamRecording
from adapters.ticks.book_builder import BookBuilder, DepthChange
from adapters.ticks.books import DepthRecording, DepthTable, MessageBooks, book_file, sampled
from adapters.ticks.lobster import BookMessages
from adapters.ticks.rows import Tally
from market.books import BookSnapshot
from market.errors import DataError
from market.provenance import AsOfSource, Provenance
from market.trades import QuoteBatch

REAL = Path(__file__).resolve().parents[4] / "shared" / "data"
_ORIGIN = Provenance(source="test", origin="test", simulated=True, as_of_source=AsOfSource.STAMPED)


def _real(name: str) -> SourceFile:
    path = REAL / name
    if not path.is_file():
        pytest.skip(f"real data {name} is not on this machine")
    return SourceFile.open(path)


def _change(first: int, last: int, before: int = -1, *, bid: float = 99.0, size: float = 1.0) -> DepthChange:
    return DepthChange(ts_ns=last, first=first, last=last, before=before, bids=((bid, size),), asks=())


def _whole(last: int) -> DepthChange:
    return DepthChange(ts_ns=last, first=-1, last=last, before=-1, bids=((100.0, 1.0),), asks=((101.0, 2.0),))


def _builder(depth: int = 5) -> BookBuilder:
    return BookBuilder("BTC", "BTC/USDT", _ORIGIN, depth=depth)


@pytest.mark.data
@pytest.mark.parametrize("kind", ["spot", "usdm"])
def test_a_book_kept_from_changes_has_the_best_quotes_that_binance_told(kind: str) -> None:
    """At every update of six real minutes: best prices and sizes are those of the newest best quote until then."""
    name = f"microstructure/binance_{kind}_btcusdt_20240808"
    books = list(DepthTable(source=_real(f"{name}_depth.parquet"), symbol="BTCUSDT").books(5))
    told = pq.read_table(_real(f"{name}_book_ticker.parquet").path)
    number = told["update_id"].to_numpy()
    order = np.argsort(number, kind="stable")
    last = np.array([int(book.cause_id.rpartition(":")[2]) for book in books])
    row = order[np.searchsorted(number[order], last, side="right") - 1]
    assert len(books) > 3000
    for column, side, place in (("bid", "bid", "price"), ("ask", "ask", "price"), ("bid_qty", "bid", "size")):
        np.testing.assert_array_equal(
            np.array([getattr(book, f"{side}_{place}")[0] for book in books]), told[column].to_numpy()[row]
        )
    assert all(book.bid_price[0] < book.ask_price[0] for book in books)


@pytest.mark.data
def test_the_recording_as_it_came_gives_the_same_books_as_the_table_made_of_it() -> None:
    """Lines with all numbers, and rows with the last one only."""
    source = _real("raw_formats/binance_spot_btcusdt_20240808.jsonl.gz")
    depth = book_file(StreamRecording(source=source, symbol="BTCUSDT"))
    assert isinstance(depth, DepthRecording)
    table = DepthTable(source=_real("microstructure/binance_spot_btcusdt_20240808_depth.parquet"), symbol="BTCUSDT")
    for left, right in zip(depth.books(10), table.books(10), strict=True):
        assert left.ts_event_ns == right.ts_event_ns
        np.testing.assert_array_equal(left.bid_price, right.bid_price)
        np.testing.assert_array_equal(left.ask_size, right.ask_size)


@pytest.mark.data
def test_the_books_of_a_share_are_its_best_quotes_and_the_levels_behind() -> None:
    """LOBSTER's five levels of a day: the first level is what is read as quotes."""
    source = _real("microstructure/lobster_amzn_20120621_level5.parquet")
    file = BookMessages(source=source, symbol="AMZN", day=date(2012, 6, 21))
    found = book_file(file)
    assert isinstance(found, MessageBooks)
    newest: dict[int, BookSnapshot] = {book.ts_event_ns: book for book in found.books(5)}
    quotes = [part for group in file.batches(Tally()) for part in group if isinstance(part, QuoteBatch)]
    bid = {int(ts): float(price) for part in quotes for ts, price in zip(part.ts_ns, part.bid, strict=True)}
    assert len(newest) > 50_000
    assert all(book.bid_price[0] == bid[ts] for ts, book in newest.items())
    assert {book.bid_price.size for book in newest.values()} == {5}


@pytest.mark.parametrize("pair", [(_change(12, 13), _change(14, 15)), (_change(9, 11, 8), _change(12, 13, 11))])
def test_changes_older_than_the_snapshot_are_passed_over(pair: tuple[DepthChange, DepthChange]) -> None:
    """Those that came before it and are newer are applied: spot by numbers, perpetuals by the number before."""
    builder = _builder()
    assert not builder.change(_change(5, 6, bid=77.0))
    assert not builder.change(pair[0])
    builder.snapshot(_whole(11))
    assert builder.change(pair[1])
    book = builder.at(15)
    assert book.bid_price.tolist() == [100.0, 99.0]
    assert builder.gaps == 0


@pytest.mark.parametrize("next_one", [_change(14, 15), _change(14, 15, 13)])
def test_a_hole_in_the_numbers_makes_the_book_unknown_until_the_next_snapshot(next_one: DepthChange) -> None:
    """A lost update may have been any level: nothing is told until all of them are told again."""
    builder = _builder()
    builder.snapshot(_whole(11))
    assert builder.change(_change(12, 12, 11))
    assert not builder.change(next_one)
    assert (builder.gaps, builder.number) == (1, -1)
    builder.snapshot(_whole(14))
    assert builder.number == 15
    assert builder.at(15).bid_price.tolist() == [100.0, 99.0]


def test_a_level_without_size_is_gone_and_only_the_best_levels_are_told() -> None:
    """Levels behind the depth are kept and come forward."""
    builder = _builder(depth=1)
    builder.snapshot(_whole(1))
    builder.change(_change(2, 2, bid=98.0))
    assert builder.at(2).bid_price.tolist() == [100.0]
    builder.change(_change(3, 3, bid=100.0, size=0.0))
    assert builder.at(3).bid_price.tolist() == [98.0]


def test_a_line_of_depth_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """A book with a hole in it would be a guess."""
    path = tmp_path / "btcusdt_20240808.jsonl"
    path.write_bytes(b'17 {"stream":"btcusdt@depth@100ms","data":{"U":1,"u":2,"b":[["x","1"]],"a":[]}}\n')
    recording = StreamRecording(source=SourceFile.open(path), symbol="BTCUSDT")
    with pytest.raises(DataError, match="depth cannot be read"):
        list(DepthRecording(recording=recording).books(5))


def test_a_table_may_end_within_an_update(tmp_path: Path) -> None:
    """Rows of one number and instant are one update, also where a piece of the file ends between them."""
    rows = 70_000
    path = tmp_path / "depth.parquet"
    columns = {
        "local_ts_ns": [1] * 2 + [2] * rows,
        "update_id": [10] * 2 + [11] * rows,
        "side": [1, -1] + [1] * rows,
        "price": [100.0, 200_000.0, *(np.arange(rows) + 101.0).tolist()],
        "qty": [1.0] * (rows + 2),
        "is_snapshot": [True] * 2 + [False] * rows,
    }
    pq.write_table(pa.table(columns), path)
    found = list(DepthTable(source=SourceFile.open(path), symbol="BTCUSDT").books(1))
    assert [book.bid_price[0] for book in found] == [100.0, 100.0 + rows]


def test_a_replay_gets_the_newest_book_of_each_stretch() -> None:
    """None from after its end, and none where nothing changed."""

    def books() -> Iterator[BookSnapshot]:
        builder = _builder()
        builder.snapshot(_whole(1))
        yield from (builder.at(ts) for ts in (1, 9, 10, 11, 35))

    assert [book.ts_event_ns for book in sampled(books(), 10)] == [10, 11, 35]
