"""Cboe quote tables and delayed-quote documents."""

from __future__ import annotations

import zipfile
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from market.chains import DropReason
from market.clock import datetime_of_ns
from market.errors import DataError
from market.instruments import SettlementTime
from market.provenance import AsOfSource
from tests.adapters.chains.samples import (
    PORTUGUESE,
    delayed_quotes,
    only,
    quote_row,
    quote_table,
    standard_rows,
    write_text,
)


def test_quote_table_gives_contracts_spot_and_instant(tmp_path: Path) -> None:
    """Each line is a call and a put; the preamble is the spot and the as-of instant."""
    chain = only(write_text(tmp_path / "x.csv", quote_table(standard_rows())))
    assert (chain.symbol, chain.session, chain.n_read, chain.n_contracts) == ("SPX", date(2023, 5, 23), 8, 8)
    assert datetime_of_ns(chain.ts_event_ns) == datetime(2023, 5, 23, 23, 39, tzinfo=UTC)
    assert (chain.spot_last, chain.spot_bid, chain.spot_ask) == (4145.5801, 4133.9502, 4162.5498)
    assert sorted(set(chain.strike.tolist())) == [7.5, 4100.0, 4150.0, 12000.0]
    assert float(chain.open_interest[chain.is_call].sum()) == 400.0
    assert float(chain.open_interest.sum()) == 1200.0
    assert chain.provenance.as_of_source is AsOfSource.STAMPED
    assert not chain.provenance.simulated


def test_roots_tell_morning_from_afternoon_settlement(tmp_path: Path) -> None:
    """SPX settles on the opening print, SPXW on the close."""
    chain = only(write_text(tmp_path / "x.csv", quote_table(standard_rows())))
    terms = {series.product.root: series.product.settlement for series in chain.series}
    assert terms == {"SPXW": SettlementTime.PM, "SPX": SettlementTime.AM}
    settled = {series.product.root: datetime_of_ns(series.expiry_ns) for series in chain.series}
    assert settled["SPX"] == datetime(2023, 6, 16, 13, 30, tzinfo=UTC)
    assert settled["SPXW"] == datetime(2023, 5, 24, 20, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (PORTUGUESE, datetime(2025, 8, 28, 20, 25, tzinfo=UTC)),
        ('"Date: August 28, 2025 at 4:25 PM EDT"', datetime(2025, 8, 28, 20, 25, tzinfo=UTC)),
        ("Date: 28 août 2025 à 22:25 UTC+2", datetime(2025, 8, 28, 20, 25, tzinfo=UTC)),
        ("Date: 28. März 2025 um 21:25 GMT+1", datetime(2025, 3, 28, 20, 25, tzinfo=UTC)),
        ("Date: 28 de febrero de 2025 15:25 EST", datetime(2025, 2, 28, 20, 25, tzinfo=UTC)),
        ("Date: 28 ottobre 2025 alle ore 16:25 ET", datetime(2025, 10, 28, 20, 25, tzinfo=UTC)),
        ('"Date: Dec 29, 2025 at 12:05 AM EST"', datetime(2025, 12, 29, 5, 5, tzinfo=UTC)),
    ],
)
def test_dates_of_many_languages_are_read(tmp_path: Path, line: str, expected: datetime) -> None:
    """The preamble is in the language of the browser that downloaded it."""
    rows = [quote_row("SPXW", f"{expected.year + 1}-06-18", 4100.0)]
    chain = only(write_text(tmp_path / "x.csv", quote_table(rows, date_line=line)))
    assert datetime_of_ns(chain.ts_event_ns) == expected


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
def test_encodings_and_line_ends_of_spreadsheets_are_read(tmp_path: Path, encoding: str, line_end: str) -> None:
    """A letter with an accent in the preamble is the same in each encoding."""
    table = quote_table(standard_rows(), date_line="Date: 23 de março de 2023 às 16:25 GMT-4")
    chain = only(write_text(tmp_path / "x.csv", table.replace("\n", line_end), encoding))
    assert datetime_of_ns(chain.ts_event_ns) == datetime(2023, 3, 23, 20, 25, tzinfo=UTC)
    assert (chain.n_contracts, dict(chain.dropped)) == (8, {})


