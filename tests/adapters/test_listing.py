"""The listing of a folder of chain files."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from adapters.listing import list_chain_files
from market.errors import DataError
from tests.adapters.chains.samples import cboe_rows, quote_table, standard_rows, write_table, write_text


def test_each_file_is_described_or_says_why_not(tmp_path: Path) -> None:
    """Formats, symbols, sessions and contracts; a file that is no chain stands in the list with its reason."""
    (tmp_path / "deep").mkdir()
    write_table(tmp_path / "a.parquet", [*cboe_rows("2023-05-23"), *cboe_rows("2023-05-24", "SPY", "SPY")])
    write_text(tmp_path / "deep" / "b.csv.gz", quote_table(standard_rows()))
    write_text(tmp_path / "notes.txt", "buy milk\n")
    write_text(tmp_path / ".hidden", "x")
    first, second, third = list_chain_files(tmp_path)
    assert (first.format, first.symbols, first.n_snapshots) == ("cboe-snapshot-table", ("SPX", "SPY"), 2)
    assert (first.first_session, first.last_session) == (date(2023, 5, 23), date(2023, 5, 24))
    assert (first.n_contracts, first.problem) == (6, "")
    assert (second.path.name, second.format, second.n_contracts) == ("b.csv.gz", "cboe-quote-table", 8)
    assert (third.format, third.n_snapshots) == ("", 0)
    assert "not an option chain" in third.problem


def test_one_file_is_a_list_of_one(tmp_path: Path) -> None:
    """A path of a file is described like a folder of it alone."""
    path = write_text(tmp_path / "b.csv", quote_table(standard_rows()))
    (summary,) = list_chain_files(path)
    assert summary.symbols == ("SPX",)


def test_empty_and_missing_folders_are_refused(tmp_path: Path) -> None:
    """Nothing found is said, not shown as an empty list."""
    with pytest.raises(DataError, match="no files"):
        list(list_chain_files(tmp_path))
    (summary,) = list_chain_files(tmp_path / "missing")
    assert "no such file" in summary.problem
