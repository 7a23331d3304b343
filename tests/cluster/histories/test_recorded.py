"""Histories of files: what a run reads is named, cut to its dates, and refused where it is not there."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from cluster.histories.recorded import InputFile, RecordedFiles, recorded_history
from cluster.histories.span import Span
from market.calendars import session_on
from market.errors import ConfigError, DataError
from market.tradables import Share
from tests.cluster.histories.tables import DAYS, write_bars, write_mids, write_vix

WHOLE = Span(first=DAYS[0], last=DAYS[2])


def files_in(folder: Path) -> RecordedFiles:
    """Return mids, bars and an index of three sessions."""
    inputs = (InputFile(path=write_bars(folder)), InputFile(path=write_vix(folder)))
    return RecordedFiles(chains=(write_mids(folder),), inputs=inputs)


def test_every_source_has_the_digest_of_its_file(tmp_path: Path) -> None:
    """Names, digests and spans stand in the history; nothing is simulated."""
    files = files_in(tmp_path)
    found = recorded_history(files, WHOLE)
    assert [source.name for source in found.sources] == ["SPX mids", "SPX bars", "VIX values"]
    paths = [*files.chains, *(each.path for each in files.inputs)]
    assert [source.digest for source in found.sources] == [
        hashlib.sha256(path.read_bytes()).hexdigest() for path in paths
    ]
    assert not found.simulated
    assert found.instruments == ()  # an index cannot be bought


def test_daily_bars_carry_the_opening_and_closing_prints(tmp_path: Path) -> None:
    """A bar begins and ends with its session, so that AM and PM settlement find their prints."""
    bars = recorded_history(files_in(tmp_path), WHOLE).bars[0]
    sessions = [session_on("NYSE", day) for day in DAYS]
    assert bars.start_ns.tolist() == [s.open_ns for s in sessions if s is not None]
    assert bars.end_ns.tolist() == [s.close_ns for s in sessions if s is not None]
    assert bars.open.tolist() == [5100.0, 5101.0, 5102.0]
    assert bars.close.tolist() == [5121.0, 5122.0, 5123.0]


def test_nothing_after_the_span_is_in_the_history(tmp_path: Path) -> None:
    """Bars, chains and values end with the last day; values from before stay, because the newest of them counts."""
    span = Span(first=DAYS[1], last=DAYS[1])
    found = recorded_history(files_in(tmp_path), span)
    assert found.bars[0].close.tolist() == [5122.0]
    assert found.chains[0].available_ns.shape == (3,)
    assert found.series[0].value.tolist() == [15.5, 16.5]
    last = [found.bars[0].end_ns[-1], found.chains[0].available_ns[-1], found.series[0].available_ns[-1]]
    assert max(last) <= span.last_ns


@pytest.mark.parametrize("last", [date(2024, 3, 14), date(2024, 12, 31)])
def test_dates_that_a_file_does_not_cover_are_refused(tmp_path: Path, last: date) -> None:
    """The error names the data and the dates that are there."""
    with pytest.raises(DataError, match=r"do not cover the dates.*2024-03-11 to 2024-03-13"):
        recorded_history(files_in(tmp_path), Span(first=DAYS[0], last=last))


def test_what_is_wanted_of_a_file_gets_the_name_of_the_run(tmp_path: Path) -> None:
    """Bars of one name are told under another; a name that the file does not hold is refused."""
    files = files_in(tmp_path)
    named = InputFile(path=files.inputs[0].path, names={"SPX": "XSP"})
    assert recorded_history(replace(files, inputs=(named,))).bars[0].symbol == "XSP"
    with pytest.raises(DataError, match="NDX"):
        recorded_history(replace(files, inputs=(replace(named, names={"NDX": "NDX"}),)))


def test_dividends_of_a_factor_file_come_with_the_share(tmp_path: Path) -> None:
    """The share can be traded, and dividends outside the span are left out."""
    factors = tmp_path / "spy.csv"
    factors.write_text(
        "date,price_factor,split_factor,reference_price\n"
        "2024-03-01,0.98,1,500\n2024-03-11,0.99,1,500\n2024-03-12,1.0,1,510\n2050-12-31,1,1,0\n"
    )
    files = replace(files_in(tmp_path), factors={"SPY": factors})
    found = recorded_history(files, WHOLE)
    assert found.instruments == (Share(symbol="SPY"),)
    assert [str(each.amount) for each in found.dividends] == ["5.0000"]
    session = session_on("NYSE", DAYS[1])
    assert session is not None
    assert found.dividends[0].ex_ns == session.open_ns


def test_two_tables_of_chains_of_one_underlying_are_refused(tmp_path: Path) -> None:
    """One source of chains per underlying."""
    path = write_mids(tmp_path)
    other = tmp_path / "other.parquet"
    other.write_bytes(path.read_bytes())
    with pytest.raises(DataError, match="two kinds"):
        recorded_history(RecordedFiles(chains=(path, other)))


def test_a_span_needs_a_session() -> None:
    """A weekend is no run, and a span does not end before it begins."""
    with pytest.raises(ConfigError, match="before it begins"):
        Span(first=DAYS[1], last=DAYS[0])
    with pytest.raises(ConfigError, match="no session"):
        Span(first=date(2024, 3, 9), last=date(2024, 3, 10)).require("bars", 0, 1)


@pytest.mark.data
def test_real_sessions_are_read_one_at_a_time(data_root: Path) -> None:
    """The 24 SPX sessions stand in order, with the digest of their file."""
    path = data_root / "option_chains" / "cboe_spx_snapshots.parquet"
    found = recorded_history(RecordedFiles(chains=(path,)), Span(first=date(2023, 5, 19), last=date(2023, 6, 9)))
    chains = found.chains[0]
    assert chains.symbol == "SPX"
    sessions = [chains.chain(place).session.isoformat() for place in range(chains.available_ns.shape[0])]
    assert sessions == ["2023-05-19", "2023-05-23", "2023-05-26", "2023-06-08", "2023-06-09"]
    assert np.isfinite(chains.chain(0).bid).all()
