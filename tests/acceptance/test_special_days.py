"""Days on which calendars, clocks and scales do what they do once a year, on real rows read back from a store."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from adapters.chains import open_chains
from adapters.store import DataKind, IngestStatus, PointInTimeStore, ingest, open_store
from market.calendars import session_on, sessions_between
from market.chains import OptionChain
from market.clock import ns_of_datetime

pytestmark = pytest.mark.data

FOREVER_NS = 2**62
MINUTE_NS = 60_000_000_000
HOUR_NS = 60 * MINUTE_NS
NEW_YORK = ZoneInfo("America/New_York")


def stored(folder: Path, *files: Path) -> PointInTimeStore:
    """Return a store of some files."""
    store = open_store(folder)
    for file in files:
        assert ingest(store, file).status is IngestStatus.WRITTEN
    return store


def utc_ns(*moment: int) -> int:
    """Return a UTC moment in ns."""
    return ns_of_datetime(datetime(*moment, tzinfo=UTC))  # type: ignore[arg-type,misc]  # year to minute


def events(store: PointInTimeStore, kind: DataKind, symbol: str, *, known_ns: int = FOREVER_NS) -> np.ndarray:
    """Return the event instants that were known."""
    return np.asarray(store.table(kind, symbol, known_ns=known_ns)["event_ns"].to_numpy())


def first_of_days(event_ns: np.ndarray) -> dict[date, int]:
    """Return the first instant of each day of New York."""
    local = pd.Series(event_ns).sort_values()
    days = pd.to_datetime(local, utc=True).dt.tz_convert("America/New_York").dt.date
    firsts = local.groupby(days.to_numpy()).min()
    return dict(zip(firsts.index.tolist(), firsts.tolist(), strict=True))


@pytest.mark.parametrize(
    ("name", "symbol", "winter", "summer"),
    [
        ("spx_5min_2025q1", "SPX", (date(2025, 3, 7), 14), (date(2025, 3, 10), 13)),
        ("vix1d_5min_2025q1", "VIX1D", (date(2025, 3, 7), 14), (date(2025, 3, 10), 13)),
        ("spy_1min_20240220_20240517", "SPY", (date(2024, 3, 8), 9), (date(2024, 3, 11), 8)),
    ],
)
def test_bars_follow_the_clock_of_the_exchange(
    data_root: Path, tmp_path: Path, name: str, symbol: str, winter: tuple[date, int], summer: tuple[date, int]
) -> None:
    """Each day has a bar at the open, through the change to summer time, when all begins an hour earlier in UTC."""
    store = stored(tmp_path, data_root / "underlying" / f"{name}.parquet")
    event = events(store, DataKind.BARS, symbol)
    found = first_of_days(event)
    opens = {day: session.open_ns for day in found if (session := session_on("NYSE", day))}
    assert opens.keys() == found.keys()
    assert set(opens.values()) <= set(event.tolist())
    hours = {day: datetime.fromtimestamp(first / 1e9, tz=UTC).hour for day, first in found.items()}
    assert [hours[day] for day, _ in (winter, summer)] == [winter[1], summer[1]]


def test_twenty_three_years_of_hours_keep_to_the_open(data_root: Path, tmp_path: Path) -> None:
    """Forty-six changes of the clock, and the rule of 2007 among them: the first bar begins at 09:00 in New York."""
    store = stored(tmp_path, data_root / "underlying" / "spy_hourly_1998_2021.parquet")
    found = first_of_days(events(store, DataKind.BARS, "SPY"))
    hours = {datetime.fromtimestamp(first / 1e9, tz=NEW_YORK).hour for first in found.values()}
    sessions = {s.day for s in sessions_between("NYSE", date(1998, 1, 2), date(2021, 3, 31))}
    assert hours <= {9, 10, 11}  # the exchange opened late a few times
    assert set(found) <= sessions
    early = [day for day, first in found.items() if datetime.fromtimestamp(first / 1e9, tz=UTC).hour == 13]
    late = [day for day, first in found.items() if datetime.fromtimestamp(first / 1e9, tz=UTC).hour == 14]
    assert min(len(early), len(late)) > 1_900
    # The last week of March was winter until 2006, and the first of November was summer from 2007 on.
    assert {date(2006, 3, 31), date(2006, 11, 3)} <= set(late)
    assert {date(2007, 3, 30), date(2007, 11, 2)} <= set(early)


def test_futures_over_the_night_of_the_change_agree_with_both_clocks(data_root: Path, tmp_path: Path) -> None:
    """Each bar's instant is its wall clock in New York, five hours before UTC on one day and four on the next."""
    path = data_root / "underlying" / "es_range_bars_signed_volume_202603.parquet"
    store = stored(tmp_path, path)
    (symbol,) = store.symbols(DataKind.BARS)
    event = np.sort(events(store, DataKind.BARS, symbol))
    source = pd.read_parquet(path)
    stamps = pd.to_datetime(source["ts_start_utc"]).sort_values().to_numpy().astype("datetime64[ns]").astype(np.int64)
    np.testing.assert_array_equal(event, stamps)
    local = pd.to_datetime(pd.Series(event), utc=True).dt.tz_convert("America/New_York").dt.strftime("%H:%M:%S")
    assert sorted(local) == sorted(source["time_et"].astype(str))