@pytest.mark.parametrize("lines", [0, 1, 3], ids=["two lines", "three lines", "five lines"])
def test_the_header_is_found_wherever_the_preamble_ends(tmp_path: Path, lines: int) -> None:
    """Older tables begin with the name, newer ones with a blank line."""
    text = "\n" * lines + quote_table(standard_rows()).lstrip("\n")
    found = only(write_text(tmp_path / "x.csv", text))
    assert (found.n_contracts, found.spot_last, dict(found.dropped)) == (8, 4145.5801, {})


def test_a_night_snapshot_belongs_to_the_session_before(tmp_path: Path) -> None:
    """At five past midnight on Monday the last session is Friday's."""
    line = '"Date: Jun 12, 2023 at 12:05 AM EDT"'
    chain = only(write_text(tmp_path / "x.csv", quote_table(standard_rows(), date_line=line)))
    assert chain.session == date(2023, 6, 9)


def test_semicolons_and_decimal_commas_are_understood(tmp_path: Path) -> None:
    """A spreadsheet of a comma locale writes the same table with other separators."""
    english = only(write_text(tmp_path / "en.csv", quote_table(standard_rows())))
    lines = quote_table(standard_rows()).splitlines()
    text = "\n".join([*lines[:3], *(line.replace(",", ";").replace(".", ",") for line in lines[3:])]) + "\n"
    german = only(write_text(tmp_path / "de.csv", text))
    assert np.array_equal(german.strike, english.strike)
    assert np.array_equal(german.ask, english.ask)


@pytest.mark.parametrize(
    "line", ["Date: some day", "Date: May 23, 2023 at 7:39 PM XYZ", "Date: May 43, 2023 at 7:39 PM EDT"]
)
def test_a_table_without_a_readable_instant_is_refused(tmp_path: Path, line: str) -> None:
    """Nobody guesses when a snapshot was taken."""
    with pytest.raises(DataError, match="does not say when"):
        only(write_text(tmp_path / "x.csv", quote_table(standard_rows(), date_line=line)))


def test_rows_that_are_no_contracts_are_dropped_and_counted(tmp_path: Path) -> None:
    """Each reason is counted once and nothing else is lost."""
    good = quote_row("SPXW", "2023-05-24", 4100.0)
    rows = [
        good,
        good,
        quote_row("SPXW", "2023-05-24", 4110.0, call="SPXW230524C04110000,1,0,-2,3,0,0.1,0.5,0,5"),
        quote_row("SPXW", "2023-05-24", 4120.0, put="junk,1,0,2,3,0,0.1,0.5,0,5"),
        quote_row("SPXW", "2023-05-24", 0.0),
        quote_row("OEX", "2023-05-24", 1900.0),
        quote_row("SPXW", "2023-05-24", 4130.0, call="SPXW230524C04130000,1,0,abc,3,0,0.1,0.5,0,5"),
        "Wed May 24 2023,too,short",
    ]
    chain = only(write_text(tmp_path / "x.csv", quote_table(rows)))
    assert dict(chain.dropped) == {
        DropReason.DUPLICATE: 2,
        DropReason.NEGATIVE_PRICE: 1,
        DropReason.BAD_ROW: 4,
        DropReason.BAD_STRIKE: 2,
        DropReason.NON_STANDARD: 2,
    }
    assert (chain.n_read, chain.n_contracts) == (16, 5)


