"""Recorded order books among the ticks of a replay: told by the minute, never early, and the field's liquidity."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from adapters.replay import ReplayFactory
from adapters.ticks import open_ticks
from cluster.playing import PlayedField, Player, play
from fields.conventions import LiquiditySource
from fields.live.config import LiveConfig
from fields.live.state import SymbolState
from market.errors import ConfigError
from market.ports import MarketBatch
from tests.adapters.ticks.samples import book_archive, depth_rows, quote_bars

_REAL = Path(__file__).resolve().parents[4] / "shared" / "data"
_MINUTE_NS = 60_000_000_000
_OPEN_NS = 1_450_967_400_000_000_000  # 2015-12-24 09:30 in New York


def _files(folder: Path) -> tuple[Path, ...]:
    return quote_bars(folder / "goog_minute_quote.parquet", [0, 3]), depth_rows(
        folder / "goog_depth.parquet", [10.0, 59.0, 61.0, 130.0, 400.0]
    )


def _play(files: tuple[Path, ...], *, levels: int = 50) -> list[MarketBatch]:
    feed = ReplayFactory(ticks=files, interval_s=0.0, book_levels=levels)()
    return list(iter(feed.next_batch, None))


def _told(batches: list[MarketBatch]) -> list[tuple[int, float]]:
    open_ns = batches[0].ts_event_ns
    return [((b.ts_event_ns - open_ns) // _MINUTE_NS, float(book.bid_size[0])) for b in batches for book in b.books]


def test_each_minute_tells_the_newest_book_that_it_knew(tmp_path: Path) -> None:
    """Also a minute without a trade or a quote; a book never comes before its own instant."""
    batches = _play(_files(tmp_path))
    assert _told(batches) == [(0, 100.0), (1, 259.0), (2, 261.0), (3, 330.0), (7, 600.0)]
    assert all(book.ts_event_ns <= batch.ts_event_ns for batch in batches for book in batch.books)
    assert {book.symbol for batch in batches for book in batch.books} == {"GOOG"}
    assert [bool(batch.quotes) for batch in batches] == [False, True, False, False, True, False]


def test_what_is_told_by_an_instant_does_not_depend_on_later_updates(tmp_path: Path) -> None:
    """A recording that was cut off gives the same books up to its end."""
    whole = _told(_play(_files(tmp_path)))
    cut = depth_rows(tmp_path / "goog_depth.parquet", [10.0, 59.0, 61.0])
    assert _told(_play((cut,))) == whole[:3]


def test_going_back_tells_the_same_books_again(tmp_path: Path) -> None:
    """From each batch on, the rest is the rest of the first pass."""
    feed = ReplayFactory(ticks=_files(tmp_path), interval_s=0.0)()
    whole = list(iter(feed.next_batch, None))
    for place in (3, 0, 4):
        feed.rewind(place - 1)
        again = list(iter(feed.next_batch, None))
        assert [[b.cause_id for b in batch.books] for batch in again] == [
            [b.cause_id for b in batch.books] for batch in whole[place:]
        ]


def test_books_can_be_passed_over_and_cut_to_their_best_levels(tmp_path: Path) -> None:
    """Without them only the minutes of the other ticks remain."""
    assert [len(batch.books) for batch in _play(_files(tmp_path), levels=0)] == [0, 0]
    best = [book.bid_price.size for batch in _play(_files(tmp_path), levels=1) for book in batch.books]
    assert set(best) == {1}
    with pytest.raises(ConfigError, match="levels"):
        _play(_files(tmp_path), levels=-1)


def test_an_archive_of_messages_has_books_with_all_its_levels(tmp_path: Path) -> None:
    """Two levels a side in the archive as delivered, with a dummy price where a side is thin."""
    messages = "34200.5,1,1,100,2230000,1\n34201.5,4,2,50,2240000,-1\n"
    books = "2240000,100,2230000,100,2250000,70,2220000,30\n2240000,50,2230000,100,9999999999,0,2220000,30\n"
    (file,) = open_ticks(book_archive(tmp_path, messages, books)).books
    first, second = list(file.books(5))
    assert (first.ask_price.tolist(), first.bid_size.tolist()) == ([224.0, 225.0], [100.0, 30.0])
    assert (second.ask_price.tolist(), second.ask_size.tolist()) == ([224.0], [50.0])


@pytest.mark.data
@pytest.mark.parametrize("with_book", [True, False])
def test_the_liquidity_of_a_field_comes_from_the_recorded_book(tmp_path: Path, *, with_book: bool) -> None:
    """Of real option quotes, with and without the book's file named beside them."""
    quotes = _REAL / "option_intraday" / "goog_minute_quote_20151224.parquet"
    if not quotes.is_file():
        pytest.skip("the real quotes of GOOG are not on this machine")
    names = ("goog_minute_openinterest_20151224.parquet", "underlying_minute_quote.parquet")
    depth = (depth_rows(tmp_path / "goog_depth.parquet", [60.0, 240.0]),) if with_book else ()
    feed = ReplayFactory(ticks=(quotes, *(quotes.parent / name for name in names), *depth), interval_s=0.0)()
    player = Player(lambda _symbol: SymbolState(LiveConfig()), symbol="GOOG")
    (found,) = play(feed, player, until_ns=_OPEN_NS + 5 * _MINUTE_NS)
    assert isinstance(found, PlayedField)
    assert (found.field.snapshot.liquidity_source is LiquiditySource.DEPTH) == with_book


@pytest.mark.data
def test_the_archive_and_the_table_of_a_day_hold_the_same_books() -> None:
    """LOBSTER's level 1 of Amazon as delivered, against the five levels in Parquet cut to one."""
    names = ("raw_formats/lobster_amzn_20120621_level1.zip", "microstructure/lobster_amzn_20120621_level5.parquet")
    paths = [_REAL / name for name in names]
    if not all(path.is_file() for path in paths):
        pytest.skip("real data of LOBSTER is not on this machine")
    found = [{b.ts_event_ns: b for b in open_ticks(path).books[0].books(1)} for path in paths]
    common = sorted(set(found[0]) & set(found[1]))
    assert len(common) > 20_000
    for side in ("bid_price", "bid_size", "ask_price", "ask_size"):
        left, right = ([float(getattr(part[ts], side)[0]) for ts in common] for part in found)
        np.testing.assert_allclose(left, right)
