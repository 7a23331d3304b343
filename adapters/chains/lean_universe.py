"""Lean's option universe of a day as it lies on disk: ``universes/SYMBOL/YYYYMMDD.csv``, the underlying on line two.

A contract without open interest has an empty cell there, never a 0. The same publisher's open-interest archives
print the 0: of the GOOG contracts whose cell is empty on 2015-12-22, -23 and -24, and of AAPL's on 2014-06-05, the
archive of 2015-12-24 or 2014-06-06 has 0 for each that it lists (31 of 31, 718 of 718, 629 of 629, 360 of 360), and
the 128 that it does not list are new. None of these contracts traded on its day. An empty cell is therefore read as 0
(`published_interest`). The open interest of a universe equals that of the next morning's archive for 98 % of the
other contracts, so it is that of the date's own close.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from adapters.chains.assemble import Contracts, SnapshotKey, Spot, assemble
from adapters.chains.columns import ColumnReader
from adapters.chains.delimited import Dialect, read_lines
from adapters.chains.optionsdx import root_without_symbol
from adapters.chains.source import SourceFile
from adapters.chains.table import SingleSource, Stamp, at_session_close, label_file_name
from market.chains import FloatArray
from market.errors import DataError

__all__ = ["is_universe", "published_interest", "read_universe"]

_REQUIRED = frozenset({"expiry", "strike", "right", "open", "high", "low", "close", "open_interest"})
_CLOSE = 6
_LINE = 4096


def is_universe(names: Sequence[str]) -> bool:
    """Return whether a header is that of a Lean option universe, which has no column for its own date."""
    return frozenset(names) >= _REQUIRED and "date" not in names


def read_universe(source: SourceFile, dialect: Dialect, names: Sequence[str]) -> SingleSource:
    """Read a Lean option universe.

    Parameters
    ----------
    source : SourceFile
        The file; its content holds neither date nor symbol, so both come from its path.
    dialect : Dialect
        Its separators.
    names : sequence of str
        Its columns.

    Returns
    -------
    SingleSource
        Its one snapshot, at the close of the session; bars are of the mid, which stands on both sides.
    """
    content = source.read().lstrip()
    second = content.split(b"\n", 2)[1:2]
    underlying = second[0][:_LINE].decode("ascii", "replace").split(dialect.delimiter) if second else []
    has_underlying = underlying[:3] == ["", "", ""]
    stamp, symbol = _stamp(source)
    rows = read_lines(source, content, dialect, names=names, skip=2 if has_underlying else 1)
    key = SnapshotKey(
        symbol=symbol,
        session=stamp.session,
        ts_event_ns=stamp.ts_event_ns,
        as_of_source=stamp.as_of_source,
        n_contracts=rows.table.num_rows + rows.malformed,
    )
    contracts = _contracts(rows.table, symbol, _spot(underlying) if has_underlying else Spot())
    chain = assemble(contracts, key, source="lean-universe-mid", path=source.path, malformed=rows.malformed)
    return SingleSource(path=source.path, chain=chain)


def published_interest(open_interest: FloatArray) -> FloatArray:
    """Return the open interest of a universe with its empty cells as the zeros that they mean.

    Parameters
    ----------
    open_interest : ndarray, shape (n_contracts,)
        The column of one snapshot; NaN where the cell is empty.

    Returns
    -------
    ndarray, shape (n_contracts,)
        Contracts. Unchanged where the snapshot prints zeros, or no number at all: there an empty cell is missing.
    """
    printed = open_interest[np.isfinite(open_interest)]
    leaves_zeros_out = printed.size > 0 and bool((printed > 0.0).all())
    return np.where(np.isnan(open_interest) & leaves_zeros_out, 0.0, open_interest)


def _stamp(source: SourceFile) -> tuple[Stamp, str]:
    day = re.search(r"(?<!\d)(\d{8})(?!\d)", source.path.name)
    if day is None:
        raise DataError(
            "a Lean option universe does not hold its own date",
            path=str(source.path),
            found="no date in the file's name",
            expected="a path such as universes/aapl/20140606.csv",
            action="keep the names that Lean gives",
        )
    empty = pa.table({"expiry": []})
    in_name = re.search(r"[A-Za-z]", source.path.name.split(".", maxsplit=1)[0])
    symbol = label_file_name(empty, source.path if in_name else source.path.absolute().parent)[1][0]
    return at_session_close(day[1], empty, symbol, source.path), symbol


def _spot(cells: Sequence[str]) -> Spot:
    try:
        return Spot(last=float(cells[_CLOSE]))
    except (ValueError, IndexError):
        return Spot(last=math.nan)


def _contracts(table: pa.Table, symbol: str, spot: Spot) -> Contracts:
    reader = ColumnReader(table)
    mid = reader.number("close")
    # Lean writes 0 for a contract that nobody quoted that day.
    quoted = np.where(mid > 0.0, mid, np.nan)
    return Contracts(
        root=np.full(reader.n_rows, root_without_symbol(symbol).encode()),
        expiration=reader.day("expiry"),
        right=reader.right("right"),
        strike=reader.number("strike"),
        bid=np.where(mid < 0.0, mid, quoted),
        ask=np.where(mid < 0.0, mid, quoted),
        volume=reader.number("volume"),
        open_interest=published_interest(reader.number("open_interest")),
        iv=reader.number("implied_volatility"),
        delta=reader.number("delta"),
        gamma=reader.number("gamma"),
        spot=spot,
        bad=reader.bad,
    )
