"""Recorded minute bars of GOOG (a half day) and SPX through readers, replay and live state: nothing known too early."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from adapters.replay import ReplayFactory
from fields.config import FieldConfig, PositionSource
from fields.live.config import LiveConfig
from fields.live.state import LiveField, SymbolState
from market.clock import ns_of_datetime
from market.ports import MarketBatch

pytestmark = [pytest.mark.data, pytest.mark.slow]

Change = Callable[[pa.Table], pa.Table]
CONFIG = LiveConfig(fields=FieldConfig(position_source=PositionSource.HYBRID))
FILES = {
    "GOOG": (
        "goog_minute_quote_20151224", "goog_minute_trade_20151224", "goog_minute_openinterest_20151224",
        "underlying_minute_quote", "underlying_minute_trade",
    ),
    "SPX": ("spx_minute_quote_202101", "spx_minute_trade_202101"),
}  # fmt: skip
_PRICES = ["open", "high", "low", "close"]
DAY = {"GOOG": "2015-12-24", "SPX": "2021-01-04"}


def new_york(symbol: str, clock: str) -> int:
    """Return a wall-clock minute of a symbol's day in ns."""
    at = datetime.fromisoformat(f"{DAY[symbol]} {clock}").replace(tzinfo=ZoneInfo("America/New_York"))
    return ns_of_datetime(at)


def rows_of_day(root: Path, symbol: str, name: str) -> pa.Table:
    """Return one file's rows of the symbol's day."""
    table = pq.read_table(root / "option_intraday" / f"{name}.parquet")
    if "symbol" in table.schema.names:
        table = table.filter(pc.equal(pc.cast(table["symbol"], pa.string()), symbol))
    return table.filter(pc.equal(pc.strftime(table["time"], format="%Y-%m-%d"), DAY[symbol]))


def index_quotes(root: Path) -> pa.Table:
    """Return the day's index as a quote of equal bid and ask: the bars of an index have neither trades nor sides."""
    bars = pq.read_table(root / "underlying" / "spx_1min_lean.parquet").rename_columns(["time", *_PRICES])
    bars = bars.filter(pc.equal(pc.strftime(bars["time"], format="%Y-%m-%d"), DAY["SPX"]))
    size = pa.array(np.ones(bars.num_rows, dtype=np.int64))
    columns = {"symbol": pa.array(["SPX"] * bars.num_rows), "time": bars["time"]}
    for side in ("bid", "ask"):
        columns |= {f"{price}_{side}": bars[price] for price in _PRICES} | {f"{side}_size": size}
    return pa.table(columns)


def batches(root: Path, folder: Path, symbol: str, change: Change | None = None) -> list[MarketBatch]:
    """Return the replay of a day whose files were changed before."""
    paths = []
    tables = {name: rows_of_day(root, symbol, name) for name in FILES[symbol]}
    if symbol == "SPX":
        tables["underlying_minute_quote"] = index_quotes(root)
    for name, table in tables.items():
        paths.append(folder / f"{name}.parquet")
        pq.write_table(table if change is None else change(table), paths[-1])
    feed = ReplayFactory(ticks=tuple(paths), interval_s=0.0)()
    return list(iter(feed.next_batch, None))


def state_at(played: list[MarketBatch], until_ns: int) -> SymbolState:
    """Return a live state that has heard all batches up to an instant."""
    state = SymbolState(CONFIG)
    for batch in (batch for batch in played if batch.ts_event_ns <= until_ns):
        for quotes in batch.quotes:
            state.on_quotes(quotes)
        for trades in batch.trades:
            state.on_trades(trades)
        for chain in batch.chains:
            state.on_chain(chain)
        if state.is_due:
            state.field()
    return state


