"""From when rows of a file are known, and whose clock tells their instants."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from adapters.inputs import read_inputs
from adapters.rates import read_series
from adapters.store import DataKind, ingest
from adapters.store.gaps import calendar_of
from adapters.store.layouts import layout_of, rows_by_symbol
from market.clock import ns_of_datetime
from market.errors import DataError
from tests.adapters.store.samples import DAY_NS, FOREVER_NS, store_at


@pytest.mark.data
@pytest.mark.parametrize(
    "name",
    [
        "rates/irx_13week_tbill.csv.gz",
        "rates/fed_primary_credit_rate.csv",
        "rates/fred_dff.csv.gz",
        "daily/cboe_vol_indices.parquet",
    ],
)
def test_a_stored_rate_or_level_is_known_when_its_publisher_prints_it(
    data_root: Path, tmp_path: Path, name: str
) -> None:
    """The close of the VIX comes after that of its options, a rate of the Federal Reserve with its release."""
    path = data_root / name
    store, _ = store_at(tmp_path)
    ingest(store, path)
    for told in read_series(path):
        stored = store.series(told.series, known_ns=FOREVER_NS)
        assert np.array_equal(stored.available_ns, told.available_ns)
        assert np.array_equal(stored.value, told.value)


@pytest.mark.data
def test_a_dated_row_of_a_coin_is_known_when_its_day_is_over(data_root: Path, tmp_path: Path) -> None:
    """What a venue paid on a day cannot be known at the midnight before."""
    path = data_root / "rates/stablecoin_borrow_rates.csv"
    store, _ = store_at(tmp_path)
    ingest(store, path)
    for symbol in store.symbols(DataKind.RATES):
        table = store.table(DataKind.RATES, symbol, known_ns=FOREVER_NS)
        assert set((table["known_ns"].to_numpy() - table["event_ns"].to_numpy()).tolist()) == {DAY_NS}


def test_a_rate_without_known_terms_waits_for_the_latest_release(tmp_path: Path) -> None:
    """Late is safe: 16:15 in New York on the next federal business day."""
    store, _ = store_at(tmp_path / "store")
    path = tmp_path / "other.parquet"
    days = np.array(["2024-01-11", "2024-01-12"], dtype="datetime64[ms]")  # the Monday after is a holiday
    pq.write_table(pa.table({"date": days, "other_pct": [5.0, 5.1]}), path)
    ingest(store, path)
    known = store.table(DataKind.RATES, "OTHER", known_ns=FOREVER_NS)["known_ns"].to_pylist()
    expected = [datetime(2024, 1, day, 16, 15, tzinfo=ZoneInfo("America/New_York")) for day in (12, 16)]
    assert known == [ns_of_datetime(instant) for instant in expected]


@pytest.mark.parametrize("symbol", ["SOLV", "ETHA", "ETHE", "GBTC", "SOLV-OPTIONS", "I:SPX", "NYSE:SPY"])
def test_a_share_whose_name_holds_that_of_a_coin_is_a_share(symbol: str) -> None:
    """Its wall clock would be four or five hours early otherwise: it would be known before it happened."""
    assert calendar_of(symbol) == "NYSE"


@pytest.mark.parametrize(
    "symbol",
    [
        "BTC",
        "BTCUSDT-PERP",
        "ETH/USD",
        "BTC/USD:BTC",
        "binance:BTC/USDT-spot",
        "kraken:ADA-EUR",
        "X:BTCUSD",
        "aave:USDC",
    ],
)
def test_a_coin_is_a_coin_under_any_name(symbol: str) -> None:
    """Alone, with its market, and with what it is paid in."""
    assert calendar_of(symbol) == "24/7"


def test_minutes_of_such_a_share_are_read_on_the_clock_of_new_york(tmp_path: Path) -> None:
    """Half past nine is the open, and the bar is known a minute later."""
    store, _ = store_at(tmp_path / "store")
    path = tmp_path / "solv_1min_2024.parquet"
    stamps = np.datetime64("2024-07-01T09:30", "ns") + np.arange(3) * np.timedelta64(1, "m")
    pq.write_table(
        pa.table({"time": stamps, **dict.fromkeys(("open", "high", "low", "close"), np.full(3, 50.0))}), path
    )
    ingest(store, path)
    first = store.table(DataKind.BARS, "SOLV", known_ns=FOREVER_NS)["event_ns"][0].as_py()
    assert first == ns_of_datetime(datetime(2024, 7, 1, 9, 30, tzinfo=ZoneInfo("America/New_York")))


@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_a_zone_that_a_column_tells_is_not_doubted(tmp_path: Path, zone: str) -> None:
    """Minutes of a share that are stamped with their zone are read where they lie, whatever zone that is."""
    first = datetime(2024, 7, 1, 9, 30, tzinfo=ZoneInfo("America/New_York"))
    stamps = [first + timedelta(minutes=minute) for minute in range(3)]
    columns = {name: [1.0] * 3 for name in ("open", "high", "low", "close")}
    table = pa.table({"symbol": ["SPY"] * 3, "time": pa.array(stamps, pa.timestamp("ns", tz=zone)), **columns})
    path = tmp_path / "bars.parquet"
    rows = rows_by_symbol(layout_of(table, path), table, path)["SPY"]
    assert rows["event_ns"].to_pylist() == [ns_of_datetime(stamp) for stamp in stamps]


@pytest.mark.data
def test_each_payment_of_funding_has_the_interval_that_lay_before_it(data_root: Path, tmp_path: Path) -> None:
    """Perpetuals are moved between intervals, and a year may hold a single payment: the first one of BTC in 2019."""
    store, _ = store_at(tmp_path)
    ingest(store, data_root / "crypto/binance_funding_8h.parquet")
    for symbol, others in (("BTCUSDT", set()), ("SOLUSDT", {2, 4})):
        told = list(store.funding(symbol, known_ns=FOREVER_NS))
        event, hours = (np.concatenate([getattr(part, name) for part in told]) for name in ("ts_ns", "interval_ns"))
        hours = hours / (DAY_NS / 24)
        assert np.allclose(hours[1:], np.diff(event) / (DAY_NS / 24), atol=0.02)
        assert set(hours.tolist()) == {8} | others


def test_a_single_payment_is_kept_and_not_told_without_its_interval(tmp_path: Path) -> None:
    """Nobody knows what it was for; the row itself can be read."""
    store, _ = store_at(tmp_path / "store")
    path = tmp_path / "btcusdt_funding.parquet"
    stamp = np.array(["2024-01-01T08:00"], dtype="datetime64[ns]")
    pq.write_table(pa.table({"funding_time": stamp, "funding_rate": [1e-4]}), path)
    ingest(store, path)
    assert store.table(DataKind.FUNDING, "BTCUSDT", known_ns=FOREVER_NS).num_rows == 1
    with pytest.raises(DataError, match="the funding interval of BTCUSDT cannot be told"):
        next(store.funding("BTCUSDT", known_ns=FOREVER_NS))


def test_heads_without_a_row_are_told(tmp_path: Path) -> None:
    """An export that broke off behind its first line is an error with that reason."""
    path = tmp_path / "spy_daily.csv"
    path.write_text("date,symbol,open,high,low,close,volume\n", encoding="utf-8")
    with pytest.raises(DataError, match="the length of the bars cannot be told; found heads without a row"):
        read_inputs(path)


def test_a_file_may_be_called_in_any_script(tmp_path: Path) -> None:
    """Its rows name their symbol; a word where a number belongs is an error with the file's name."""
    path = tmp_path / "данные😀.csv"
    text = "date,symbol,open,high,low,close,volume\n2024-01-02,SPY,1,2,1,2,5\n2024-01-03,SPY,1,2,1,{},5\n"
    path.write_text(text.format("2"), encoding="utf-8")
    (told,) = read_inputs(path)
    assert getattr(told.message, "symbol", "") == "SPY"
    path.write_text(text.format("two"), encoding="utf-8")
    with pytest.raises(DataError, match="the rows cannot be read"):
        read_inputs(path)
