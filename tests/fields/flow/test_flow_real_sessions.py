"""Recorded sessions minute by minute: option bars of GOOG and SPX, Apple's order book, and SPY's average price."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from fields.flow.batch import Arrivals, flow_minutes
from fields.flow.config import MINUTE_NS, FlowConfig
from fields.flow.features import FlowColumn as C
from fields.flow.history import FlowHistory
from fields.flow.messages import UnderlyingTrades
from fields.flow.state import FlowState
from tests.fields.flow.sessions import NO_LEVELS, lean_day, lobster_day, new_york_ns, no_options, table_of_day, wall_ns
from tests.fields.flow.streams import Day, quotes, rows_of

pytestmark = pytest.mark.data

CONFIG = FlowConfig()
SESSIONS = [("GOOG", "2015-12-24"), ("SPX", "2021-01-04")]


def replay(day: Day, session_ns: tuple[int, int]) -> FlowHistory:
    """Return the records of a day at once."""
    return flow_minutes(CONFIG, session_ns, day.options, day.trades, day.quotes, day.greeks, day.levels, day.arrivals)


@pytest.mark.parametrize(("symbol", "date"), SESSIONS)
def test_a_session_streamed_minute_by_minute_is_its_replay(data_root: Path, symbol: str, date: str) -> None:
    """Every reading of every minute, told only what had happened by then."""
    day, (open_ns, close_ns) = lean_day(data_root, symbol, date)
    state = FlowState(CONFIG)
    state.open_session(open_ns, close_ns)
    for k, (greeks, levels) in enumerate(zip(day.greeks, day.levels, strict=True)):
        start, end = open_ns + k * MINUTE_NS, open_ns + (k + 1) * MINUTE_NS
        options, trades, quoted = (
            (rows.ts_ns >= start) & (rows.ts_ns < end) for rows in (day.options, day.trades, day.quotes)
        )
        state.on_option_trades(rows_of(day.options, options))
        state.on_underlying_trades(rows_of(day.trades, trades))
        state.on_underlying_quotes(rows_of(day.quotes, quoted))
        state.close_minute(end, greeks, levels)
    whole = replay(day, (open_ns, close_ns))
    assert np.array_equal(state.history.values, whole.values, equal_nan=True)
    assert np.array_equal(state.history.reasons, whole.reasons)
    assert len(whole) == {"GOOG": 210, "SPX": 405}[symbol]


@pytest.mark.parametrize(("symbol", "date"), SESSIONS)
def test_permuting_the_rows_of_an_instant_changes_nothing(data_root: Path, symbol: str, date: str) -> None:
    """All bars of a minute carry one instant; their order moves no reading by more than 1e-12 of its size."""
    day, session_ns = lean_day(data_root, symbol, date)
    rng, n = np.random.default_rng(0), day.options.ts_ns.shape[0]
    options = rows_of(day.options, np.lexsort((rng.permutation(n), day.options.ts_ns)))
    arrivals = replace(day.arrivals, option_trades=np.sort(options.ts_ns))
    a, b = (replay(d, session_ns).values for d in (day, replace(day, options=options, arrivals=arrivals)))
    size = np.nanmax(np.abs(a), axis=0, initial=1e-300)
    assert np.array_equal(np.isnan(a), np.isnan(b))
    assert np.nanmax(np.abs(a - b) / size) <= 1e-12


def test_half_a_day_of_google_adds_up(data_root: Path) -> None:
    """Volumes are those of the file up to 13:00, flow is within its bounds, and averages are those of the bars."""
    day, session_ns = lean_day(data_root, "GOOG", "2015-12-24")
    values = replay(day, session_ns).values
    bars = table_of_day(data_root / "option_intraday" / "goog_minute_trade_20151224.parquet", "2015-12-24")
    for column, right in ((C.CALL_VOLUME, "C"), (C.PUT_VOLUME, "P")):
        assert values[:, column].sum() == bars.loc[bars["right"] == right, "volume"].sum()
    ratio = values[:, C.GAMMA_SENTIMENT_RATIO]
    assert np.nanmin(ratio) >= -1.0 - 1e-12
    assert np.nanmax(ratio) <= 1.0 + 1e-12
    path = data_root / "option_intraday" / "underlying_minute_trade.parquet"
    shares = table_of_day(path, "2015-12-24", symbol="GOOG")
    at = shares["time"].dt.strftime("%H:%M")
    inside = shares[(at >= "09:30") & (at < "13:00")]
    vwap = np.average(inside["close"], weights=inside["volume"])
    assert values[-1, C.VWAP_DAY] == pytest.approx(vwap, rel=1e-12)
    spread = np.sqrt(np.average((inside["close"] - vwap) ** 2, weights=inside["volume"]))
    assert values[-1, C.VWAP_STD] == pytest.approx(spread, rel=1e-9)
    assert np.nanmin(values[:, C.SPREAD_TIME_WEIGHTED]) > 0.0
    assert np.isnan(values[:, C.DIST_TO_ZERO_GAMMA]).all()  # no field, no distance
    gamma_centre, spot = values[:, C.GAMMA_WEIGHTED_STRIKE], values[:, C.SPOT]
    assert np.nanmax(np.abs(gamma_centre / spot - 1.0)) < 0.02


def test_stale_gamma_is_another_number_on_the_day_of_expiry(data_root: Path) -> None:
    """EL4 on SPX: by the close the legacy sum and the re-valued inventory of same-day options have parted."""
    day, session_ns = lean_day(data_root, "SPX", "2021-01-04")
    values = replay(day, session_ns).values
    at_close = values[389]
    legacy = at_close[C.LEGACY_CUMULATIVE_GAMMA_USD_PER_USD] * at_close[C.SPOT] * 0.01
    valued = at_close[C.INVENTORY_GAMMA_USD_PER_PCT]
    assert abs(legacy - valued) > 0.1 * max(abs(legacy), abs(valued))
    # The expiry passes during the session: its contracts lose their Greeks, and the coverage says so.
    assert values[380, C.INVENTORY_COVERAGE] == 1.0
    assert values[400, C.INVENTORY_COVERAGE] < 1.0


def test_imbalance_of_the_best_quotes_moves_the_price_of_apple(data_root: Path) -> None:
    """The minute's change of mid follows imbalance over depth (Cont, Kukanov and Stoikov) better than volume."""
    day = lobster_day(data_root)
    open_ns = new_york_ns("2012-06-21T09:30:00")
    values = replay(day, (open_ns, open_ns + 390 * MINUTE_NS)).values
    mid = values[:, C.MID]
    change = np.diff(mid)
    explained = np.corrcoef(change, values[1:, C.OFI_PER_DEPTH])[0, 1] ** 2
    by_volume = np.corrcoef(change, values[1:, C.SIGNED_VOLUME])[0, 1] ** 2
    assert explained > 0.4
    assert explained > by_volume > 0.1
    assert values[-1, C.CVD] == pytest.approx(float((day.trades.aggressor * day.trades.size).sum()))
    assert values[-1, C.CVD_KNOWN_SHARE] == 1.0
    known = values[:, C.IMPACT_SLOPE_PER_USD]
    assert np.mean(known[np.isfinite(known)] > 0.0) > 0.9
    assert np.all(values[:, C.SPREAD_TIME_WEIGHTED] > 0.0)


