"""Open interest as published in the morning: what is known of positions before the first trade."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from adapters.chains.source import SourceFile, foreign_errors
from adapters.ticks.lean_archive import archive_rows
from adapters.ticks.tables import contract_rows, eastern_ns, numbers, pieces, words
from market.chains import FloatArray
from market.trades import ContractTable, Int64Array

__all__ = ["MorningInterest", "archive_interest", "table_interest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MorningInterest:
    """Open interest of one underlying, in order of publication; arrays of shape (n_rows,).

    Parameters
    ----------
    symbol : str
        Underlying.
    contracts : ContractTable
        What `contract` points into.
    contract : ndarray of int32
        Place in `contracts`.
    ts_ns : ndarray of int64
        Instant of publication, ns since the epoch, UTC; rising.
    open_interest : ndarray
        Contracts at the previous close.
    n_dropped : int
        Rows that name no contract, no instant or no count.
    path : Path
        Where it was read.
    """

    symbol: str
    contracts: ContractTable
    contract: NDArray[np.int32]
    ts_ns: Int64Array
    open_interest: FloatArray
    n_dropped: int
    path: Path

    @property
    def format(self) -> str:
        """Publisher and layout."""
        return "lean-archive" if self.path.suffix == ".zip" else "option-open-interest"


def archive_interest(source: SourceFile, symbol: str, root: str) -> MorningInterest:
    """Read an archive of Lean's.

    Parameters
    ----------
    source : SourceFile
        The archive.
    symbol, root : str
        Underlying and option root.

    Returns
    -------
    MorningInterest
        Stamped as published, about 06:30 in New York.
    """
    rows = archive_rows(source, "openinterest")
    return _checked(
        symbol,
        source.path,
        rows.malformed,
        root=np.full(rows.ts_ns.size, root),
        expiration=rows.expiration,
        strike=rows.strike,
        right=rows.right,
        ts_ns=rows.ts_ns,
        values=rows.values[:, 1],
    )


def table_interest(source: SourceFile, symbol: str, root: str | None) -> MorningInterest:
    """Read a Parquet table with the columns time, expiration, strike, right and open_interest.

    Parameters
    ----------
    source : SourceFile
        The file.
    symbol : str
        Underlying.
    root : str or None
        Option root; None where a column ``root`` tells it.

    Returns
    -------
    MorningInterest
        In order of time.
    """
    columns = ["time", "expiration", "strike", "right", "open_interest", *(["root"] if root is None else [])]
    with foreign_errors(source.path, what="the open interest cannot be read"):
        table = pa.concat_tables(list(pieces(source, columns, by="time")))
        return _checked(
            symbol,
            source.path,
            0,
            root=words(table, "root") if root is None else np.full(table.num_rows, root),
            expiration=table["expiration"].to_numpy(),
            strike=numbers(table, "strike"),
            right=words(table, "right"),
            ts_ns=eastern_ns(table["time"].to_numpy()),
            values=numbers(table, "open_interest"),
        )


def _checked(
    symbol: str, path: Path, malformed: int, *, values: FloatArray, ts_ns: Int64Array, **rows: Any
) -> MorningInterest:
    contracts, contract, bad = contract_rows(ts_ns=ts_ns, path=path, **rows)
    keep = np.flatnonzero(~bad & (ts_ns > 0) & np.isfinite(values) & (values >= 0.0))
    return MorningInterest(
        symbol=symbol,
        contracts=contracts,
        contract=contract[keep],
        ts_ns=ts_ns[keep],
        open_interest=values[keep],
        n_dropped=malformed + ts_ns.size - keep.size,
        path=path,
    )
