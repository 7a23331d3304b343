"""Every real file in one store: it comes in, reads back equal, and the tool finds what the catalogue warns of."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from adapters.quality import (
    Check,
    Finding,
    PartitionQuality,
    QualityReport,
    Severity,
    check_store,
    quality_of,
    report_as_html,
    report_as_json,
    write_report,
)
from adapters.simulated import SimulatedMarket, SimulatedMarketConfig, demo_config
from adapters.store import DataKind, IngestReport, IngestStatus, PointInTimeStore, ingest, open_store
from tests.acceptance.stored import MESSAGES, compare_chains, compare_table, compare_ticks

pytestmark = [pytest.mark.data, pytest.mark.slow]

# What stands beside the data and is none.
_NO_DATA = {"README.md", "SHA256SUMS"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Everything:
    """A store of all files, what their imports said, and its quality."""

    store: PointInTimeStore
    reports: dict[str, IngestReport]
    quality: QualityReport

    def findings(self, check: Check, severity: Severity, source: str = "") -> list[tuple[PartitionQuality, Finding]]:
        """Return what a check found, with where."""
        return [
            (part, item)
            for part in self.quality.partitions
            if part.source.startswith(source)
            for item in part.findings
            if (item.check, item.severity) == (check, severity)
        ]

    def sessions(self, check: Check, severity: Severity, source: str) -> dict[tuple[str, str], int]:
        """Return the rows that a check found in daily partitions, by symbol and day."""
        found: dict[tuple[str, str], int] = {}
        for part, item in self.findings(check, severity, source):
            key = part.symbol, part.period.removeprefix("day=")
            found[key] = found.get(key, 0) + item.count
        return found


@pytest.fixture(scope="module")
def everything(data_root: Path) -> Iterator[Everything]:
    """Import all files of the folder into one store, and check it."""
    # In memory where there is such a folder: thousands of durable writes are not what is tested here.
    memory = Path("/dev/shm")  # noqa: S108  # a folder of our own is made in it
    folder = Path(tempfile.mkdtemp(prefix="hedgefield-store-", dir=memory if memory.is_dir() else None))
    try:
        store = open_store(folder)
        files = sorted(path for path in data_root.rglob("*") if path.is_file())
        reports = {path.relative_to(data_root).as_posix(): ingest(store, path) for path in files}
        yield Everything(store=store, reports=reports, quality=check_store(store))
    finally:
        shutil.rmtree(folder)


def _index(data_root: Path) -> pd.DataFrame:
    """Return what the collector of the snapshots wrote about each, with the session as text."""
    return pd.read_csv(data_root / "option_chains" / "cboe_snapshot_index.csv", dtype={"session_date": str})


def _keys(rows: pd.DataFrame) -> set[tuple[str, str]]:
    return set(zip(rows["underlying"], rows["session_date"], strict=True))


def test_every_file_comes_in_or_is_refused_for_what_it_is(everything: Everything) -> None:
    """Data are written, whatever their format; a description and a list of hashes are called no data."""
    refused = {name for name, report in everything.reports.items() if report.status is IngestStatus.REFUSED}
    assert refused == _NO_DATA
    for name in refused:
        assert "the file is of no known format" in everything.reports[name].problem
    written = [report for name, report in everything.reports.items() if name not in refused]
    assert {report.status for report in written} == {IngestStatus.WRITTEN}
    assert len(written) > 80
    assert {kind for report in written for kind in report.kinds} >= set(MESSAGES) | {DataKind.BARS, DataKind.FUNDING}


def test_every_file_reads_back_equal(everything: Everything, data_root: Path) -> None:
    """Rows, columns and messages; nothing is lost, added, or known before it happened."""
    for name, report in everything.reports.items():
        if name in _NO_DATA:
            continue
        if DataKind.CHAINS in report.kinds:
            compare_chains(everything.store, data_root / name, report)
        if {DataKind.TRADES, DataKind.QUOTES} & set(report.kinds):
            compare_ticks(everything.store, data_root / name, report)
        if not MESSAGES & set(report.kinds):
            compare_table(everything.store, data_root / name, report)


def test_a_second_import_finds_everything_there(everything: Everything, data_root: Path) -> None:
    """The bytes are known, so nothing is read or written again."""
    for name in everything.reports:
        if name not in _NO_DATA:
            assert ingest(everything.store, data_root / name).status is IngestStatus.PRESENT


def test_blank_quotes_are_found_in_the_sessions_that_have_them(everything: Everything, data_root: Path) -> None:
    """Those whose bids the collector found blank, and no others."""
    index = _index(data_root)
    found = everything.sessions(Check.UNUSABLE_QUOTES, Severity.ERROR, "cboe-snapshot")
    assert set(found) == _keys(index[index["zero_bid_share"] > 0.5])
    assert len(found) == 3


def test_quotes_from_outside_the_session_are_counted_like_the_collector_did(
    everything: Everything, data_root: Path
) -> None:
    """Bids above an ask of 0, about 100 to 150 in the evenings of August 2025, to the contract."""
    index = _index(data_root)
    crossed = index[(index["crossed"] > 0) & (index["zero_bid_share"] < 0.5)]
    expected = dict(
        zip(zip(crossed["underlying"], crossed["session_date"], strict=True), crossed["crossed"], strict=True)
    )
    assert everything.sessions(Check.ONE_SIDED, Severity.WARNING, "cboe-snapshot") == expected
    assert sum(count > 100 for count in expected.values()) == 5


def test_snapshots_taken_during_the_session_are_found(everything: Everything, data_root: Path) -> None:
    """All that hold an expiration of their day; VIX of 2023-05-15 has none, so its file alone cannot tell."""
    index = _index(data_root)
    noted = _keys(index[index["note"].fillna("").str.contains("intraday")]) - {("VIX", "2023-05-15")}
    found = set(everything.sessions(Check.EARLY, Severity.WARNING, "cboe-snapshot"))
    # Its header says 16:35, but a call and a put that expired at 16:00 still bid 0.25 % of time value.
    assert found == noted | {("QQQ", "2023-06-12")}
    assert len(noted) == 3


def test_sessions_whose_own_expiration_was_taken_out_are_found(everything: Everything, data_root: Path) -> None:
    """Those that the collector noted, and two of a Saturday evening that he did not."""
    index = _index(data_root)
    noted = _keys(index[index["note"].fillna("").str.contains("0DTE expiry already removed")])
    found = set(everything.sessions(Check.EXPIRY_ABSENT, Severity.WARNING, "cboe-snapshot"))
    assert found == noted | {("SPX", "2022-02-04"), ("NDX", "2022-02-04")}


def test_midpoints_that_are_not_of_one_instant_are_found(everything: Everything) -> None:
    """About one snapshot in ten of the 0DTE midpoints, and hardly any chain with real quotes."""
    midpoints = [item.count for _, item in everything.findings(Check.PARITY, Severity.WARNING, "0dte-midpoints")]
    assert 250 < sum(midpoints) < 450
    elsewhere = {part.source for part, _ in everything.findings(Check.PARITY, Severity.WARNING)} - {"0dte-midpoints"}
    assert elsewhere <= {"lean-universe-mid", "deribit"}
    assert everything.findings(Check.PARITY, Severity.WARNING, "cboe") == []


# check, severity, symbol, period, words of the examples or the reason
_QUIRKS = [
    (Check.EXPIRED, Severity.ERROR, "SPY", "day=2015-01-05", "2015-01-02"),
    (Check.LEFT_OUT, Severity.INFO, "SPY", "day=2015-01-05", "non_standard"),
    (Check.OTHER_SESSION, Severity.WARNING, "SPY", "day=2026-08-12", "in the session 2026-08-13"),
    (Check.OTHER_SESSION, Severity.WARNING, "SPY", "day=2026-08-19", "in the session 2026-08-20"),
    (Check.UNDERLYING, Severity.WARNING, "NVDA", "day=2025-12-04", "printed 183.38, parity says 182.62"),
    (Check.VOLATILITY, Severity.ERROR, "NVDA", "day=2025-11-25", "no implied volatility can be so"),
    (Check.LOCKED, Severity.INFO, "GOOG", "day=2015-12-24", "the source holds midpoints"),
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
    (Check.CLOCK, Severity.WARNING, "BINANCE-USDM-BTCUSDT-20240808-DEPTH", "year=2024", "1.27 s behind"),
    (Check.DUPLICATE, Severity.INFO, "IBM", "day=2013-10-08", "several equal prints"),
    (Check.DUPLICATE, Severity.ERROR, "bybit:USDC", "year=2024", "the key stands"),
    (Check.WICK, Severity.INFO, "AAPL", "day=2012-06-21", "printed away from the lit book"),
]


@pytest.mark.parametrize(("check", "severity", "symbol", "period", "words"), _QUIRKS)
def test_a_known_quirk_is_found(
    everything: Everything, check: Check, severity: Severity, symbol: str, period: str, words: str
) -> None:
    """The right partition names it, with the right example."""
    found = [
        f"{item.reason} {' '.join(item.examples)}"
        for part, item in everything.findings(check, severity)
        if (part.symbol, part.period) == (symbol, period)
    ]
    assert any(words in text for text in found), found


@pytest.mark.parametrize(
    ("check", "severity", "symbol", "source", "least", "most"),
    [
        (Check.INTERVAL, Severity.INFO, "SOLUSDT", "binance_funding_8h", 95, 105),
        (Check.ONE_SIDED, Severity.INFO, "GOOG-OPTIONS", "goog_minute_quote", 112_322, 112_322),
        (Check.CLOCK, Severity.WARNING, "BINANCE-USDM-BTCUSDT-20240808-DEPTH", "binance_usdm", 440_000, 445_521),
        (Check.OTHER_SESSION, Severity.WARNING, "SPY", "yahoo", 5, 5),
        (Check.WICK, Severity.WARNING, "SPY", "spy_1min", 10, 60),
        (Check.DUPLICATE, Severity.INFO, "BAC", "exchange-trade-ticks", 7_999, 7_999),
    ],
)
def test_a_quirk_is_found_about_as_often_as_it_is_there(
    everything: Everything, check: Check, severity: Severity, symbol: str, source: str, least: int, most: int
) -> None:
    """The counts are those of the catalogue, or of the rows themselves."""
    count = sum(i.count for part, i in everything.findings(check, severity, source) if part.symbol == symbol)
    assert least <= count <= most


def test_seven_pauses_of_the_coin_exchange_are_gaps(everything: Everything) -> None:
    """As many as the catalogue counts."""
    gaps = everything.findings(Check.GAP, Severity.WARNING, "btcusdt_spot_1h")
    assert sum(int(re.findall(r"in (\d+) places", item.reason)[0]) for _, item in gaps) == 7


def test_what_is_clean_stays_clean(everything: Everything) -> None:
    """Index bars of three months over early closes and holidays give no error, and one bar is really missing."""
    parts = [p for p in everything.quality.partitions if p.source == "spx_5min" and p.period >= "day=2026"]
    parts = [p for p in parts if p.period != "series"]
    assert len(parts) == 64
    assert not [f for p in parts for f in p.findings if f.severity is Severity.ERROR]
    assert [f.count for p in parts for f in p.findings if f.check is Check.GAP] == [1]
    assert min(p.score for p in parts) > 0.98


def test_the_score_travels_with_the_data(everything: Everything) -> None:
    """It stands beside each file, low where quotes are blank, and is not computed twice."""
    store, report = everything.store, everything.quality
    scores = {}
    for segment in store.segments(DataKind.CHAINS, "SPX"):
        quality = quality_of(store, segment)
        assert quality is not None
        if segment.source == "cboe-snapshot-table":
            scores[segment.period] = quality.score
    assert max(scores["day=2023-04-05"], scores["day=2023-04-06"]) < 0.05
    assert scores["day=2023-05-23"] > 0.9
    assert 0.0 < report.score < 1.0
    again = check_store(store, kinds=(DataKind.CHAINS,), symbol="SPX")
    assert again.partitions == tuple(p for p in report.partitions if (p.kind, p.symbol) == (DataKind.CHAINS, "SPX"))


def test_the_report_stands_alone(everything: Everything, tmp_path: Path) -> None:
    """The page names no address, and JSON and page tell the same counts."""
    report = everything.quality
    page, data = write_report(report, tmp_path / "report")
    html = page.read_text(encoding="utf-8")
    assert html == report_as_html(report)
    assert not re.search(r"https?://|<script|<link|src=", html)
    series = {(p.kind, p.symbol, p.source) for p in report.partitions if p.findings}
    assert html.count("<details class=series>") == len(series)
    content = json.loads(data.read_bytes())
    assert content == json.loads(report_as_json(report))
    total = sum(item["count"] for part in content["partitions"] for item in part["findings"])
    assert total == sum(report.counts().values())


def test_a_simulated_market_raises_no_alarm(tmp_path: Path) -> None:
    """An hour of chains, quotes and trades without a fault scores one: what is found in real data is in the data."""
    symbols = demo_config().symbols[:2]
    store = open_store(tmp_path)
    market = SimulatedMarket(SimulatedMarketConfig(symbols=symbols, seed=7, step_s=60.0))
    writers = {kind: store.writer(kind, origin="simulated") for kind in MESSAGES}
    for _ in range(60):
        market.step()
        for kind, messages in (
            (DataKind.CHAINS, market.chains()), (DataKind.QUOTES, market.quotes()), (DataKind.TRADES, market.trades()),
        ):  # fmt: skip
            for message in messages:
                writers[kind].add_message(message)
    for writer in writers.values():
        writer.commit()
    report = check_store(store)
    assert {part.simulated for part in report.partitions} == {True}
    alarms = [(p.symbol, f) for p in report.partitions for f in p.findings if f.severity is not Severity.INFO]
    assert alarms == []
    assert report.score == 1.0