def test_coins_know_no_summer_time(data_root: Path, tmp_path: Path) -> None:
    """Twenty-four hours on each day on which a clock somewhere changes."""
    store = stored(tmp_path, data_root / "crypto" / "btcusdt_perp_1h.parquet")
    event = events(store, DataKind.BARS, "BTCUSDT-PERP")
    for day in ((2023, 3, 12), (2023, 3, 26), (2023, 10, 29), (2023, 11, 5), (2024, 3, 10), (2024, 11, 3)):
        start = utc_ns(*day)
        np.testing.assert_array_equal(
            event[(event >= start) & (event < start + 24 * HOUR_NS)] - start, np.arange(24) * HOUR_NS
        )


def test_a_halted_market_shows_its_last_price_and_no_later_one(data_root: Path, tmp_path: Path) -> None:
    """On 2023-03-24 spot stands while the perpetual trades: 1.86 % apart, and nobody fills the missing hour."""
    store = stored(tmp_path, *(data_root / "crypto" / f"btcusdt_{kind}_1h.parquet" for kind in ("spot", "perp")))
    known = utc_ns(2023, 3, 24, 14, 0)
    spot, perp = (store.table(DataKind.BARS, f"BTCUSDT-{kind}", known_ns=known) for kind in ("SPOT", "PERP"))
    assert spot["event_ns"][-1].as_py() == utc_ns(2023, 3, 24, 12, 0)
    assert (spot["volume"][-1].as_py(), spot["close"][-1].as_py()) == (0.0, 28_080.0)
    assert perp["event_ns"][-1].as_py() == utc_ns(2023, 3, 24, 13, 0)
    before = utc_ns(2023, 3, 24, 11, 0)
    closes = [float(t["close"][t["event_ns"].to_pylist().index(before)].as_py()) for t in (spot, perp)]
    assert closes[1] / closes[0] - 1.0 == pytest.approx(-0.0186, abs=1e-4)
    assert utc_ns(2023, 3, 24, 13, 0) not in events(store, DataKind.BARS, "BTCUSDT-SPOT")


