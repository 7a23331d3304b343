"""Emulated vendors with something to download, and downloads into a fresh store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import numpy as np

from adapters.downloads import Downloader, DownloadOptions, DownloadReport, Downloads, VenueOptions, open_downloader
from adapters.emulated import EmulatedServer, Fault, FrontEnd
from adapters.emulated.alpaca import AlpacaFrontEnd, NewsArticle
from adapters.emulated.binance import BinanceFront
from adapters.emulated.coin_records import CoinRecords, RecordedFeed
from adapters.emulated.polygon import PolygonFront
from adapters.emulated.thetadata import ThetaDataFront
from adapters.store import DataKind, PointInTimeStore, open_store
from tests.adapters.ccxt_markets.coins import HOUR_NS, PERPETUAL, SPOT, bars_of, funding_of, ns
from tests.adapters.emulated.toy import SYMBOL, small_feed
from tests.adapters.thetadata.venue import GreekFeed

__all__ = ["DAY", "KEY", "KEYS", "NEXT", "SYMBOL", "coins", "downloaded", "opened", "shares"]

DAY, NEXT = date(2025, 6, 2), date(2025, 6, 3)
KEY, SECRET = "a-key-of-an-emulated-venue", "its-secret"  # pragma: allowlist secret
KEYS = {"ALPACA_API_KEY": KEY, "ALPACA_API_SECRET": SECRET, "POLYGON_API_KEY": KEY}
_OPEN_NS = 1_748_871_000_000_000_000  # 09:30 in New York on `DAY`
_MINUTE_NS = 60_000_000_000
_FOREVER = 2**62


@contextmanager
def shares(venue: str, *, faults: tuple[Fault, ...] = ()) -> Iterator[EmulatedServer]:
    """Run an emulated vendor of listed options three minutes and a half after the open of `DAY`."""
    news = [
        NewsArticle(
            number=n, created_ns=_OPEN_NS + n, updated_ns=_OPEN_NS + n * 10**9, headline=f"No. {n}", symbols=(SYMBOL,)
        )
        for n in range(1, 61)
    ]
    fronts: dict[str, FrontEnd] = {
        "alpaca": AlpacaFrontEnd(KEY, SECRET, news=news, requests_per_min=100_000, snapshot_page=50),
        "polygon": PolygonFront(KEY),
        "thetadata": ThetaDataFront(),
    }
    with EmulatedServer(fronts[venue], GreekFeed(small_feed(step_s=5.0)), faults=faults) as server:
        server.step(42)
        yield server


@contextmanager
def coins(*, days: int = 8, faults: tuple[Fault, ...] = ()) -> Iterator[EmulatedServer]:
    """Run an emulated exchange with so many days of minute bars of BTC from 2024-01-01 on, and funding."""
    n = days * 1440
    start = ns("2024-01-01") + _MINUTE_NS * np.arange(n, dtype=np.int64)
    price = 30_000.0 + np.arange(n) % 7
    columns = {"open": price, "high": price + 2.5, "low": price - 1.0, "close": price + 0.5, "volume": price / 1e4}
    paid = ns("2024-01-01") + 8 * HOUR_NS * np.arange(3 * days, dtype=np.int64)
    records = CoinRecords(
        markets=(SPOT, PERPETUAL),
        bars={SPOT.symbol: bars_of(SPOT.symbol, start, columns, _MINUTE_NS)},
        funding={PERPETUAL.symbol: funding_of(PERPETUAL.symbol, paid, np.linspace(-1e-4, 2e-4, 3 * days))},
    )
    with EmulatedServer(BinanceFront(records, weight_per_minute=10**6), RecordedFeed([], ()), faults=faults) as server:
        server.desk.clock.move_to(ns("2024-06-01"))
        yield server


def opened(venue: str, server: EmulatedServer, **options: object) -> Downloader:
    """Return the downloader of a venue that asks an emulator."""
    usual = {"jobs": 4, "base_url": server.url, "requests_per_min": 100_000}
    return open_downloader(venue, VenueOptions(**(usual | options)))  # type: ignore[arg-type]  # checked by the class


def downloaded(
    place: Path,
    downloader: Downloader,
    kind: DataKind,
    days: tuple[date, date] = (DAY, NEXT),
    symbol: str = SYMBOL,
    **options: bool,
) -> tuple[list[DownloadReport], PointInTimeStore]:
    """Download into a store, and return what became of the tasks in their order."""
    store = open_store(place)
    tasks = downloader.tasks(kind, symbol, *days)
    reports = list(Downloads(store, downloader, DownloadOptions(**options)).run(tasks))
    assert len(reports) == len(tasks)
    return sorted(reports, key=lambda report: report.task.first), store


def rows(store: PointInTimeStore, kind: DataKind, symbol: str = SYMBOL) -> int:
    """Return how many rows of a symbol a store shows."""
    return int(store.table(kind, symbol, known_ns=_FOREVER).num_rows)
