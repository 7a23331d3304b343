"""Lean's minute archives."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from market.clock import datetime_of_ns
from market.errors import DataError
from tests.adapters.chains.samples import only, write_lean

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
