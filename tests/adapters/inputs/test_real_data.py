"""Real histories as inputs: cut files, files against a store, and the days on which they mattered."""

from __future__ import annotations

from datetime import datetime
from math import isnan
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from actors.codec import encode
from adapters.inputs import StoredInputs, Timeline, ToldRows, announced_meetings, read_inputs
from adapters.store import ingest, open_store
from fields.live.context import MarketContext
from fields.live.context_config import ContextConfig
from fields.live.market import MarketInputs
from market.clock import ns_of_datetime

pytestmark = pytest.mark.data
_NEW_YORK = ZoneInfo("America/New_York")
_INDICES, _BARS = "daily/cboe_vol_indices.parquet", "daily/spx_spy_qqq_daily.parquet"
_FUNDING, _MINUTES = "crypto/binance_funding_8h.parquet", "underlying/spx_5min_2026.parquet"
_CONFIG = ContextConfig(perpetuals={"BTC": "BTCUSDT"}, cross=("SPY", "QQQ"))
_MOMENTS = [datetime(2018, 2, 5, 16, 45), datetime(2020, 3, 16, 12, 0), datetime(2023, 3, 13, 9, 31)]  # noqa: DTZ001


def _at(moment: datetime) -> int:
    return ns_of_datetime(moment.replace(tzinfo=_NEW_YORK))


def _inputs(told: list[ToldRows], symbol: str, at_ns: int) -> MarketInputs:
    context = MarketContext(_CONFIG)
    context.on_context(Timeline(told).between(None, at_ns))
    return context.inputs(symbol, at_ns)


def _cut(source: Path, folder: Path, column: str, moment: datetime) -> Path:
    """Return a copy of a table without what speaks of later days, and without the day itself where it has no hour."""
    table = pd.read_parquet(source)
    last = pd.Timestamp(moment) + pd.Timedelta(hours=6)  # New York is behind UTC
    path = folder / source.name
    table[table[column] <= last].to_parquet(path)
    return path


@pytest.mark.parametrize("moment", _MOMENTS, ids=lambda moment: moment.date().isoformat())
def test_cutting_the_future_out_of_the_files_changes_no_input(
    data_root: Path, tmp_path: Path, moment: datetime
) -> None:
    """Indices, bars and funding of a world that ended that day say what the whole histories say."""
    columns = {_INDICES: "date", _BARS: "date", _FUNDING: "funding_time"}
    whole = [rows for name in columns for rows in read_inputs(data_root / name)]
    paths = [_cut(data_root / name, tmp_path, column, moment) for name, column in columns.items()]
    cut = [rows for path in paths for rows in read_inputs(path)]
    for symbol in ("SPX", "BTC"):
        found = _inputs(whole, symbol, _at(moment))
        assert encode(found) == encode(_inputs(cut, symbol, _at(moment)))
        assert not isnan(found.vix)


def test_a_store_says_what_its_files_say(data_root: Path, tmp_path: Path) -> None:
    """Bars that were imported first lead to the same trend, average and volatility."""
    store = open_store(tmp_path)
    for name in (_BARS, _MINUTES):
        ingest(store, data_root / name)
    files = [rows for name in (_BARS, _MINUTES) for rows in read_inputs(data_root / name)]
    stored = list(StoredInputs(where=str(tmp_path), bars=("SPX", "SPY", "QQQ")).read())
    at_ns = _at(datetime(2026, 5, 20, 11, 30))  # noqa: DTZ001  # the zone is added there
    one, two = _inputs(files, "SPX", at_ns), _inputs(stored, "SPX", at_ns)
    assert encode(one) == encode(two)
    assert 0.03 < one.realised_vol < 0.6


def test_a_panic_reads_as_one(data_root: Path) -> None:
    """On the evening of 5 February 2018 VIX stood at 37.32, above its longer terms; at noon nobody knew it."""
    told = list(read_inputs(data_root / _INDICES))
    noon, evening = (_inputs(told, "SPX", _at(datetime(2018, 2, 5, hour, 45))) for hour in (12, 16))  # noqa: DTZ001
    assert (noon.vix, evening.vix) == (17.31, 37.32)
    assert evening.vix9d > evening.vix > evening.vix3m > evening.vix6m
    assert noon.vix3m < noon.vix6m


def test_meetings_stand_beside_real_rates(data_root: Path) -> None:
    """On the eve of the statement of 29 January 2025 the rate is 4.33 % and the statement 28 hours ahead."""
    told = [*read_inputs(data_root / "rates/fred_dff.csv.gz"), ToldRows.of(announced_meetings())]
    found = _inputs(told, "SPX", _at(datetime(2025, 1, 28, 10, 0)))  # noqa: DTZ001
    assert found.minutes_to_fomc == 28 * 60.0
    assert found.rate == pytest.approx(0.0433)
