"""Files and stores of inputs: what each layout says, and from when."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from adapters.encoded.messages import known_ns_of
from adapters.inputs import StoredInputs, Timeline, read_inputs, read_news
from fields.live.context import MarketContext
from fields.live.context_config import ContextConfig
from market.bars import BarBatch
from market.clock import ns_of_datetime
from market.errors import DataError
from market.funding import FundingBatch
from market.news import NewsBatch
from market.series import EventBatch, EventKind, SeriesBatch
from tests.adapters.store.samples import store_at
from tests.fields.live.context_samples import DAY_NS, HOUR_NS, START_NS, announced, articles, bar_batch, points

_NEW_YORK = ZoneInfo("America/New_York")


def _at(*parts: int) -> int:
    return ns_of_datetime(datetime(*parts, tzinfo=_NEW_YORK))  # type: ignore[misc,arg-type]  # year to minute


def _written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_daily_bars_are_known_at_the_close_of_their_session(tmp_path: Path) -> None:
    """A date is a session: its bar ends with it, on the half day after Thanksgiving at one."""
    days = "".join(f"TLT,2023-11-{day},90,91,89,90.5,10\n" for day in (21, 22, 24))
    (rows,) = read_inputs(_written(tmp_path, "bars.csv", "Symbol,Date,Open,High,Low,Close,Volume\n" + days))
    assert isinstance(rows.message, BarBatch)
    assert rows.message.symbol == "TLT"
    assert rows.known_ns.tolist() == [_at(2023, 11, 21, 16), _at(2023, 11, 22, 16), _at(2023, 11, 24, 13)]


def test_funding_has_the_interval_that_lies_before_each_payment(tmp_path: Path) -> None:
    """A venue that goes from eight to four hours is read as it did; the first payment takes that of the second."""
    times = ["2024-01-01 00:00", "2024-01-01 08:00", "2024-01-01 12:00"]
    instants = np.array(times, dtype="datetime64[ns]")
    table = pa.table({"symbol": ["SOLUSDT"] * 3, "funding_time": instants, "funding_rate": [1e-4, 2e-4, 3e-4]})
    path = tmp_path / "funding.parquet"
    pq.write_table(table, path)
    (rows,) = read_inputs(path)
    assert isinstance(rows.message, FundingBatch)
    assert (rows.message.interval_ns / HOUR_NS).tolist() == [8.0, 8.0, 4.0]
    assert rows.message.rate.tolist() == [1e-4, 2e-4, 3e-4]
    pq.write_table(table.slice(0, 1), path)
    with pytest.raises(DataError, match="interval"):
        read_inputs(path)


def test_series_calendars_and_news_are_told_apart_by_their_columns(tmp_path: Path) -> None:
    """Each layout becomes its own message."""
    rates = _written(tmp_path, "DFF.csv", "observation_date,DFF\n2023-05-22,5.08\n")
    dates = _written(tmp_path, "earnings.csv", "event_time,kind,symbol\n2023-05-24T16:20,earnings,NVDA\n")
    news = _written(tmp_path, "news.csv", "published_time,headline,symbols\n2023-05-24T16:20:00Z,Up,NVDA;AMD\n")
    found = [read_inputs(path)[0].message for path in (rates, dates, news)]
    assert [type(message) for message in found] == [SeriesBatch, EventBatch, NewsBatch]
    assert isinstance(found[2], NewsBatch)
    assert found[2].symbols == (("NVDA", "AMD"),)


def test_an_article_and_its_change_are_two_rows(tmp_path: Path) -> None:
    """One JSON object a line; what was changed is known from the change, and a row without it from publication."""
    lines = (
        '{"id": 7, "created_at": "2024-05-01T14:00:00Z", "updated_at": "2024-05-01T14:05:00Z", "headline": "B"}\n'
        "\n"
        '{"id": 7, "created_at": "2024-05-01T14:00:00Z", "headline": "A", "symbols": ["spy", "SPY"]}\n'
    )
    news = read_news(_written(tmp_path, "news.jsonl", lines))
    assert (news.article_id, news.headline, news.symbols) == (("7", "7"), ("A", "B"), (("SPY",), ()))
    assert (np.diff(news.available_ns) == 300 * 10**9).all()


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("news.jsonl", "[1]\n", "no JSON object"),
        ("news.jsonl", "{broken\n", "no JSON object"),
        ("news.jsonl", '{"headline": "A"}\n', "cannot be read"),
        ("news.csv", "published_time,headline\nyesterday,A\n", "no usable time"),
        ("other.csv", "when,what\n1,2\n", "no dates"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path: Path, name: str, text: str, said: str) -> None:
    """Broken lines, missing columns and times that are none are errors of data with their file."""
    path = _written(tmp_path, name, text)
    with pytest.raises(DataError, match=said) as caught:
        read_inputs(path)
    assert caught.value.path == str(path)


def test_a_store_tells_every_version_at_its_own_instant(tmp_path: Path) -> None:
    """A bar that was corrected a day later reads as it first did until then; so does all the rest."""
    store, clock = store_at(tmp_path, now_ns=START_NS + HOUR_NS)
    first, corrected = (bar_batch("SPY", [START_NS], [close]) for close in (100.0, 101.0))
    others = (
        points("VIX", [(START_NS, START_NS, 15.0)]),
        announced([("m", EventKind.FOMC, "", START_NS + 5 * DAY_NS, START_NS)]),
        articles([("n", ("SPY",), START_NS, START_NS)]),
    )
    for message in (first, *others):
        _record(store, message)
    clock.instant_ns = START_NS + DAY_NS
    _record(store, corrected)
    told = StoredInputs(where=str(tmp_path), series=("VIX",), bars=("SPY",)).read()
    timeline = Timeline(told)
    context = MarketContext(ContextConfig(cross=("SPY",)))
    context.on_context(timeline.between(None, START_NS + 2 * HOUR_NS))
    early = context.inputs("SPY", START_NS + 2 * HOUR_NS)
    context.on_context(timeline.between(START_NS + 2 * HOUR_NS, START_NS + 2 * DAY_NS))
    late = context.inputs("SPY", START_NS + 2 * DAY_NS)
    assert (early.cross[0].close, late.cross[0].close) == (100.0, 101.0)
    assert (early.vix, early.news_24h, early.minutes_to_fomc) == (15.0, 1.0, 5 * 1440.0 - 120.0)


def _record(store: object, message: object) -> None:
    from adapters.store.kinds import kind_of

    writer = store.writer(kind_of(message), origin="test")  # type: ignore[attr-defined,arg-type]
    writer.add_message(message)
    writer.commit()


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "symbols"),
    [
        ("daily/spx_spy_qqq_daily.parquet", {"QQQ", "SPX", "SPY"}),
        ("daily/cboe_vol_indices.parquet", {"SKEW", "VIX", "VIX3M", "VIX6M", "VIX9D", "VVIX"}),
        ("crypto/binance_funding_8h.parquet", {"BTCUSDT", "ETHUSDT", "SOLUSDT"}),
        ("rates/fred_dff.csv.gz", {"DFF"}),
        ("underlying/spx_5min_2026.parquet", {"SPX"}),
    ],
)
def test_real_files_are_read_and_nothing_is_known_before_it_ends(data_root: Path, name: str, symbols: set[str]) -> None:
    """Each of them becomes messages of its symbols, no row known before its own stamp."""
    told = read_inputs(data_root / name)
    assert {getattr(rows.message, "symbol", getattr(rows.message, "series", "")) for rows in told} == symbols
    assert all((rows.known_ns >= known_ns_of(rows.message)).all() for rows in told)
    assert Timeline(told).n_rows > 1_000
