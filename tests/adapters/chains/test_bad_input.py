"""Input that is not what it claims to be: always a `DataError` that says where, what and what to do."""

from __future__ import annotations

import gzip
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from adapters.chains import open_chains, open_source
from adapters.chains import source as source_module
from market.errors import DataError
from tests.adapters.chains.samples import (
    OPTIONSDX,
    cboe_rows,
    delayed_quotes,
    only,
    quote_row,
    quote_table,
    standard_rows,
    write_table,
    write_text,
)


def refusal(path: Path) -> DataError:
    """Return the error that reading a file raises, after checking that it is complete."""
    with pytest.raises(DataError) as caught:
        list(open_chains(path))
    error = caught.value
    assert error.path == str(path)
    assert error.expected
    assert error.action
    return error


_CONTENT: dict[str, bytes] = {
    "empty": b"",
    "blank": b"\n\n  \n",
    "empty gzip": gzip.compress(b""),
    "zeros": bytes(100_000),
    "junk": bytes(np.random.default_rng(7).integers(0, 256, 50_000, dtype=np.uint8)),
    "prose": b"It was the best of times, it was the worst of times.\n" * 50,
    "header only": quote_table([]).encode(),
    "json list": b"[1, 2, 3]",
    "json without options": b'{"timestamp": "2022-07-12 22:57:33", "data": {}}',
    "json of other types": delayed_quotes([{"option": 5, "bid": "x"}]).encode(),
    "json with no options": delayed_quotes([]).encode(),
    "truncated json": delayed_quotes().encode()[:-40],
    "truncated line": quote_table(standard_rows()).encode()[:-60],
    "truncated gzip": gzip.compress(quote_table(standard_rows() * 40).encode())[:-30],
    "corrupt gzip": gzip.compress(os.urandom(4000))[:200] + b"garbage",
    "decimal commas": "\n".join(line.replace(".", ",") for line in quote_table(standard_rows()).splitlines()).encode(),
    "too few columns": quote_table(["a,b,c"] * 5).encode(),
    "strike 0 everywhere": quote_table([quote_row("SPXW", "2023-05-24", 0.0)]).encode(),
    "unknown table": b"a,b,c\n1,2,3\n",
    "a column twice": OPTIONSDX.replace("[DTE]", "[STRIKE]").encode(),
    "no time": OPTIONSDX.replace("1672434000,", ",").encode(),
    "time out of range": OPTIONSDX.replace("1672434000,", "99999999999999,").encode(),
    "parquet magic": b"PAR1" + bytes(200) + b"PAR1",
    "zip magic": b"PK\x03\x04" + bytes(200),
}


@pytest.mark.parametrize("kind", _CONTENT)
def test_bad_content_is_refused_with_place_reason_and_advice(tmp_path: Path, kind: str) -> None:
    """Whatever the file's name claims, its content decides."""
    path = tmp_path / "spy_quotedata.csv"
    path.write_bytes(_CONTENT[kind])
    refusal(path)


def test_a_truncated_line_is_named_by_its_row(tmp_path: Path) -> None:
    """The row is that of the file, preamble included."""
    path = tmp_path / "x.csv"
    path.write_bytes(_CONTENT["truncated line"])
    assert refusal(path).row == 8


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    """The two commonest slips have their own words."""
    assert "no such file" in refusal(tmp_path / "nothing.csv").what
    assert "directory" in refusal(tmp_path).found


def test_links_that_lead_nowhere_or_in_a_circle_are_refused(tmp_path: Path) -> None:
    """The advice is to look at the link, not to fetch the file again."""
    (tmp_path / "dangling.csv").symlink_to(tmp_path / "gone.csv")
    (tmp_path / "circle.csv").symlink_to(tmp_path / "circle.csv")
    assert "leads nowhere" in refusal(tmp_path / "dangling.csv").found
    assert "link" in refusal(tmp_path / "circle.csv").action


@pytest.mark.parametrize("name", ["x" * 300, "x/" * 3000])
def test_a_name_that_is_too_long_is_refused(tmp_path: Path, name: str) -> None:
    """The operating system's own word for it is shown."""
    assert "too long" in refusal(tmp_path / name).found


