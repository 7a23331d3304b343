"""Columns that every table of options has: contracts, and wall-clock times of New York."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from adapters.ticks.tables import contract_rows, eastern_ns, words
from market.chains import BoolArray, IntArray
from market.trades import ContractTable, Int64Array

__all__ = ["CONTRACT_COLUMNS", "contracts_of", "expirations_of", "instants_of", "rights_of", "strikes_of"]

CONTRACT_COLUMNS: Final = ("symbol", "expiration", "strike", "right")
_RIGHTS: Final = {"CALL": "C", "C": "C", "PUT": "P", "P": "P"}


def instants_of(table: pa.Table, name: str) -> Int64Array:
    """Return a column of wall-clock times as ns since the epoch, UTC; 0 where there is none."""
    return eastern_ns(table[name].to_numpy())


def expirations_of(table: pa.Table) -> NDArray[np.datetime64]:
    """Return the expirations, written with or without hyphens; NaT where unreadable."""
    texts = words(table, "expiration")
    found: dict[str, np.datetime64] = {}
    for text in np.unique(texts).tolist():
        digits = text.replace("-", "")[:8]
        try:
            found[text] = np.datetime64(f"{digits[:4]}-{digits[4:6]}-{digits[6:]}", "D")
        except ValueError:
            found[text] = np.datetime64("NaT", "D")
    return np.array([found[text] for text in texts.tolist()], dtype="datetime64[D]")


def rights_of(table: pa.Table) -> NDArray[np.str_]:
    """Return ``C`` or ``P`` per row; empty where it is neither."""
    texts = words(table, "right")
    return np.array([_RIGHTS.get(text.upper(), "") for text in texts.tolist()], dtype="U1")


def strikes_of(table: pa.Table) -> NDArray[np.float64]:
    """Return the strikes in dollars; NaN where there is none."""
    strikes: NDArray[np.float64] = pc.fill_null(table["strike"], float("nan")).to_numpy(zero_copy_only=False)
    return strikes


def contracts_of(table: pa.Table, ts_ns: Int64Array) -> tuple[ContractTable, IntArray, BoolArray]:
    """Return the contracts of a table, the place of each row's contract, and the rows that name none."""
    return contract_rows(
        root=words(table, "symbol"),
        expiration=expirations_of(table),
        strike=strikes_of(table),
        right=rights_of(table),
        ts_ns=ts_ns,
        path=Path("thetadata"),
    )
