"""Events, news and order books in a store are checked by facts of their own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from adapters.quality import Check, check_books, check_events, check_news, check_store
from adapters.store import DataKind
from adapters.store.kinds import kind_of
from market.books import BookSnapshot
from tests.adapters.store.samples import FOREVER_NS, MINUTE_NS, store_at
from tests.adapters.store.vocabulary import book_told, events_told, news_told
from tests.generators import AS_OF_NS

_NONE = np.zeros(0)


def _books(n: int = 40) -> list[BookSnapshot]:
    told = [book_told(ts_ns=AS_OF_NS + n_s * 1_000_000_000) for n_s in range(n)]
    return [replace(book, bid_size=book.bid_size + place) for place, book in enumerate(told)]


def test_clean_messages_have_no_finding() -> None:
    """A meeting that is moved and held, an article that is corrected, books of each second."""
    assert check_events([events_told()]) == []
    assert check_news([news_told()]) == []
    assert check_books(_books()) == []


def test_an_event_that_is_told_too_late_or_twice_is_found() -> None:
    """First told after it happened, under a second id, again with the same stamps, or without an instant."""
    told = events_told()
    late = replace(told, event_ns=told.event_ns - 10 * 60 * MINUTE_NS)
    assert [(f.check, f.count) for f in check_events([late])] == [(Check.LATE, 2)]
    assert [(f.check, f.count) for f in check_events([told, told])] == [(Check.DUPLICATE, 4), (Check.ORDER, 1)]
    other = replace(told, event_id=("x", "cpi-1", "fomc-1", "fomc-1"), event_ns=told.event_ns.copy())
    other.event_ns[0] = other.event_ns[2]
    (twin,) = check_events([other])
    assert (twin.check, twin.count, twin.reason) == (Check.DUPLICATE, 2, "the same event under another id")
    missing = replace(told, event_ns=np.zeros(4, dtype=np.int64))
    assert next((f.check, f.count) for f in check_events([missing])) == (Check.INSTANT, 4)


def test_an_article_that_is_late_blank_or_told_twice_is_found() -> None:
    """Each with its count."""
    told = news_told()
    late = replace(told, published_ns=told.published_ns - 3 * 86_400_000_000_000)
    assert [(f.check, f.count) for f in check_news([late])] == [(Check.LATE, 2)]
    blank = replace(told, headline=("Up", " ", "Up"))
    assert [(f.check, f.count) for f in check_news([blank])] == [(Check.LEFT_OUT, 1)]
    assert {f.check for f in check_news([told, told])} == {Check.DUPLICATE, Check.ORDER}


def test_a_book_that_is_crossed_one_sided_or_still_is_found() -> None:
    """Also one that comes too seldom while its market is open."""
    books = _books()
    books[3] = replace(books[3], bid_price=books[3].bid_price + 5.0)
    books[5] = replace(books[5], ask_price=_NONE, ask_size=_NONE)
    books[30:] = [replace(book, ts_event_ns=book.ts_event_ns + 5 * MINUTE_NS) for book in books[30:]]
    assert [(f.check, f.count) for f in check_books(books)] == [
        (Check.CROSSED, 1),
        (Check.ONE_SIDED, 1),
        (Check.STALE, 1),
    ]
    still = [book_told(ts_ns=AS_OF_NS + n_s * 1_000_000_000) for n_s in range(20)]
    assert [(f.check, f.count) for f in check_books(still)] == [(Check.STALE, 6)]


def test_the_check_of_a_store_reads_them_as_messages(tmp_path: Path) -> None:
    """A crossed book and a late event lower the score of their files; clean news do not."""
    store, _ = store_at(tmp_path)
    late = replace(events_told(), event_ns=events_told().event_ns - 10 * 60 * MINUTE_NS)
    book = book_told()
    for message in (late, news_told(), replace(book, bid_price=book.bid_price + 5.0)):
        writer = store.writer(kind_of(message), origin="test")
        writer.add_message(message)
        writer.commit()
    scores = {item.kind: item.score for item in check_store(store).partitions}
    assert scores == {DataKind.EVENTS: 0.75, DataKind.NEWS: 1.0, DataKind.BOOKS: 0.0}


def test_a_merged_file_keeps_the_lowest_score_of_its_parts(tmp_path: Path) -> None:
    """What was found in a small file is not forgotten when the day's files become one."""
    store, clock = store_at(tmp_path)
    good, bad = _books(2)
    for book in (good, replace(bad, bid_price=bad.bid_price + 5.0)):
        writer = store.writer(DataKind.BOOKS, origin="test")
        writer.add_message(book)
        writer.commit()
    check_store(store, clock=clock)
    assert store.compact(DataKind.BOOKS) == 2
    read = [book.provenance for book in store.books("BTC", known_ns=FOREVER_NS)]
    assert {(origin.quality, origin.quality_reason) for origin in read} == {(0.0, "the best bid is above the best ask")}
    check_store(store, clock=clock)
    assert {book.provenance.quality for book in store.books("BTC", known_ns=FOREVER_NS)} == {0.5}
