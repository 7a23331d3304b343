"""Files come in once, whole, and with a report."""

from __future__ import annotations

import gzip
import os
import shutil
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from adapters.store import DataKind, IngestStatus, PointInTimeStore, ingest
from market.clock import ns_of_datetime
from tests.adapters.store.samples import FOREVER_NS, WatchedFiles, store_at
from tests.adapters.ticks.samples import depth_rows


def _minutes(path: Path, day: str = "2024-03-08", n: int = 30, column: str = "time_et") -> pa.Table:
    start = np.datetime64(f"{day}T09:30:00", "ns")
    stamps = start + np.arange(n) * np.timedelta64(60_000_000_000, "ns")
    close = np.linspace(500.0, 510.0, n)
    table = pa.table({column: stamps, **dict.fromkeys(("open", "high", "low", "close"), close), "volume": np.arange(n)})
    (pq.write_table if path.suffix == ".parquet" else pa_csv.write_csv)(table, path)
    return table


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_wall_clock_of_new_york_becomes_utc_by_the_rules_of_the_day(tmp_path: Path, suffix: str) -> None:
    """Before and after the clocks change the open is at another hour of UTC, and a bar is known at its end."""
    store, _ = store_at(tmp_path / "store")
    for day in ("2024-03-08", "2024-03-11"):
        _minutes(tmp_path / f"spy_1min_{day}.{suffix}", day)
        ingest(store, tmp_path / f"spy_1min_{day}.{suffix}")
    found = store.table(DataKind.BARS, "SPY", known_ns=FOREVER_NS)
    opens = [found["event_ns"][row].as_py() for row in (0, 30)]
    expected = [datetime(2024, 3, day, 9, 30, tzinfo=ZoneInfo("America/New_York")) for day in (8, 11)]
    assert opens == [ns_of_datetime(instant) for instant in expected]
    assert {*(found["known_ns"].to_numpy() - found["event_ns"].to_numpy())} == {60_000_000_000}


def test_the_same_file_comes_in_once(tmp_path: Path) -> None:
    """A second import of the same bytes is passed over; without that it finds nothing new."""
    store, _ = store_at(tmp_path / "store")
    path = tmp_path / "spy_1min_2024.parquet"
    _minutes(path)
    reports = [ingest(store, path), ingest(store, path), ingest(store, path, skip_existing=False)]
    assert [r.status for r in reports] == [IngestStatus.WRITTEN, IngestStatus.PRESENT, IngestStatus.WRITTEN]
    assert [(r.n_rows, r.n_repeated) for r in reports] == [(30, 0), (0, 0), (0, 30)]
    assert store.table(DataKind.BARS, "SPY", known_ns=FOREVER_NS).num_rows == 30


def test_a_dry_run_counts_and_writes_nothing(tmp_path: Path) -> None:
    """Its report is that of the import, and the store stays empty."""
    store, _ = store_at(tmp_path / "store")
    path = tmp_path / "spy_1min_2024.parquet"
    _minutes(path)
    dry = ingest(store, path, dry_run=True)
    assert (dry.status, dry.n_rows, dry.symbols, dry.segments) == (IngestStatus.DRY_RUN, 30, ("SPY",), ())
    assert not store.symbols(DataKind.BARS)
    assert not list((tmp_path / "store").rglob("*.parquet"))
    assert ingest(store, path).n_rows == dry.n_rows


def test_an_import_cut_off_is_done_again(tmp_path: Path) -> None:
    """Where the commit never came, the next import writes the whole file, and rows stand once."""
    store, _ = store_at(tmp_path / "store")
    path = tmp_path / "spy_1min_2024.parquet"
    _minutes(path)
    files = WatchedFiles(store.files)
    files.cut_off = True
    with pytest.raises(KeyboardInterrupt):
        ingest(PointInTimeStore(files), path)
    assert not store.symbols(DataKind.BARS)
    assert ingest(store, path).status is IngestStatus.WRITTEN
    assert store.table(DataKind.BARS, "SPY", known_ns=FOREVER_NS).num_rows == 30


def test_missing_sessions_are_named(tmp_path: Path) -> None:
    """Two sessions without a bar between others are one gap; the weekend is none."""
    store, _ = store_at(tmp_path / "store")
    parts = [_minutes(tmp_path / f"part{day}.parquet", f"2024-03-{day:02}") for day in (7, 12)]
    pq.write_table(pa.concat_tables(parts), tmp_path / "spy_1min.parquet")
    (gap,) = ingest(store, tmp_path / "spy_1min.parquet").gaps
    assert (gap.symbol, gap.n_missing) == ("SPY", 2)


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.parquet", b"PAR1"), ("b.csv", b"x,y\n1,2\n"), ("c.bin", b"\x00\x01"), ("missing.csv", None)],
)
def test_what_cannot_be_read_is_refused_with_a_reason(tmp_path: Path, name: str, content: bytes | None) -> None:
    """A bad file is a report, not an exception, and nothing of it comes in."""
    store, _ = store_at(tmp_path / "store")
    if content is not None:
        (tmp_path / name).write_bytes(content)
    report = ingest(store, tmp_path / name)
    assert report.status is IngestStatus.REFUSED
    assert report.problem
    assert not any(store.symbols(kind) for kind in DataKind)