def test_a_half_day_ends_and_expires_at_one(data_root: Path, tmp_path: Path) -> None:
    """GOOG on 2015-12-24: no bar after 13:00 in New York, and what expires that day expires then."""
    store = stored(
        tmp_path,
        data_root / "option_intraday" / "goog_minute_quote_20151224.parquet",
        data_root / "raw_formats" / "lean_goog_20151224_trade_american.zip",
    )
    one = utc_ns(2015, 12, 24, 18, 0)
    table = store.table(DataKind.QUOTE_BARS, "GOOG-OPTIONS", known_ns=FOREVER_NS)
    assert (table["event_ns"].to_numpy().max(), table["known_ns"].to_numpy().max()) == (one, one + MINUTE_NS)
    last = table.filter(pa.array(table["event_ns"].to_numpy() == one))
    assert last.num_rows < 0.01 * table.num_rows  # what was still quoted in the minute of the bell
    chain = store.chains.newest("GOOG", known_ns=FOREVER_NS)
    (today,) = (series for series in chain.series if series.expiration == date(2015, 12, 24))
    assert today.expiry_ns == today.last_trade_ns == one


def test_after_a_split_no_old_open_interest_meets_a_new_strike(data_root: Path, tmp_path: Path) -> None:
    """AAPL divides by seven on 2014-06-09; the open interest of that morning is still told for the old strikes."""
    names = ("option_intraday/aapl_hour_quote_2014", "option_intraday/aapl_minute_openinterest_20140606_09")
    store = stored(tmp_path, *(data_root / f"{name}.parquet" for name in names))
    split = utc_ns(2014, 6, 9)
    keys: dict[DataKind, list[pd.DataFrame]] = {}
    for kind in (DataKind.QUOTE_BARS, DataKind.OPEN_INTEREST):
        frame = store.table(kind, "AAPL-OPTIONS", known_ns=FOREVER_NS).to_pandas()
        frame["right"] = frame["right"].astype(str)
        keys[kind] = [
            part[["expiration", "strike", "right"]]
            for part in (frame[frame.event_ns < split], frame[frame.event_ns >= split])
        ]
    quotes, interest = keys[DataKind.QUOTE_BARS], keys[DataKind.OPEN_INTEREST]
    assert quotes[0]["strike"].median() / quotes[1]["strike"].median() == pytest.approx(7.0, rel=0.02)
    assert interest[0]["strike"].median() == pytest.approx(interest[1]["strike"].median(), rel=0.02)
    met = [
        len(q.drop_duplicates().merge(i, on=["expiration", "strike", "right"]))
        for q, i in zip(quotes, interest, strict=True)
    ]
    assert met[0] > 2_000
    assert met[1] == 0


def _monthly(data_root: Path) -> OptionChain:
    """Return SPX after the close of the third Friday of May 2023."""
    chains = open_chains(data_root / "option_chains" / "cboe_spx_snapshots.parquet")
    return next(chain for chain in chains if chain.session == date(2023, 5, 19))


def test_the_morning_series_of_a_monthly_friday_has_settled_before_it_trades(data_root: Path) -> None:
    """SPX settles on the opening print and last traded on Thursday; SPXW of the same date trades until the close."""
    chain = _monthly(data_root)
    today = {s.product.root: place for place, s in enumerate(chain.series) if s.expiration == chain.session}
    morning, evening = (chain.series[today[root]] for root in ("SPX", "SPXW"))
    assert (morning.expiry_ns, evening.expiry_ns) == (utc_ns(2023, 5, 19, 13, 30), utc_ns(2023, 5, 19, 20, 0))
    assert morning.last_trade_ns == utc_ns(2023, 5, 18, 20, 15)
    volume = {root: float(chain.volume[chain.series_index == place].sum()) for root, place in today.items()}
    assert volume["SPX"] == 0.0
    assert volume["SPXW"] > 1e6


def test_open_interest_without_the_settled_series_is_the_published_total(data_root: Path) -> None:
    """An independent source leaves the morning series out on that day, to the contract."""
    chain = _monthly(data_root)
    settled = [s.product.root == "SPX" and s.expiration == chain.session for s in chain.series]
    left = ~np.array(settled)[chain.series_index]
    totals = pd.read_csv(data_root / "option_chains" / "spx_chain_daily_aggregates.csv.gz", index_col="date")
    assert chain.open_interest[left].sum() == totals["total_open_interest"].to_dict()["2023-05-19"]


