"""Articles as context: each version once, from its instant on, whatever the venue tells again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("alpaca")

from adapters.alpaca import AlpacaFeed
from adapters.credentials import Credentials
from adapters.emulated import EmulatedServer, Fault, FaultKind
from adapters.emulated.alpaca import AlpacaFrontEnd, NewsArticle
from market.news import NewsBatch
from market.ports import MarketBatch
from tests.adapters.alpaca.conftest import KEY, SECRET
from tests.adapters.emulated.toy import SYMBOL, small_feed

_S = 1_000_000_000


def _articles(begun_ns: int) -> list[NewsArticle]:
    """Return one article of before, two that appear, and one of them as it was changed."""
    instants = [(1, -30, -30), (2, 5, 5), (3, 8, 8), (2, 5, 21)]
    return [
        NewsArticle(
            number=number,
            created_ns=begun_ns + created_s * _S,
            updated_ns=begun_ns + updated_s * _S,
            headline=f"{number} as of {updated_s}",
            symbols=(SYMBOL,),
        )
        for number, created_s, updated_s in instants
    ]


def _told(batches: list[MarketBatch]) -> list[tuple[str, ...]]:
    return [item.headline for batch in batches for item in batch.context if isinstance(item, NewsBatch)]


def _begun_ns() -> int:
    first = small_feed().next_batch()
    assert first is not None
    return first.ts_event_ns


def _poll(feed: AlpacaFeed) -> list[MarketBatch]:
    """Let a question become due, be answered, and be taken."""
    found = [feed.next_batch()]
    assert feed.news.asking.wait(10.0)
    return [*found, feed.next_batch()]


def test_each_version_of_an_article_is_told_once(credentials: Credentials, config_of: Callable[..., Any]) -> None:
    """Not what was known before, nor what is told again; a failed question is asked again and loses nothing."""
    front = AlpacaFrontEnd(KEY, SECRET, news=_articles(_begun_ns()), requests_per_min=100_000)
    with EmulatedServer(front, small_feed()) as venue:
        venue.step(2)
        config = config_of(venue, news_every_s=4.0, stream_options=False, attempts=1)
        feed = AlpacaFeed(config, credentials, clock=venue.desk.clock)
        batches = _poll(feed)
        assert _told(batches) == []
        venue.faults.add(Fault(kind=FaultKind.SERVER_ERROR, path="/v1beta1/news"))
        for _ in range(5):
            venue.step(5)
            batches += _poll(feed)
        failures = feed.counts["news_failures"]
        feed.close()
    assert failures == 1
    assert sorted(headline for headlines in _told(batches) for headline in headlines) == [
        "2 as of 21",
        "2 as of 5",
        "3 as of 8",
    ]
    context = [item for batch in batches for item in batch.context if isinstance(item, NewsBatch)]
    assert all((item.available_ns <= item.ts_event_ns).all() for item in context)
