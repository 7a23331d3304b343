"""Whose clock stamps bars, how long they are, and who bought: told by what is in the file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from adapters.ticks import open_ticks
from market.clock import ns_of_datetime
from market.errors import DataError
from market.trades import TradeFlag, concatenate
from tests.adapters.ticks.samples import OPEN, only, trade_bars, written

_HOUR_NS = 3_600_000_000_000
_DAY = datetime(2023, 1, 6)  # noqa: DTZ001  # a Friday, without a zone as publishers write it
_DAY_NS = ns_of_datetime(datetime(2023, 1, 6, tzinfo=UTC))


def _bars(path: Path, hours: list[int], **more: list[object]) -> Path:
    columns: dict[str, Sequence[object]] = {
        "time": [_DAY + timedelta(hours=hour) for hour in hours],
        "close": [100.0] * len(hours),
        "volume": [1.0] * len(hours),
    }
    return written(path, {**columns, **more})


@pytest.mark.parametrize(
    ("name", "hours"),
    [("abc.parquet", [*range(24)]), ("abc.parquet", [15, 16, 30]), ("btcusdt_spot_1h.parquet", [15, 16])],
)
def test_bars_of_a_market_that_never_closes_are_in_utc(tmp_path: Path, name: str, hours: list[int]) -> None:
    """All hours of a day, or a Saturday, or a pair of coins tell it."""
    source = open_ticks(_bars(tmp_path / name, hours))
    assert source.instants().tolist() == [_DAY_NS + (hour + 1) * _HOUR_NS for hour in hours]


def test_bars_of_a_market_that_rests_are_in_new_york(tmp_path: Path) -> None:
    """A futures market rests an hour a day and on Saturdays; its bars of 15:00 are five hours later in UTC."""
    hours = [hour for hour in range(24) if hour != 17]
    source = open_ticks(_bars(tmp_path / "es.parquet", hours))
    assert source.instants().tolist() == [_DAY_NS + (hour + 6) * _HOUR_NS for hour in hours]


def test_a_zone_in_the_file_is_believed(tmp_path: Path) -> None:
    """Instants with a zone are instants, whatever the market."""
    path = tmp_path / "spy_1min.parquet"
    moment = datetime(2023, 1, 6, 14, 30, tzinfo=UTC)
    stamps = pa.array([moment], type=pa.timestamp("us", tz="America/New_York"))
    pq.write_table(pa.table({"time": stamps, "close": [380.0], "volume": [9]}), path)
    minute = only(open_ticks(path))
    assert (minute.symbol, minute.ts_event_ns) == ("SPY", _DAY_NS + 14 * _HOUR_NS + _HOUR_NS // 60 * 31)


def test_a_bar_of_eight_hours_is_not_known_after_one(tmp_path: Path) -> None:
    """Its close is that of its end."""
    source = open_ticks(_bars(tmp_path / "btcusdt_perp.parquet", [0, 8, 16]))
    assert source.symbols == ("BTCUSDT@PERP",)
    assert source.instants().tolist() == [_DAY_NS + hour * _HOUR_NS for hour in (8, 16, 24)]


def test_pairs_of_several_exchanges_stay_apart(tmp_path: Path) -> None:
    """Each has its own price, and so its own name; a spot pair and its perpetual are two."""
    more: dict[str, list[object]] = {
        "exchange": ["okx", "okx", "bybit"],
        "pair": ["BTC/USDT", "BTCUSDT", "BTCUSDT"],
        "contract": ["spot", "perpetual", "perpetual"],
        "close": [1.0, 2.0, 3.0],
    }
    source = open_ticks(_bars(tmp_path / "spot_perp_8h.parquet", [0, 0, 8], **more))
    found = {minute.symbol: minute.trades.price.tolist() for minute in source.minutes()}
    assert found == {"BTCUSDT@OKX": [1.0], "BTCUSDT@OKX-PERP": [2.0], "BTCUSDT@BYBIT-PERP": [3.0]}
    assert source.instants().tolist() == [_DAY_NS + 8 * _HOUR_NS, _DAY_NS + 16 * _HOUR_NS]


def test_signed_bars_tell_who_bought(tmp_path: Path) -> None:
    """Each side is a trade at the end of the bar, rounded up to the second; a side that did nothing is none."""
    columns: dict[str, list[object]] = {
        "ts_end_utc": [_DAY + timedelta(seconds=5), _DAY + timedelta(seconds=9)],
        "close": [10.0, 11.0],
        "buy_volume": [3, 0],
        "sell_volume": [2, 4],
        "time_et": ["18:00:00", "18:00:05"],
    }
    trades = only(open_ticks(written(tmp_path / "es_range_bars.parquet", columns))).trades
    assert trades.symbol == "ES"
    assert trades.aggressor.tolist() == [1, -1, -1]
    assert trades.size.tolist() == [3.0, 2.0, 4.0]
    assert trades.price.tolist() == [10.0, 10.0, 11.0]
    assert ((trades.ts_ns - _DAY_NS) // 1_000_000_000).tolist() == [6, 6, 10]
    assert set(trades.flags.tolist()) == {int(TradeFlag.BAR)}


def test_times_of_day_without_a_date_are_refused(tmp_path: Path) -> None:
    """A text is no instant, and the message says how to write it."""
    path = trade_bars(tmp_path / "goog_trade.parquet", [0], time=[OPEN.time().isoformat()])
    with pytest.raises(DataError, match=r"not instants.*time: string.*timestamps"):
        open_ticks(path)


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "symbols", "rows", "first", "last"),
    [
        ("btcusdt_perp_1h", 1, 17_544, "2023-01-01T01:00", "2025-01-01T00:00"),
        ("btcusdt_perp_4h_2020_2022", 1, 6_576, "2020-01-01T04:00", "2023-01-01T00:00"),
        pytest.param("btcusdt_spot_1h", 1, 35_050, "2021-01-01T01:00", "2025-01-01T00:00", marks=pytest.mark.slow),
        ("spot_perp_8h_binance_bybit_okx", 18, 24_624, "2023-01-01T08:00", "2024-04-01T00:00"),
    ],
)
def test_real_bars_of_coins_end_when_they_should(
    data_root: Path, name: str, symbols: int, rows: int, first: str, last: str
) -> None:
    """First and last bar end where the publisher's UTC stamps and the length of the bars say."""
    source = open_ticks(data_root / "crypto" / f"{name}.parquet")
    assert len(source.symbols) == symbols
    edges = [ns_of_datetime(datetime.fromisoformat(f"{text}:00+00:00")) for text in (first, last)]
    assert source.instants()[[0, -1]].tolist() == edges
    assert sum(1 for _ in source.minutes()) > 0
    assert source.tally.read == source.tally.trades + sum(source.tally.dropped.values()) == rows


@pytest.mark.data
@pytest.mark.parametrize("name", ["binance_funding_8h", "btc_funding_multi_exchange_2020_2023", "btc_perp_1m_202201"])
def test_real_files_that_tell_no_size_in_coins_are_refused(data_root: Path, name: str) -> None:
    """Funding rates are no trades, and a volume in dollars under another name of its time is not guessed at."""
    with pytest.raises(DataError, match="known format"):
        open_ticks(data_root / "crypto" / f"{name}.parquet")


@pytest.mark.data
def test_real_signed_bars_add_up(data_root: Path) -> None:
    """What buyers less what sellers initiated is the publisher's delta, over the whole file."""
    path = data_root / "underlying" / "es_range_bars_signed_volume_202603.parquet"
    trades = concatenate([minute.trades for minute in open_ticks(path).minutes()])
    table = pq.read_table(path)
    assert trades.n_trades == 14_310  # two sides of 7,159 bars, of which eight had one side only
    assert trades.size.sum() == np.sum(table["volume"].to_numpy())
    assert (trades.aggressor * trades.size).sum() == np.sum(table["delta"].to_numpy())
