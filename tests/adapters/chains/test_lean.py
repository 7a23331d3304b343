"""Lean's minute archives."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from adapters.chains.lean_universe import published_interest
from market.clock import datetime_of_ns
from market.errors import DataError
from tests.adapters.chains.samples import only, write_lean, write_text

_QUOTES = "34200000,100,110,90,105000,3,,,,120000,4\n46740000,100,110,90,115000,5,1,1,1,125000,6\n"
_ONE_SIDED = "46740000,,,,,,1,1,1,500,6\n"


def test_the_archives_of_a_day_make_one_chain(tmp_path: Path) -> None:
    """Quotes, trades and open interest lie in three archives; any of them opens the chain."""
    write_lean(tmp_path, "quote", {"call_7200000_20160115": _QUOTES, "put_75000_20160115": _ONE_SIDED})
    write_lean(tmp_path, "trade", {"call_7200000_20160115": "34740000,1,1,1,118000,4\n46500000,1,1,1,119000,2\n"})
    interest = {"call_7200000_20160115": "23400000,77\n", "call_8000000_20160115": "23400000,5\n"}
    chain = only(write_lean(tmp_path, "openinterest", interest))
    assert (chain.symbol, chain.session, chain.n_contracts) == ("GOOG", date(2015, 12, 24), 3)
    assert chain.strike.tolist() == [720.0, 7.5, 800.0]
    np.testing.assert_array_equal(chain.bid, [11.5, 0.0, np.nan])
    np.testing.assert_array_equal(chain.ask, [12.5, 0.05, np.nan])
    assert (chain.last[0], chain.volume[0]) == (11.9, 6.0)
    assert chain.open_interest[[0, 2]].tolist() == [77.0, 5.0]
    assert np.isnan(chain.open_interest[1])
    assert datetime_of_ns(chain.ts_event_ns) == datetime(2015, 12, 24, 18, 0, tzinfo=UTC)


def test_open_interest_alone_is_a_chain_without_quotes(tmp_path: Path) -> None:
    """What no archive holds is missing, not zero; the instant is the publication's."""
    interest = {"call_7200000_20160115": "23400000,77\n", "put_7200000_20160115": "23460000,0\n"}
    chain = only(write_lean(tmp_path, "openinterest", interest))
    assert chain.open_interest.tolist() == [77.0, 0.0]
    assert np.isnan([chain.bid, chain.ask, chain.last, chain.volume, chain.bid_size]).all()
    assert datetime_of_ns(chain.ts_event_ns) == datetime(2015, 12, 24, 11, 31, tzinfo=UTC)


def test_trades_alone_are_a_chain_without_open_interest(tmp_path: Path) -> None:
    """The last trade ends its minute; what was not traded is not listed."""
    trades = {"call_7200000_20160115": "34740000,1,1,1,118000,4\n46500000,1,1,1,119000,2\n"}
    chain = only(write_lean(tmp_path, "trade", trades))
    assert (chain.last[0], chain.volume[0]) == (11.9, 6.0)
    assert np.isnan([chain.bid[0], chain.ask[0], chain.open_interest[0]]).all()
    assert datetime_of_ns(chain.ts_event_ns) == datetime(2015, 12, 24, 17, 56, tzinfo=UTC)


def test_trades_lie_beside_open_interest(tmp_path: Path) -> None:
    """Either archive opens the union of both, and an untraded contract has a volume of 0."""
    trade = write_lean(tmp_path, "trade", {"call_7200000_20160115": "34740000,1,1,1,118000,4\n"})
    interest = write_lean(tmp_path, "openinterest", {"call_8000000_20160115": "23400000,5\n"})
    for chain in (only(trade), only(interest)):
        assert chain.strike.tolist() == [720.0, 800.0]
        np.testing.assert_array_equal(chain.volume, [4.0, 0.0])
        np.testing.assert_array_equal(chain.open_interest, [np.nan, 5.0])


def test_a_sibling_of_another_symbol_is_refused(tmp_path: Path) -> None:
    """Archives whose names do not tell symbols apart must not be mixed."""
    write_lean(tmp_path, "trade", {"call_7200000_20160115": "34740000,1,1,1,118000,4\n"}, symbol="aapl")
    path = write_lean(tmp_path, "openinterest", {"call_8000000_20160115": "23400000,5\n"})
    with pytest.raises(DataError, match="another day or symbol") as caught:
        only(path)
    assert caught.value.path.endswith("20151224_trade_american.zip")


