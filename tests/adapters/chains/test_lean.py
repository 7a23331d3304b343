"""Lean's minute archives."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

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
    assert chain.bid.tolist() == [11.5, 0.0, 0.0]
    assert chain.ask.tolist() == [12.5, 0.05, 0.0]
    assert (chain.last[0], chain.volume[0]) == (11.9, 6.0)
    assert chain.open_interest[[0, 2]].tolist() == [77.0, 5.0]
    assert np.isnan(chain.open_interest[1])
    assert datetime_of_ns(chain.ts_event_ns) == datetime(2015, 12, 24, 18, 0, tzinfo=UTC)


def test_open_interest_alone_says_that_quotes_are_missing(tmp_path: Path) -> None:
    """The error names the archive to put beside it."""
    path = write_lean(tmp_path, "openinterest", {"call_7200000_20160115": "23400000,77\n"})
    with pytest.raises(DataError, match=r"20151224_quote_american\.zip") as caught:
        only(path)
    assert "same folder" in str(caught.value)


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
    assert np.isnan([chain.bid[1], chain.ask[1], chain.open_interest[1], chain.vendor_iv[1]]).all()
    assert datetime_of_ns(chain.ts_event_ns) == datetime(2014, 6, 6, 20, 0, tzinfo=UTC)


def test_a_universe_without_a_date_in_its_name_is_refused(tmp_path: Path) -> None:
    """The advice is to keep Lean's names."""
    with pytest.raises(DataError, match="names that Lean gives"):
        only(write_text(tmp_path / "aapl.csv", _UNIVERSE))
