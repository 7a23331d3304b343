"""Whole tables of call and put mids, read at once: thousands of small chains cost too much one by one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from adapters.chains.columns import ColumnReader
from adapters.chains.parquet import ParquetSource
from adapters.chains.sniff import open_source
from adapters.chains.table import TableSource
from market.chains import FloatArray
from market.errors import DataError
from market.trades import Int64Array

__all__ = ["MIDPOINTS", "Midpoints", "read_midpoints"]

MIDPOINTS: Final = "0dte-midpoints"
"""Format of a table with call and put mids per strike, and without bids and asks."""

_EXPIRES_TODAY: Final = "SPXW"


@dataclass(frozen=True, slots=True, kw_only=True)
class Midpoints:
    """Mids of contracts that expire the same day, a call and a put on each row; arrays of shape ``(n_rows,)``.

    Parameters
    ----------
    symbol, root : str
        Underlying and option root.
    ts_ns : ndarray of int64
        Instant of each row, ns since the epoch, UTC, rising.
    expiration : ndarray of datetime64[D]
        Expiration date: the day itself.
    strike : ndarray
        Strikes, index points.
    call_mid, put_mid : ndarray
        Index points; NaN where missing.
    spot : ndarray
        The index at that instant.
    n_bad : int
        Rows that were left out, because a cell that must be a number or a date is none.
    """

    symbol: str
    root: str
    ts_ns: Int64Array
    expiration: NDArray[np.datetime64]
    strike: FloatArray
    call_mid: FloatArray
    put_mid: FloatArray
    spot: FloatArray
    n_bad: int


def read_midpoints(path: Path) -> Midpoints:
    """Read a table of mids.

    Parameters
    ----------
    path : Path
        Recognised by its columns ``date``, ``time_et``, ``spx``, ``strike``, ``call_mid`` and ``put_mid``.

    Returns
    -------
    Midpoints
        In order of time.

    Raises
    ------
    DataError
        It is another table, or no row can be read.
    """
    source = open_source(path)
    if source.format != MIDPOINTS or not isinstance(source, TableSource | ParquetSource):
        raise DataError(
            "the file is no table of mids",
            path=str(path),
            found=source.format,
            expected="columns date, time_et, spx, strike, call_mid and put_mid",
            action="read it as a file of option chains",
        )
    reader = ColumnReader(source.table())
    numbers = {name: reader.number(name) for name in ("strike", "call_mid", "put_mid", "spx")}
    days = reader.day("date")
    ts_ns = np.zeros(reader.n_rows, dtype=np.int64)
    for key, rows in zip(source.snapshots, source.rows, strict=True):
        ts_ns[rows] = key.ts_event_ns
    sound = ~reader.bad & (numbers["strike"] > 0.0) & ~(numbers["call_mid"] < 0.0) & ~(numbers["put_mid"] < 0.0)
    kept = np.flatnonzero(sound)
    if not kept.size:
        raise DataError("no row of the table can be read", path=str(path), found=f"{reader.n_rows} rows with bad cells")
    kept = kept[np.argsort(ts_ns[kept], kind="stable")]
    return Midpoints(
        symbol="SPX",
        root=_EXPIRES_TODAY,
        ts_ns=ts_ns[kept],
        expiration=days[kept],
        strike=numbers["strike"][kept],
        call_mid=numbers["call_mid"][kept],
        put_mid=numbers["put_mid"][kept],
        spot=numbers["spx"][kept],
        n_bad=int(reader.n_rows - kept.size),
    )