def test_a_broken_bar_is_named(tmp_path: Path) -> None:
    """The error shows the member and the line."""
    path = write_lean(tmp_path, "quote", {"call_7200000_20160115": "34200000,abc\n"})
    with pytest.raises(DataError, match="call_7200000_20160115"):
        only(path)


_UNIVERSE = (
    "#expiry,strike,right,open,high,low,close,volume,open_interest,implied_volatility,delta,gamma,vega,theta,rho\n"
    ",,,92.69,92.95,92.50,92.72,2467914,,,,,,,\n"
    "20140613,70.71,C,22,23,21,22.05,5,12,0.4,0.9,0.01,0.1,-0.1,0.1\n"
    "20140613,71.43,P,0,0,0,0,0,,0,0,0,0,0,0\n"
)


def test_a_universe_takes_symbol_and_date_from_its_path(tmp_path: Path) -> None:
    """Lean keeps both in the path only; the underlying's bar is the second line."""
    folder = tmp_path / "universes" / "aapl"
    folder.mkdir(parents=True)
    chain = only(write_text(folder / "20140606.csv", _UNIVERSE))
    assert (chain.symbol, chain.session, chain.spot_last) == ("AAPL", date(2014, 6, 6), 92.72)
    assert chain.strike.tolist() == [70.71, 71.43]
    assert (chain.bid[0], chain.ask[0], chain.open_interest[0], chain.vendor_iv[0]) == (22.05, 22.05, 12.0, 0.4)
    assert np.isnan([chain.bid[1], chain.ask[1], chain.vendor_iv[1]]).all()
    assert datetime_of_ns(chain.ts_event_ns) == datetime(2014, 6, 6, 20, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("column", "meaning"),
    [
        ([12.0, np.nan, 3.0], [12.0, 0.0, 3.0]),
        ([12.0, np.nan, 0.0], [12.0, np.nan, 0.0]),
        ([np.nan, np.nan, np.nan], [np.nan, np.nan, np.nan]),
    ],
)
def test_an_empty_cell_is_zero_only_where_zeros_are_left_out(column: list[float], meaning: list[float]) -> None:
    """A snapshot that prints zeros, or nothing, says something else with an empty cell."""
    np.testing.assert_array_equal(published_interest(np.array(column)), meaning)


@pytest.mark.data
@pytest.mark.parametrize(
    ("universe", "session", "archive", "day"),
    [
        ("goog_lean_chain_daily", "2015-12-23", "goog_minute_openinterest_20151224", "2015-12-24"),
        ("aapl_lean_chain_daily", "2014-06-05", "aapl_minute_openinterest_20140606_09", "2014-06-06"),
    ],
)
def test_the_publisher_prints_zero_where_the_universe_is_empty(
    data_root: Path, universe: str, session: str, archive: str, day: str
) -> None:
    """The archive of the next morning has 0 for each contract whose cell is empty."""
    rows = pd.read_parquet(data_root / f"option_chains/{universe}.parquet")
    rows = rows[rows["date"] == pd.Timestamp(session)].copy()
    zeros = pd.read_parquet(data_root / f"option_intraday/{archive}.parquet")
    zeros = zeros[zeros["time"].dt.normalize() == pd.Timestamp(day)].rename(columns={"expiration": "expiry"})
    for table in (rows, zeros):
        table["right"] = table["right"].astype(str).str[0].str.upper()
    empty = rows[rows["open_interest"].isna()]
    printed = empty.merge(zeros, on=["expiry", "strike", "right"])["open_interest_y"]
    assert not (rows["open_interest"] == 0).any()
    assert len(printed) == len(empty) > 300
    assert (printed == 0).all()


def test_a_universe_without_a_date_in_its_name_is_refused(tmp_path: Path) -> None:
    """The advice is to keep Lean's names."""
    with pytest.raises(DataError, match="names that Lean gives"):
        only(write_text(tmp_path / "aapl.csv", _UNIVERSE))