def test_average_price_from_bars_is_that_of_the_ticks(data_root: Path) -> None:
    """SPY 2013-10-08: same volume in each minute; averages within 3 bp, blocks that were printed late at old prices."""
    date = "2013-10-08"
    open_ns = new_york_ns(f"{date}T09:30:00")
    session_ns = (open_ns, open_ns + 390 * MINUTE_NS)
    bars = table_of_day(data_root / "underlying" / "spy_1min_trade_201310.parquet", date)
    ticks = pq.read_table(data_root / "microstructure" / "lean_spy_tick_trade_20131008.parquet").to_pandas()
    found = []
    for ts_ns, price, size in (
        (wall_ns(bars["time_et"], date) + MINUTE_NS - 1, bars["close"], bars["volume"]),
        (new_york_ns(f"{date}T00:00:00") + ticks["ms"].to_numpy(np.int64) * 1_000_000, ticks["price"], ticks["size"]),
    ):
        n = len(price)
        trades = UnderlyingTrades(
            ts_ns=ts_ns.astype(np.int64),
            price=price.to_numpy(float),
            size=size.to_numpy(float),
            aggressor=np.zeros(n, dtype=np.int8),
            probability=np.ones(n),
        )
        options, books = no_options(), quotes([], 1.0, 2.0)
        arrivals = Arrivals.in_time(options, trades, books)
        day = Day(options=options, trades=trades, quotes=books, arrivals=arrivals, greeks=(None,) * 390, levels=())
        found.append(replay(replace(day, levels=(NO_LEVELS,) * 390), session_ns).values)
    of_bars, of_ticks = found
    assert (of_bars[:, C.VOLUME] == of_ticks[:, C.VOLUME]).sum() >= 388  # bars leave out the opening auction
    assert of_bars[-1, C.VWAP_DAY] == pytest.approx(of_ticks[-1, C.VWAP_DAY], rel=3e-4)
    assert np.isnan(of_ticks[-1, C.CVD])  # nobody told the sides