_CUT = [
    ("underlying/spy_1min_20240220_20240517.parquet", "time_et", "2024-03-11 10:30"),
    ("underlying/spx_5min_2025q1.parquet", "time_et", "2025-03-10 12:00"),
    ("crypto/btcusdt_spot_1h.parquet", "time", "2023-03-24 12:00"),
    ("crypto/binance_funding_8h.parquet", "funding_time", "2022-11-10 00:00"),
    ("option_intraday/aapl_hour_quote_2014.parquet", "time", "2014-06-09 10:00"),
    ("option_intraday/goog_minute_trade_20151224.parquet", "time", "2015-12-24 11:00"),
    ("option_chains/cboe_qqq_snapshots.parquet", "session_date", "2023-05-17 00:00"),
    ("microstructure/lean_ibm_tick_trade_20131008.parquet", "ms", 46_800_000),
    ("microstructure/lean_ibm_tick_quote_20131008.parquet", "ms", 46_800_000),
    ("daily/spx_spy_qqq_daily.parquet", "date", "2020-03-16 00:00"),
    ("rates/fred_dff.csv.gz", "date", "2020-03-16"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "column", "cut"), _CUT)
def test_cutting_a_file_changes_no_read_before_the_cut(
    data_root: Path, tmp_path: Path, name: str, column: str, cut: str | int
) -> None:
    """What is read as of an instant needs none of the rows after it: nothing looks ahead, on real rows."""
    path = data_root / name
    whole = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    instants = whole[column].to_numpy() if isinstance(cut, int) else pd.to_datetime(whole[column]).to_numpy()
    early = np.less_equal(instants, cut if isinstance(cut, int) else np.datetime64(cut))
    before = whole[early].reset_index(drop=True)
    assert 0 < len(before) < len(whole)
    (tmp_path / "cut").mkdir()
    shorter = tmp_path / "cut" / path.name
    if path.suffix == ".parquet":
        before.to_parquet(shorter, index=False)
    else:
        before.to_csv(shorter, index=False)
    stores = [stored(tmp_path / place, file) for place, file in (("a", path), ("b", shorter))]
    newest = max(_events(stores[1]))
    for instant in (newest, newest - 30 * MINUTE_NS, newest - 240 * HOUR_NS):
        left, right = (_known(store, instant) for store in stores)
        assert left == right
    assert _known(stores[1], newest)


def _events(store: PointInTimeStore) -> list[int]:
    return [segment.last_event_ns for kind in DataKind for segment in store.segments(kind)]


def _known(store: PointInTimeStore, instant: int) -> dict[tuple[str, str], object]:
    """Return everything that was known at an instant, in a form that can be compared."""
    found: dict[tuple[str, str], object] = {}
    for kind in DataKind:
        for symbol in store.symbols(kind):
            key = (kind.value, symbol)
            if kind is DataKind.CHAINS:
                keys = store.chains.keys(symbol, known_ns=instant)
                if keys:
                    chain = store.chains.newest(symbol, known_ns=instant)
                    rows = tuple(getattr(chain, name).tobytes() for name in ("strike", "bid", "ask", "open_interest"))
                    found[key] = ([item.ts_event_ns for item in keys], rows)
            elif kind in {DataKind.TRADES, DataKind.QUOTES}:
                read = store.trades if kind is DataKind.TRADES else store.quotes
                columns = ("ts_ns", "price") if kind is DataKind.TRADES else ("ts_ns", "bid", "ask")
                parts = [[getattr(b, name).tobytes() for name in columns] for b in read(symbol, known_ns=instant)]
                found[key] = [b"".join(column) for column in zip(*parts, strict=True)]
            else:
                table = store.table(kind, symbol, known_ns=instant)
                if table.num_rows:
                    found[key] = table.drop_columns(["origin"] if "origin" in table.column_names else []).to_pydict()
    return {key: value for key, value in found.items() if value}