@pytest.mark.timeout(20)
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    """Nobody writes into it, so that to open it would never end."""
    store, _ = store_at(tmp_path / "store")
    os.mkfifo(tmp_path / "spy.csv")
    report = ingest(store, tmp_path / "spy.csv")
    assert (report.status, "not a regular file" in report.problem) == (IngestStatus.REFUSED, True)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("raw_formats/cboe_spx_quotedata_20230523_en.csv.gz", "the file ends in the middle of a line"),
        ("raw_formats/optionsdx_spy_20221230.csv.gz", "the file ends in the middle of a line"),
    ],
)
def test_a_chain_that_is_cut_is_refused_for_that(tmp_path: Path, data_root: Path, name: str, reason: str) -> None:
    """Its format is known, so nobody is told that it is no file of trades, and it does not become some other table."""
    store, _ = store_at(tmp_path / "store")
    whole = gzip.decompress((data_root / name).read_bytes())
    (tmp_path / "cut.csv").write_bytes(whole[: len(whole) // 2 // 7 * 7])
    report = ingest(store, tmp_path / "cut.csv")
    assert (report.status, reason in report.problem) == (IngestStatus.REFUSED, True), report.problem


def test_what_nobody_knows_is_told_what_is_known(tmp_path: Path) -> None:
    """A file that no reader recognises is not called a bad file of trades."""
    store, _ = store_at(tmp_path / "store")
    (tmp_path / "notes.json").write_text('{"a": 1}', encoding="utf-8")
    report = ingest(store, tmp_path / "notes.json")
    assert report.problem.startswith("the file is of no known format; found text beginning with '{\"a\": 1}'")
    assert "an option chain, trades or quotes, or a table" in report.problem


def test_an_archive_of_trades_gives_them_beside_its_chain(tmp_path: Path, data_root: Path) -> None:
    """Lean's archives of one day lie side by side: each brings its own ticks, once."""
    store, _ = store_at(tmp_path / "store")
    for kind in ("trade", "openinterest"):
        name = f"lean_goog_20151224_{kind}_american.zip"
        shutil.copy(data_root / "raw_formats" / name, tmp_path / name)
    reports = [ingest(store, path) for path in sorted(tmp_path.glob("*.zip"))]
    assert [report.kinds for report in reports] == [(DataKind.CHAINS,), (DataKind.CHAINS, DataKind.TRADES)]
    trades = pq.read_table(data_root / "option_intraday" / "goog_minute_trade_20151224.parquet")
    told = list(store.trades("GOOG", known_ns=FOREVER_NS))
    assert sum(batch.n_trades for batch in told) == trades.num_rows
    assert sum(float(batch.size.sum()) for batch in told) == float(np.sum(trades["volume"].to_numpy()))


def test_columns_that_the_store_does_not_know_are_kept(tmp_path: Path) -> None:
    """What a publisher adds comes back under its name."""
    store, _ = store_at(tmp_path / "store")
    table = _minutes(tmp_path / "x.parquet").append_column("vwap", pa.array(np.arange(30.0)))
    pq.write_table(table, tmp_path / "spy_1min.parquet")
    ingest(store, tmp_path / "spy_1min.parquet")
    found = store.table(DataKind.BARS, "SPY", known_ns=FOREVER_NS, columns=["vwap", "volume"])
    assert found["vwap"].to_pylist() == list(range(30))
    assert found.column_names == ["vwap", "volume"]


def test_depth_comes_in_row_by_row_and_as_books_of_each_second(tmp_path: Path) -> None:
    """The table keeps what was published; the books are what a replay tells, the newest of each second."""
    store, _ = store_at(tmp_path / "store")
    path = depth_rows(tmp_path / "goog_depth.parquet", [0.2, 0.7, 1.5, 9.0])
    report = ingest(store, path)
    assert (report.status, report.kinds) == (IngestStatus.WRITTEN, (DataKind.BOOKS, DataKind.TABLES))
    books = list(store.books("GOOG", known_ns=FOREVER_NS))
    assert [float(book.bid_size[0]) for book in books] == [100.0, 200.7, 201.5, 209.0]
    assert [book.ask_price.tolist() for book in books] == [[755.1, 756.0]] * 4
    assert store.table(DataKind.TABLES, "GOOG-DEPTH", known_ns=FOREVER_NS).num_rows == 8
    assert ingest(store, path).status is IngestStatus.PRESENT
