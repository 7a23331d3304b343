"""The tool finds by itself what the catalogue of the real data warns of."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from adapters.quality import (
    Check,
    QualityReport,
    Severity,
    check_store,
    quality_of,
    report_as_html,
    report_as_json,
    write_report,
)
from adapters.store import DataKind, PointInTimeStore, ingest, open_store

pytestmark = [pytest.mark.data, pytest.mark.slow]

_FILES = (
    "option_chains/cboe_spx_snapshots.parquet",
    "option_chains/cboe_spy_snapshots.parquet",
    "option_chains/spy_eod_20150105.parquet",
    "option_chains/spy_yahoo_eod_202608.parquet",
    "option_intraday/goog_minute_quote_20151224.parquet",
    "option_intraday/aapl_hour_quote_2014.parquet",
    "option_intraday/underlying_minute_trade.parquet",
    "option_intraday/spx_option_5min_bars_202301.parquet",
    "underlying/multi_1min_201902.parquet",
    "underlying/spy_1min_20240220_20240517.parquet",
    "underlying/spx_5min_2026.parquet",
    "daily/cboe_vol_indices.parquet",
    "crypto/btcusdt_spot_1h.parquet",
    "crypto/binance_funding_8h.parquet",
    "microstructure/binance_spot_btcusdt_20240808_depth.parquet",
    "microstructure/lean_ibm_tick_trade_20131008.parquet",
    "rates/stablecoin_borrow_rates.csv",
)


@pytest.fixture(scope="module")
def checked(data_root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[PointInTimeStore, QualityReport]:
    """Import the files and check them once."""
    store = open_store(tmp_path_factory.mktemp("store"))
    for name in _FILES:
        assert not ingest(store, data_root / name).problem
    return store, check_store(store)


# check, severity, symbol, period, words of the examples or the reason
_QUIRKS = [
    (Check.UNUSABLE_QUOTES, Severity.ERROR, "SPX", "day=2023-04-05", "97% of the contracts"),
    (Check.UNUSABLE_QUOTES, Severity.ERROR, "SPX", "day=2023-04-06", "98% of the contracts"),
    (Check.UNUSABLE_QUOTES, Severity.ERROR, "SPY", "day=2023-04-26", "98% of the contracts"),
    (Check.EXPIRY_ABSENT, Severity.WARNING, "SPX", "day=2022-02-04", "first expiration 2022-02-07"),
    (Check.EXPIRY_ABSENT, Severity.WARNING, "SPX", "day=2023-05-05", "first expiration 2023-05-08"),
    (Check.EXPIRY_ABSENT, Severity.WARNING, "SPY", "day=2022-07-08", "first expiration 2022-07-11"),
    (Check.EXPIRED, Severity.ERROR, "SPY", "day=2015-01-05", "2015-01-02"),
    (Check.LEFT_OUT, Severity.INFO, "SPY", "day=2015-01-05", "non_standard"),
    (Check.OTHER_SESSION, Severity.WARNING, "SPY", "day=2026-08-12", "in the session 2026-08-13"),
    (Check.ONE_SIDED, Severity.INFO, "GOOG-OPTIONS", "day=2015-12-24", "a side is missing"),
    (Check.SPLIT, Severity.WARNING, "AAPL", "series", "2014-06-09"),
    (Check.SPLIT, Severity.WARNING, "AAPL-OPTIONS", "series", "2014-06-09"),
    (Check.OHLC, Severity.ERROR, "SPX-OPTIONS", "day=2023-01-03", "contradict"),
    (Check.LOCAL_TIME, Severity.WARNING, "GLD", "series", "stamped with their end"),
    (Check.WICK, Severity.WARNING, "SPY", "day=2024-04-23", "2024-04-23T16:56:00Z"),
    (Check.OUTLIER, Severity.WARNING, "VVIX", "year=2006", "2006-03-15T00:00:00Z: 15.71"),
    (Check.HALT, Severity.WARNING, "BTCUSDT-SPOT", "year=2023", "2023-03-24T12:00:00Z"),
    (Check.GAP, Severity.WARNING, "BTCUSDT-SPOT", "year=2023", "2023-03-24T13:00:00Z"),
    (Check.INTERVAL, Severity.INFO, "SOLUSDT", "year=2022", "usual 8 h"),
    (Check.CLOCK, Severity.WARNING, "BINANCE-SPOT-BTCUSDT-20240808-DEPTH", "year=2024", "1.27 s behind"),
    (Check.DUPLICATE, Severity.INFO, "IBM", "day=2013-10-08", "several equal prints"),
    (Check.DUPLICATE, Severity.ERROR, "bybit:USDC", "year=2024", "the key stands"),
]


@pytest.mark.parametrize(("check", "severity", "symbol", "period", "words"), _QUIRKS)
def test_a_known_quirk_is_found(
    checked: tuple[PointInTimeStore, QualityReport],
    check: Check,
    severity: Severity,
    symbol: str,
    period: str,
    words: str,
) -> None:
    """The right partition names it, with the right example."""
    found = [
        f"{item.reason} {' '.join(item.examples)}"
        for part in checked[1].partitions
        if (part.symbol, part.period) == (symbol, period)
        for item in part.findings
        if (item.check, item.severity) == (check, severity)
    ]
    assert any(words in text for text in found), found


def test_seven_pauses_of_the_coin_exchange_are_gaps(checked: tuple[PointInTimeStore, QualityReport]) -> None:
    """As many as the catalogue counts."""
    reasons = [
        item.reason
        for part in checked[1].partitions
        if part.symbol == "BTCUSDT-SPOT"
        for item in part.findings
        if item.check is Check.GAP
    ]
    assert sum(int(re.findall(r"in (\d+) places", reason)[0]) for reason in reasons) == 7


def test_what_is_clean_stays_clean(checked: tuple[PointInTimeStore, QualityReport]) -> None:
    """Index bars of three months over early closes and holidays give no error, and one bar is really missing."""
    parts = [p for p in checked[1].partitions if p.source == "spx_5min" and p.period != "series"]
    assert len(parts) == 64
    assert not [f for p in parts for f in p.findings if f.severity is Severity.ERROR]
    assert [f.count for p in parts for f in p.findings if f.check is Check.GAP] == [1]
    assert min(p.score for p in parts) > 0.98


def test_the_score_travels_with_the_data(checked: tuple[PointInTimeStore, QualityReport]) -> None:
    """It stands beside each file, low where quotes are blank, and is not computed twice."""
    store, report = checked
    scores = {}
    for segment in store.segments(DataKind.CHAINS, "SPX"):
        quality = quality_of(store, segment)
        assert quality is not None
        scores[segment.period] = quality.score
    assert max(scores["day=2023-04-05"], scores["day=2023-04-06"]) < 0.05
    assert scores["day=2023-05-23"] > 0.9
    assert 0.0 < report.score < 1.0
    again = check_store(store)
    assert again.partitions == report.partitions


def test_the_report_stands_alone(checked: tuple[PointInTimeStore, QualityReport], tmp_path: Path) -> None:
    """The page names no address, and JSON and page tell the same counts."""
    report = checked[1]
    page, data = write_report(report, tmp_path / "report")
    html = page.read_text(encoding="utf-8")
    assert html == report_as_html(report)
    assert not re.search(r"https?://|<script|<link|src=", html)
    assert html.count("<details>") == len([p for p in report.partitions if p.findings])
    content = json.loads(data.read_bytes())
    assert content == json.loads(report_as_json(report))
    total = sum(item["count"] for part in content["partitions"] for item in part["findings"])
    assert total == sum(report.counts().values())
