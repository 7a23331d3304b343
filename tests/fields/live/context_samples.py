"""Messages of context for tests: rows that become known one after another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from market.bars import BarBatch
from market.funding import FundingBatch
from market.news import NewsBatch
from market.ports import ContextMessage
from market.provenance import AsOfSource, Provenance
from market.series import EventBatch, EventKind, SeriesBatch, SeriesUnit
from market.trades import CONSOLIDATED, UNDERLYING, ContractTable

HOUR_NS = 3_600_000_000_000
DAY_NS = 24 * HOUR_NS
START_NS = 1_700_000_000_000_000_000
REAL = Provenance(source="test", origin="test", simulated=False, as_of_source=AsOfSource.STAMPED)


def points(
    series: str, values: Sequence[tuple[int, int, float]], unit: SeriesUnit = SeriesUnit.INDEX_POINTS
) -> SeriesBatch:
    """Return a series of (event, available, value)."""
    rows = sorted(values)
    return SeriesBatch(
        series=series,
        unit=unit,
        ts_event_ns=max((row[1] for row in rows), default=0),
        cause_id="test",
        provenance=REAL,
        event_ns=np.array([row[0] for row in rows], dtype=np.int64),
        available_ns=np.array([row[1] for row in rows], dtype=np.int64),
        value=np.array([row[2] for row in rows], dtype=np.float64),
    )


def bar_batch(symbol: str, end_ns: Sequence[int], close: Sequence[float], span_ns: int = DAY_NS) -> BarBatch:
    """Return bars whose range is one per cent each side of the close."""
    ends, closes = np.array(end_ns, dtype=np.int64), np.array(close, dtype=np.float64)
    unknown = np.full(ends.shape[0], np.nan)
    return BarBatch(
        symbol=symbol,
        ts_event_ns=int(ends.max(initial=0)),
        cause_id="test",
        provenance=REAL,
        contracts=ContractTable.empty(),
        contract=np.full(ends.shape[0], UNDERLYING, dtype=np.int32),
        start_ns=ends - span_ns,
        end_ns=ends,
        open=closes,
        high=1.01 * closes,
        low=0.99 * closes,
        close=closes,
        volume=unknown,
        vwap=unknown,
        n_trades=unknown,
    )


def funding(symbol: str, rows: Sequence[tuple[int, float]], interval_ns: int = 8 * HOUR_NS) -> FundingBatch:
    """Return settled rates of (payment, rate)."""
    paid, n = np.array([row[0] for row in rows], dtype=np.int64), len(rows)
    return FundingBatch(
        symbol=symbol,
        ts_event_ns=int(paid.max(initial=0)),
        cause_id="test",
        provenance=REAL,
        ts_ns=paid,
        funding_ns=paid,
        interval_ns=np.full(n, interval_ns),
        rate=np.array([row[1] for row in rows], dtype=np.float64),
        is_settled=np.ones(n, dtype=np.bool_),
        mark=np.full(n, np.nan),
        index=np.full(n, np.nan),
        venue=np.full(n, CONSOLIDATED, dtype=np.int16),
    )


def announced(rows: Sequence[tuple[str, EventKind, str, int, int]]) -> EventBatch:
    """Return events of (id, kind, symbol, event, available)."""
    rows = sorted(rows, key=lambda row: row[4])
    return EventBatch(
        ts_event_ns=max((row[4] for row in rows), default=0),
        cause_id="test",
        provenance=REAL,
        event_id=tuple(row[0] for row in rows),
        kind=tuple(row[1] for row in rows),
        symbol=tuple(row[2] for row in rows),
        name=tuple(row[0] for row in rows),
        event_ns=np.array([row[3] for row in rows], dtype=np.int64),
        available_ns=np.array([row[4] for row in rows], dtype=np.int64),
        forecast=np.full(len(rows), np.nan),
        actual=np.full(len(rows), np.nan),
    )


def articles(rows: Sequence[tuple[str, tuple[str, ...], int, int]]) -> NewsBatch:
    """Return articles of (id, symbols, published, available)."""
    rows = sorted(rows, key=lambda row: row[3])
    return NewsBatch(
        ts_event_ns=max((row[3] for row in rows), default=0),
        cause_id="test",
        provenance=REAL,
        article_id=tuple(row[0] for row in rows),
        published_ns=np.array([row[2] for row in rows], dtype=np.int64),
        available_ns=np.array([row[3] for row in rows], dtype=np.int64),
        headline=tuple(f"about {row[0]}" for row in rows),
        source=("test",) * len(rows),
        symbols=tuple(row[1] for row in rows),
    )


def told(message: ContextMessage, ts_ns: int) -> ContextMessage:
    """Return a message with another instant."""
    return replace(message, ts_event_ns=ts_ns)


def everything(n_days: int = 40, seed: int = 5) -> list[ContextMessage]:
    """Return messages of all kinds, each with the rows of one day, in order of the days."""
    rng = np.random.default_rng(seed)
    found: list[ContextMessage] = []
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, n_days)))
    for day in range(n_days):
        now = START_NS + day * DAY_NS
        vix = 15.0 + float(rng.normal())
        found.append(points("VIX", [(now - HOUR_NS, now, vix), (now - HOUR_NS, now + HOUR_NS, vix + 0.5)]))
        found.append(points("DFF", [(now - DAY_NS, now, 0.05 + 1e-4 * day)], SeriesUnit.FRACTION_PER_YEAR))
        found.append(bar_batch("SPY", [now], [float(close[day])]))
        ends = [now + (place + 1) * 300_000_000_000 for place in range(30)]
        found.append(bar_batch("SPY", ends, (100.0 + rng.random(30)).tolist(), 300_000_000_000))
        found.append(bar_batch("TLT", [now], [90.0 + float(rng.random())]))
        found.append(funding("BTC/USDT:USDT", [(now + k * 8 * HOUR_NS, float(rng.normal()) * 1e-4) for k in range(3)]))
        soon = now + int(rng.integers(1, 9)) * DAY_NS
        found.append(announced([(f"fomc{day}", EventKind.FOMC, "", soon, now)]))
        found.append(announced([(f"earn{day}", EventKind.EARNINGS, "SPY", soon + HOUR_NS, now)]))
        found.append(articles([(f"n{day // 2}", ("SPY",) if day % 3 else (), now - HOUR_NS, now)]))
    return found
