"""Which format a file has, by its content; its name is never enough."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pyarrow.parquet as pq

from adapters.chains import crypto, eod, optionsdx, yahoo
from adapters.chains.cboe_csv import header_line, read_quote_table
from adapters.chains.cboe_json import read_delayed_quotes
from adapters.chains.delimited import Dialect, read_lines
from adapters.chains.lean import is_lean_member, read_lean_archive
from adapters.chains.lean_universe import is_universe, read_universe
from adapters.chains.parquet import ParquetSource, RecordedSource, open_metadata
from adapters.chains.source import SourceFile, UnknownFormatError, file_entries, foreign_errors
from adapters.chains.table import ChainSource, Layout, TableSource
from market.errors import DataError

__all__ = ["LAYOUTS", "open_source"]

# The first layout whose columns are all there wins, so a richer one stands before a poorer one.
LAYOUTS: tuple[Layout, ...] = (*eod.LAYOUTS, *optionsdx.LAYOUTS, *yahoo.LAYOUTS, *crypto.LAYOUTS)

_CONTROL = bytes(byte for byte in range(32) if not 9 <= byte <= 13)  # no text holds many of these letters
_KNOWN = "Cboe quote table or delayed-quote JSON, OptionsDX, Yahoo, Deribit, OKX, Lean, iVolatility, or a recording"
# What other market data looks like: (columns that it has, what it is). A clear name saves the reader a search.
_LOOKALIKES: tuple[tuple[frozenset[str], str], ...] = (
    (frozenset({"cg", "pg", "total", "coi", "poi"}), "dealer gamma by strike, derived from a chain"),
    (frozenset({"instrument_name", "direction", "price", "amount"}), "option trades of Deribit, not a chain"),
    (frozenset({"close_bid", "close_ask"}), "quote bars"),
    (frozenset({"open", "high", "low", "close", "volume"}), "price bars"),
    (frozenset({"time", "expiration", "strike", "right", "open_interest"}), "open interest without quotes"),
    (frozenset({"funding_rate"}), "funding rates"),
    (frozenset({"aggressor"}), "trades of an exchange"),
    (frozenset({"total_open_interest"}), "daily totals of chains"),
    (frozenset({"header_ts_et", "parity_forward_first_expiry"}), "the index of a collection of snapshots"),
)


def open_source(path: Path) -> ChainSource:
    """Open a file of option chains: learn its format and what it holds, and read no chain yet.

    Parameters
    ----------
    path : Path
        Plain, gzip- or zip-compressed.

    Returns
    -------
    ChainSource
        Its snapshots in time order.
    """
    source = SourceFile.open(path)
    if source.head.startswith(b"PAR1"):
        return _open_parquet(source)
    if source.head.startswith(b"PK\x03\x04"):
        return _open_zip(source)
    return _open_text(source)


def _open_parquet(source: SourceFile) -> ChainSource:
    metadata = open_metadata(source)
    recorded = RecordedSource.of(source, metadata)
    if recorded is not None:
        return recorded
    with foreign_errors(source.path, what="the schema of the Parquet file cannot be read"):
        names = pq.read_schema(source.path).names
    columns = {name.lower(): name for name in names}
    if len(columns) != len(names):
        raise _repeated_column(source)
    return ParquetSource(source, _layout(frozenset(columns), source), columns)


def _open_zip(source: SourceFile) -> ChainSource:
    with foreign_errors(source.path, what="the zip archive cannot be opened"), zipfile.ZipFile(source.path) as archive:
        names = [entry.filename for entry in file_entries(archive)]
    if any(is_lean_member(name) for name in names):
        return read_lean_archive(source)
    if len(names) == 1:
        inside = SourceFile.open(source.path, member=names[0])
        if not inside.head.startswith((b"PAR1", b"PK\x03\x04", b"\x1f\x8b")):
            return _open_text(inside)
    looks = "LOBSTER order-book messages" if any("orderbook" in name for name in names) else "an archive of other files"
    raise _unknown(source, f"{looks}: {', '.join(names[:3])}", "unpack the archive and name the chain file inside")


def _open_text(source: SourceFile) -> ChainSource:
    head = source.head
    start = head[:4096]
    if b"\x00" in head or len(start) - len(start.translate(None, _CONTROL)) > len(start) // 100:
        raise _unknown(source, f"binary data beginning with {head[:8].hex(' ')}", "name a chain file")
    text = head.decode("utf-8-sig", "replace").lstrip()
    if re.match(r'\{|\[\s*[\[{"\d]', text):
        return _open_json(source, text)
    if re.match(r'\d+ \{"stream"', text):
        raise _unknown(source, "a recorded market-data stream of Binance", "it holds no options; use another file")
    if header_line(head.decode("utf-8-sig", "replace")) is not None:
        return read_quote_table(source)
    return _open_table(source, text)


def _open_json(source: SourceFile, text: str) -> ChainSource:
    if '"options"' in text:
        return read_delayed_quotes(source)
    raise _unknown(source, f"JSON without options: {text[:60]!r}", "fetch the delayed-quote document of a symbol")


def _open_table(source: SourceFile, text: str) -> ChainSource:
    lines = text.splitlines()
    dialect = Dialect.of(lines[0], lines[1:6])
    names = dialect.split(lines[0])
    if is_universe(names):
        return read_universe(source, dialect, names)
    layout = _layout(frozenset(names), source, shown=lines[0])
    if len(set(names)) != len(names):
        raise _repeated_column(source)
    content = source.read()
    blank_lines = len(content) - len(content.lstrip(b"\r\n"))
    rows = read_lines(source, content[blank_lines:], dialect, names=names, skip=1)
    opened = TableSource(source, layout, rows.table, malformed=rows.malformed * layout.contracts_per_row)
    if rows.malformed and len(opened.snapshots) > 1:
        raise DataError(
            "some lines do not have the columns of the header",
            path=str(source.path),
            found=f"{rows.malformed} such lines in a file of {len(opened.snapshots)} snapshots",
            expected=f"{len(names)} columns on each line",
            action="remove or complete these lines: nobody can tell which snapshot they belong to",
        )
    return opened


def _layout(columns: frozenset[str], source: SourceFile, *, shown: str = "") -> Layout:
    for layout in LAYOUTS:
        if layout.required <= columns:
            return layout
    for signature, meaning in _LOOKALIKES:
        if signature <= columns:
            raise _unknown(source, meaning, "name a file with one row per contract and snapshot")
    words = shown[:120] or ", ".join(sorted(columns)[:12])
    if len(columns) < 2:
        raise _unknown(source, f"text beginning with {words!r}", "name a chain file")
    raise _unknown(source, f"a table with the columns {words}", "rename the columns to those of a known format")


def _repeated_column(source: SourceFile) -> UnknownFormatError:
    return _unknown(source, "a header that names a column twice", "remove the second column of that name")


def _unknown(source: SourceFile, found: str, action: str) -> UnknownFormatError:
    return UnknownFormatError(
        "this is not an option chain of a known format",
        path=str(source.path),
        found=found,
        expected=_KNOWN,
        action=action,
    )
