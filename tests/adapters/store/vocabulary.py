"""One message of each class that a store keeps beside chains, trades and quotes."""

from __future__ import annotations

from datetime import date

import numpy as np

from market.bars import BarBatch
from market.books import BookSnapshot
from market.calendars import expiry_series
from market.funding import FundingBatch
from market.instruments import product_of
from market.news import NewsBatch
from market.provenance import AsOfSource, Provenance
from market.series import EventBatch, EventKind, SeriesBatch, SeriesUnit
from market.trades import UNDERLYING, ContractTable, QuoteBatch
from tests.adapters.store.samples import DAY_NS, MINUTE_NS
from tests.generators import AS_OF_NS

ORIGIN = Provenance(source="vendor", origin="stream", simulated=False, as_of_source=AsOfSource.STAMPED)
_HOUR_NS = 60 * MINUTE_NS


def option_table() -> ContractTable:
    """Return two options of the index."""
    return ContractTable(
        series=(expiry_series(product_of("SPXW"), date(2023, 6, 9)),),
        series_index=np.zeros(2, dtype=np.int32),
        strike=np.array([4100.0, 4150.0]),
        is_call=np.array([True, False]),
    )


def bars_told(n: int = 6, *, start_ns: int = AS_OF_NS, seed: int = 1, symbol: str = "SPX") -> BarBatch:
    """Return minute bars of an underlying and two of its options."""
    rng = np.random.default_rng(seed)
    close = rng.uniform(1.0, 9.0, n)
    start = start_ns + MINUTE_NS * np.arange(n, dtype=np.int64)
    return BarBatch(
        symbol=symbol,
        ts_event_ns=int(start[-1]) + MINUTE_NS,
        cause_id=f"bars/{seed}",
        provenance=ORIGIN,
        contracts=option_table(),
        contract=rng.integers(UNDERLYING, 2, n).astype(np.int32),
        start_ns=start,
        end_ns=start + MINUTE_NS,
        open=close - 0.1,
        high=close + 0.2,
        low=close - 0.2,
        close=close,
        volume=rng.integers(0, 99, n).astype(np.float64),
        vwap=np.full(n, np.nan),
        n_trades=np.full(n, np.nan),
    )


def funding_told(n: int = 4, *, start_ns: int = AS_OF_NS) -> FundingBatch:
    """Return settled funding of a perpetual, and a forecast of the payment to come."""
    told = start_ns + 8 * _HOUR_NS * np.arange(n, dtype=np.int64)
    return FundingBatch(
        symbol="BTC/USDT:USDT",
        ts_event_ns=int(told[-1]),
        cause_id="funding",
        provenance=ORIGIN,
        ts_ns=told,
        funding_ns=told + np.where(np.arange(n) < n - 1, 0, 8 * _HOUR_NS),
        interval_ns=np.full(n, 8 * _HOUR_NS),
        rate=np.linspace(-1e-4, 1e-4, n),
        is_settled=np.arange(n) < n - 1,
        mark=np.full(n, 27_000.5),
        index=np.full(n, np.nan),
        venue=np.zeros(n, dtype=np.int16),
    )


def series_told(values: tuple[float, ...] = (16.0, 17.5, 15.25), *, start_ns: int = AS_OF_NS) -> SeriesBatch:
    """Return closes of a volatility index, the last one revised an hour later."""
    days = start_ns + DAY_NS * np.array([*range(len(values)), len(values) - 1], dtype=np.int64)
    known = days + np.array([*[MINUTE_NS] * len(values), _HOUR_NS], dtype=np.int64)
    return SeriesBatch(
        series="VIX",
        unit=SeriesUnit.INDEX_POINTS,
        ts_event_ns=int(known[-1]),
        cause_id="series",
        provenance=ORIGIN,
        event_ns=days,
        available_ns=known,
        value=np.array([*values, values[-1] + 0.01]),
        n_missing=2,
    )


def events_told(*, start_ns: int = AS_OF_NS) -> EventBatch:
    """Return a meeting that is announced, moved, and held."""
    return EventBatch(
        ts_event_ns=start_ns + 3 * _HOUR_NS,
        cause_id="events",
        provenance=ORIGIN,
        event_id=("fomc-1", "cpi-1", "fomc-1", "fomc-1"),
        kind=(EventKind.FOMC, EventKind.ECONOMIC, EventKind.FOMC, EventKind.FOMC),
        symbol=("", "", "", ""),
        name=("Meeting", "Prices", "Meeting", "Meeting"),
        event_ns=start_ns + np.array([1, 9, 3, 3], dtype=np.int64) * _HOUR_NS,
        available_ns=start_ns + np.array([0, 0, 1, 3], dtype=np.int64) * _HOUR_NS,
        forecast=np.array([5.25, np.nan, 5.25, 5.25]),
        actual=np.array([np.nan, np.nan, np.nan, 5.5]),
    )


def news_told(*, start_ns: int = AS_OF_NS) -> NewsBatch:
    """Return two articles, one of them changed."""
    return NewsBatch(
        ts_event_ns=start_ns + 3 * MINUTE_NS,
        cause_id="news",
        provenance=ORIGIN,
        article_id=("1", "2", "1"),
        published_ns=start_ns + np.array([0, 1, 0], dtype=np.int64) * MINUTE_NS,
        available_ns=start_ns + np.array([1, 2, 3], dtype=np.int64) * MINUTE_NS,
        headline=("Up, they say", "Down", "Up \u2013 corrected"),
        source=("wire", "wire", "wire"),
        symbols=(("SPY", "QQQ"), (), ("SPY",)),
    )


def book_told(n_bids: int = 3, n_asks: int = 2, *, ts_ns: int = AS_OF_NS) -> BookSnapshot:
    """Return a book of a few levels."""
    return BookSnapshot(
        symbol="BTC",
        market="BTC/USDT:USDT",
        ts_event_ns=ts_ns,
        cause_id="book",
        provenance=ORIGIN,
        bid_price=27_000.0 - np.arange(float(n_bids)),
        bid_size=1.0 + np.arange(float(n_bids)),
        ask_price=27_001.0 + np.arange(float(n_asks)),
        ask_size=2.0 + np.arange(float(n_asks)),
    )


def quotes_told(n: int = 20, *, start_ns: int = AS_OF_NS, seed: int = 5) -> QuoteBatch:
    """Return quotes of an underlying and its options."""
    rng = np.random.default_rng(seed)
    bid = rng.uniform(1.0, 9.0, n)
    return QuoteBatch(
        symbol="SPX",
        ts_event_ns=start_ns + n * 1_000_000,
        cause_id=f"quotes/{seed}",
        provenance=ORIGIN,
        contracts=option_table(),
        contract=rng.integers(UNDERLYING, 2, n).astype(np.int32),
        ts_ns=start_ns + 1_000_000 * np.arange(n, dtype=np.int64),
        bid=bid,
        ask=bid + 0.05,
        bid_size=np.full(n, 7.0),
        ask_size=np.full(n, np.nan),
        venue=np.full(n, -1, dtype=np.int16),
    )