@pytest.mark.parametrize("cell", ["abc", "2023-05-24", "true", "1e999"], ids=["word", "date", "truth", "infinite"])
def test_one_unreadable_cell_costs_only_its_contract(tmp_path: Path, cell: str) -> None:
    """A file with a bad cell is read by another path than a clean one: all its other contracts are the same."""
    rows = [quote_row("SPXW", "2023-05-24", 4000.0 + 5.0 * place) for place in range(40)]
    clean = only(write_text(tmp_path / "clean.csv", quote_table(rows)))
    rows[7] = quote_row("SPXW", "2023-05-24", 4035.0, put=f"SPXW230524P04035000,9.5,0,{cell},9.8,7,0.2,-0.5,0.002,200")
    spoilt = only(write_text(tmp_path / "spoilt.csv", quote_table(rows)))
    assert dict(spoilt.dropped) == {DropReason.BAD_ROW: 1}
    left = clean.symbols != b"SPXW230524P04035000"
    for name in ("symbols", "strike", "bid", "ask", "open_interest", "vendor_iv", "vendor_gamma", "series_index"):
        np.testing.assert_array_equal(getattr(spoilt, name), getattr(clean, name)[left])


def test_garbled_symbols_cost_only_their_contracts(tmp_path: Path) -> None:
    """A cell that looks like a root of a coin exchange of unknown terms is a bad row, not the end of the file."""
    cells = ["BTC@NOWHERE", "X@Y230524C04110000"]
    rows = [quote_row("SPXW", "2023-05-24", 4110.0, call=f"{cell},1,0,2,3,0,0.1,0.5,0,5") for cell in cells]
    chain = only(write_text(tmp_path / "x.csv", quote_table([*standard_rows(), *rows])))
    assert (chain.symbol, chain.n_contracts) == ("SPX", 9)
    assert dict(chain.dropped) == {DropReason.BAD_ROW: 1, DropReason.DUPLICATE: 1, DropReason.NON_STANDARD: 1}


def test_expired_crossed_and_bidless_contracts_are_kept(tmp_path: Path) -> None:
    """Whether a quote can be valued is the field's question."""
    rows = [
        quote_row("SPXW", "2023-05-22", 4100.0),
        quote_row("SPXW", "2023-05-24", 4100.0, call="SPXW230524C04100000,1,0,5,3,0,0.1,0.5,0,5"),
        quote_row("SPXW", "2023-05-24", 4110.0, call="SPXW230524C04110000,1,0,0,3,0,0,0.5,0,5"),
    ]
    chain = only(write_text(tmp_path / "x.csv", quote_table(rows)))
    assert (chain.n_contracts, dict(chain.dropped)) == (6, {})
    assert np.isnan(chain.vendor_iv[chain.bid == 0.0]).all()


def test_delayed_quotes_give_sizes_and_the_instant_of_the_spot(tmp_path: Path) -> None:
    """The JSON form has bid and ask sizes, and the underlying's own last trade."""
    chain = only(write_text(tmp_path / "x.json.gz", delayed_quotes()))
    assert (chain.symbol, chain.session, chain.n_contracts) == ("SPY", date(2022, 7, 12), 2)
    assert chain.bid_size.tolist() == [30.0, 30.0]
    assert datetime_of_ns(chain.ts_event_ns) == datetime(2022, 7, 12, 22, 57, 33, tzinfo=UTC)
    assert datetime_of_ns(chain.spot_ts_ns) == datetime(2022, 7, 12, 20, 0, tzinfo=UTC)
    assert chain.vendor_iv[0] == 0.25
    assert np.isnan(chain.vendor_iv[1])


def test_a_zip_of_one_table_is_read_like_the_table(tmp_path: Path) -> None:
    """Compression is not a format."""
    plain = only(write_text(tmp_path / "x.csv", quote_table(standard_rows())))
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(tmp_path / "x.csv", "folder/x.csv")
    packed = only(tmp_path / "x.zip")
    assert np.array_equal(packed.strike, plain.strike)
    assert (packed.spot_last, packed.ts_event_ns) == (plain.spot_last, plain.ts_event_ns)
    assert packed.provenance.origin == "x.zip"