def same(one: LiveField, two: LiveField, rtol: float = 0.0) -> None:
    """Assert that two fields, books and minutes are equal."""
    a, b = one.snapshot, two.snapshot
    for name in ("dex_usd", "gamma_usd_per_pct", "vanna_usd_per_volpt", "charm_usd_per_min"):
        np.testing.assert_allclose(getattr(a.totals, name), getattr(b.totals, name), rtol=rtol)
    np.testing.assert_allclose(a.spot, b.spot, rtol=rtol)
    np.testing.assert_allclose([z.level for z in a.zero_gamma], [z.level for z in b.zero_gamma], rtol=rtol)
    scale = float(np.nan_to_num(np.abs(a.ladder.potential_usd)).max())
    np.testing.assert_allclose(a.ladder.potential_usd, b.ladder.potential_usd, rtol=rtol, atol=rtol * scale)
    left, right = one.live.dealer, two.live.dealer
    assert (left.trades, left.signed, left.capped) == (right.trades, right.signed, right.capped)
    assert left.net_flow_contracts == pytest.approx(right.net_flow_contracts, rel=1e-12)
    assert left.gross_flow_contracts == pytest.approx(right.gross_flow_contracts, rel=1e-12)
    if one.live.flow is not None and two.live.flow is not None:
        assert one.live.flow.minute_end_ns == two.live.flow.minute_end_ns
        np.testing.assert_allclose(one.live.flow.values, two.live.flow.values, rtol=max(rtol, 1e-12), atol=1e-9)


@cache
def whole(root: Path, folder: Path, symbol: str) -> list[MarketBatch]:
    """Return the replay of a symbol's whole day."""
    return batches(root, folder, symbol)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for the rewritten files."""
    return tmp_path_factory.mktemp("lean")


CASES = [("GOOG", "09:45"), ("GOOG", "10:31"), ("GOOG", "12:59"), ("SPX", "09:40"), ("SPX", "12:00"), ("SPX", "15:59")]


@pytest.mark.parametrize(("symbol", "clock"), CASES)
def test_what_is_known_at_a_minute_needs_nothing_after_it(
    data_root: Path, scratch: Path, tmp_path: Path, symbol: str, clock: str
) -> None:
    """A replay of files that end there, to the last bit: a bar that begins in the minute is not known yet."""
    until = new_york(symbol, clock)
    stop = pa.scalar(datetime.fromisoformat(f"{DAY[symbol]} {clock}"), pa.timestamp("us"))
    cut = batches(
        data_root, tmp_path, symbol, lambda t: t.filter(pc.less(pc.cast(t["time"], pa.timestamp("us")), stop))
    )
    assert cut[-1].ts_event_ns <= until
    same(state_at(whole(data_root, scratch, symbol), until).field(), state_at(cut, until).field())


@pytest.mark.parametrize("symbol", ["GOOG", "SPX"])
def test_the_order_of_rows_within_a_timestamp_does_not_matter(
    data_root: Path, scratch: Path, tmp_path: Path, symbol: str
) -> None:
    """Shuffled within each minute of each file, and each field is the same."""
    rng = np.random.default_rng(7)

    def shuffled(table: pa.Table) -> pa.Table:
        time = table["time"].cast(pa.timestamp("ns")).to_numpy().astype(np.int64)
        return table.take(np.lexsort((rng.random(time.shape[0]), time)))

    mixed = batches(data_root, tmp_path, symbol, shuffled)
    for clock in ("09:45", "12:59"):
        until = new_york(symbol, clock)
        plain = state_at(whole(data_root, scratch, symbol), until)
        same(plain.field(), state_at(mixed, until).field(), rtol=1e-9)


@pytest.mark.parametrize(("symbol", "least"), [("GOOG", 0.6), ("SPX", 0.6)])
def test_most_trades_of_the_session_get_a_side(data_root: Path, scratch: Path, symbol: str, least: float) -> None:
    """All option trades of the file reach the book, and none is lost, late or told twice."""
    expected = rows_of_day(data_root, symbol, FILES[symbol][1]).num_rows
    found = state_at(whole(data_root, scratch, symbol), new_york(symbol, "23:59")).field().live
    assert found.dealer.trades + found.stream.before_chain >= 0.98 * expected
    assert found.dealer.trades <= expected
    assert found.dealer.signed >= least * found.dealer.trades
    assert (found.stream.rows_lost, found.stream.trades_repeated, found.stream.clock_jumps) == (0, 0, 0)


def test_the_half_day_ends_at_one(data_root: Path, scratch: Path) -> None:
    """24 December 2015: the last minute of flow ends at 13:00, and no time to the close is left there."""
    played = whole(data_root, scratch, "GOOG")
    at_noon = state_at(played, new_york("GOOG", "12:00")).field().snapshot.hedge_flow
    assert at_noon.minutes_to_close == 60.0
    late = state_at(played, new_york("GOOG", "13:30")).field()
    assert late.snapshot.hedge_flow.minutes_to_close == 0.0
    assert late.live.flow is not None
    assert late.live.flow.minute_end_ns == new_york("GOOG", "13:00")
