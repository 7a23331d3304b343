"""Inputs from real daily histories, where they are present: known values of known days."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from math import isnan
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from adapters.rates.series import read_series
from fields.live.context import MarketContext
from fields.live.context_config import ContextConfig
from market.calendars import session_on
from market.clock import ns_of_datetime
from tests.fields.live.context_samples import bar_batch, funding

pytestmark = pytest.mark.data
_INDICES, _DAILY = Path("daily/cboe_vol_indices.parquet"), Path("daily/spx_spy_qqq_daily.parquet")
_FUNDING = Path("crypto/binance_funding_8h.parquet")


def _eastern(day: date, hour: int, minute: int = 0) -> int:
    return ns_of_datetime(datetime.combine(day, time(hour, minute), tzinfo=ZoneInfo("America/New_York")))


def test_the_close_of_an_index_is_known_half_an_hour_after_it(data_root: Path) -> None:
    """On 16 March 2020 the VIX closed at its highest, 82.69: at four the one before stood, at half past it did."""
    context = MarketContext(ContextConfig())
    day = date(2020, 3, 16)
    for series in read_series(data_root / _INDICES):
        recent = series.known_at(_eastern(day, 23))
        context.on_context([recent])
    before, after = (context.inputs("SPX", _eastern(day, 16, minute)) for minute in (0, 30))
    assert (before.vix, after.vix) == (57.83, 82.69)
    assert before.ages_s["vix"] == pytest.approx(3 * 86_400 - 900)
    assert not any(isnan(getattr(after, name)) for name in ("vix9d", "vix3m", "vix6m", "vvix"))
    assert before.skew == after.skew
    assert after.ages_s["skew"] > 3 * 86_400


def test_average_and_trend_of_the_index_equal_those_of_the_table(data_root: Path) -> None:
    """Two hundred closes of the S&P 500 as pandas averages them, at each of the last closes of the file."""
    table = pd.read_parquet(data_root / _DAILY)
    rows = table[table["symbol"] == "SPX"].sort_values("date").tail(260)
    sessions = [session_on("NYSE", day.date()) for day in rows["date"]]
    ends = [session.close_ns for session in sessions if session is not None]
    context = MarketContext(ContextConfig())
    batch = bar_batch("SPX", ends, rows["close"].tolist(), 23_400_000_000_000)
    context.on_context([batch])
    average = rows["close"].rolling(200).mean()
    for place in range(200, len(ends)):
        found = context.inputs("SPX", ends[place])
        assert found.sma == pytest.approx(average.iloc[place], rel=1e-12)
        assert 0.0 < found.adx < 100.0
    early = context.inputs("SPX", ends[200] - 1)
    assert early.sma == pytest.approx(average.iloc[199], rel=1e-12)


def test_funding_keeps_the_interval_of_the_venue(data_root: Path) -> None:
    """The rate that was paid last stands with its hours until the next payment, and is missing long after the last."""
    table = pd.read_parquet(data_root / _FUNDING)
    rows = table[table["symbol"] == "BTCUSDT"].tail(30)
    paid = rows["funding_time"].to_numpy().astype("datetime64[ns]").astype(np.int64)
    context = MarketContext(ContextConfig())
    context.on_context([funding("BTC/USDT:USDT", list(zip(paid.tolist(), rows["funding_rate"].tolist(), strict=True)))])
    for place in (0, 12, 28):
        found = context.inputs("BTC", int(paid[place + 1]) - 1)
        assert found.funding_rate == rows["funding_rate"].iloc[place]
        assert found.funding_interval_h == 8.0
    late = context.inputs("BTC", ns_of_datetime(datetime(2026, 1, 1, tzinfo=UTC)))
    assert "stale" in late.reasons["funding_rate"]