def test_pipes_and_devices_are_refused_without_waiting(tmp_path: Path) -> None:
    """A pipe without a writer would block, a device would never end."""
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "zero.csv").symlink_to("/dev/zero")
    for name in ("pipe.csv", "zero.csv"):
        assert refusal(tmp_path / name).found == "not a regular file"


@pytest.mark.parametrize("name", ["опционы 日本語 🦔 spy.csv", "two\nlines spy.csv", os.fsdecode(b"spy_\xff\xfe.csv")])
def test_any_file_name_is_good(tmp_path: Path, name: str) -> None:
    """Names are bytes to the system; the chain says where it comes from all the same."""
    chain = only(write_text(tmp_path / name, quote_table(standard_rows())))
    assert chain.provenance.origin == name


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    """The advice is the permission to set."""
    path = write_text(tmp_path / "x.csv", quote_table(standard_rows()))
    path.chmod(0)
    assert "permission" in refusal(path).found


def test_permission_errors_become_advice(tmp_path: Path) -> None:
    """What the operating system refuses is told in the same words for every user."""
    with pytest.raises(DataError, match="chmod") as caught, source_module.foreign_errors(tmp_path / "x.csv"):
        raise PermissionError(13, "Permission denied")
    assert caught.value.found == "permission denied"


@pytest.mark.parametrize("start", [b"", quote_table(standard_rows()).encode(), b"PAR1"])
def test_two_gigabytes_of_garbage_fail_quickly(tmp_path: Path, start: bytes) -> None:
    """A sparse file of 2 GiB is refused by its head or its size, without being read."""
    path = tmp_path / "huge.csv"
    with path.open("wb") as file:
        file.write(start)
        file.truncate(2 * 1024**3)
    begin = time.perf_counter()
    refusal(path)
    assert time.perf_counter() - begin < 2.0


def test_a_compressed_bomb_stops_at_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Decompression ends at the limit, however well the content compresses."""
    monkeypatch.setattr(source_module, "MAX_BYTES", 1_000_000)
    path = write_text(tmp_path / "x.csv.gz", quote_table(standard_rows() * 10_000))
    assert path.stat().st_size < 100_000
    assert "too large" in refusal(path).what


def _rewrite(path: Path) -> None:
    before = path.stat()
    path.write_bytes(path.read_bytes())
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))


def _replace(path: Path) -> None:
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    other.replace(path)


@pytest.mark.parametrize("change", [_rewrite, _replace, Path.unlink])
def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path, change: Callable[[Path], None]) -> None:
    """Size, modification instant and inode must stay what they were at opening."""
    path = write_table(tmp_path / "c.parquet", [*cboe_rows("2023-05-23"), *cboe_rows("2023-05-24")])
    source = open_source(path)
    source.read(0)
    change(path)
    with pytest.raises(DataError, match=r"changed while|no such file"):
        source.read(1)


def test_parquet_without_rows_is_refused(tmp_path: Path) -> None:
    """A schema alone is no chain."""
    schema = pa.Table.from_pylist(cboe_rows("2023-05-23")).schema
    pq.write_table(schema.empty_table(), tmp_path / "c.parquet")
    assert "no rows" in refusal(tmp_path / "c.parquet").what


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.99])
def test_truncated_parquet_is_refused(tmp_path: Path, keep: float) -> None:
    """The footer is gone wherever the file ends."""
    path = write_table(tmp_path / "c.parquet", cboe_rows("2023-05-23"))
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content))])
    refusal(path)


@pytest.mark.parametrize("name", ["Calls", "Strike", "Puts"])
def test_a_renamed_column_of_a_quote_table_is_shown(tmp_path: Path, name: str) -> None:
    """The error shows the header as it is, with its row, and what it should be."""
    text = quote_table(standard_rows()).replace(f",{name},", ",Renamed,")
    error = refusal(write_text(tmp_path / "x.csv", text))
    assert (error.row, "Renamed" in error.found, "22 columns" in error.expected) == (4, True, True)


def test_a_quotation_mark_that_is_never_closed_is_refused_with_its_line(tmp_path: Path) -> None:
    """It would swallow all contracts after it into one cell."""
    rows = [*standard_rows(), '"' + standard_rows()[1], *standard_rows()]
    error = refusal(write_text(tmp_path / "x.csv", quote_table(rows)))
    assert (error.row, "quotation mark" in error.what) == (9, True)


def test_blank_lines_and_quoted_cells_are_no_broken_quotes(tmp_path: Path) -> None:
    """Only a quote that spans lines is refused."""
    quoted = standard_rows()[0].replace("Wed May 24 2023", '"Wed May 24 2023"')
    chain = only(write_text(tmp_path / "x.csv", quote_table([quoted, "", "\r", *standard_rows()[1:]])))
    assert chain.n_contracts == 8


def test_one_unreadable_time_is_shown_and_not_a_good_one(tmp_path: Path) -> None:
    """The cell that is wrong makes text of its column; the others still mean seconds."""
    second = OPTIONSDX.rindex("1672434000, 2022")
    text = OPTIONSDX[:second] + "16x2434000" + OPTIONSDX[second + 10 :]
    assert refusal(write_text(tmp_path / "spy.csv", text)).found == "'16x2434000'"


def test_json_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    """Editors add one on saving."""
    assert only(write_text(tmp_path / "x.json", delayed_quotes(), "utf-8-sig")).n_contracts == 2


def test_a_column_named_twice_in_parquet_is_refused(tmp_path: Path) -> None:
    """Names that differ only by case are one column to the reader, so nobody could tell which is meant."""
    rows = [row | {"Bid": 7.0} for row in cboe_rows("2023-05-23")]
    assert "twice" in refusal(write_table(tmp_path / "c.parquet", rows)).found


def test_dictionary_codes_without_an_entry_are_refused(tmp_path: Path) -> None:
    """A damaged page may hold codes beyond the end of its dictionary."""
    rows = cboe_rows("2023-05-23", n=400)
    table = pa.Table.from_pylist(rows)
    place = table.schema.get_field_index("option_symbol")
    table = table.set_column(place, "option_symbol", table["option_symbol"].dictionary_encode())
    path = tmp_path / "c.parquet"
    pq.write_table(table, path, compression="none", write_statistics=False)
    whole = path.read_bytes()
    codes = _code_run(path, place)
    path.write_bytes(whole[: codes.start] + b"\xff" * (codes.stop - codes.start) + whole[codes.stop :])
    refusal(path)


def _code_run(path: Path, column: int) -> slice:
    """Return the last bytes of a dictionary-encoded column: they are packed codes."""
    chunk = pq.read_metadata(path).row_group(0).column(column)
    end = chunk.dictionary_page_offset + chunk.total_compressed_size
    return slice(end - 200, end)


def test_columns_of_another_type_are_bad_rows_not_crashes(tmp_path: Path) -> None:
    """A strike column of booleans leaves no contract."""
    rows = [row | {"strike": True} for row in cboe_rows("2023-05-23")]
    assert "no contract" in refusal(write_table(tmp_path / "c.parquet", rows)).what


def test_missing_prices_stay_missing(tmp_path: Path) -> None:
    """NaN and empty cells are NaN, never zero."""
    row = quote_row("SPXW", "2023-05-24", 4100.0, call="SPXW230524C04100000,,0,NaN,,5,,,,", put="")
    chain = only(write_text(tmp_path / "x.csv", quote_table([row, *standard_rows()])))
    assert np.isnan([chain.bid[0], chain.ask[0], chain.last[0], chain.open_interest[0]]).all()
    assert chain.n_contracts == 8


def test_what_other_market_data_looks_like_is_said(tmp_path: Path) -> None:
    """A known lookalike is called by its name."""
    path = write_text(tmp_path / "x.csv", "instrument_name,price,direction,amount,iv\nBTC-1JAN26-1-C,1,buy,1,1\n")
    assert "trades" in refusal(path).found
