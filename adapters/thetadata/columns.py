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
    codes, texts = _coded(table, "expiration")
    return np.array([_day(text) for text in texts], dtype="datetime64[D]")[codes]


def _day(text: str) -> np.datetime64:
    digits = text.replace("-", "")[:8]
    try:
        return np.datetime64(f"{digits[:4]}-{digits[4:6]}-{digits[6:]}", "D")
    except ValueError:
        return np.datetime64("NaT", "D")


def rights_of(table: pa.Table) -> NDArray[np.str_]:
    """Return ``C`` or ``P`` per row; empty where it is neither."""
    codes, texts = _coded(table, "right")
    return np.array([_RIGHTS.get(text.upper(), "") for text in texts], dtype="U1")[codes]


def strikes_of(table: pa.Table) -> NDArray[np.float64]:
    """Return the strikes in dollars; NaN where there is none."""
    strikes: NDArray[np.float64] = pc.fill_null(table["strike"], float("nan")).to_numpy(zero_copy_only=False)
    return strikes


def contracts_of(table: pa.Table, ts_ns: Int64Array) -> tuple[ContractTable, IntArray, BoolArray]:
    """Return the contracts of a table, the place of each row's contract, and the rows that name none."""
    # Rows are many and contracts few: one number per row finds the few, and only these are looked at as text.
    key = np.zeros(table.num_rows, dtype=np.int64)
    for name in ("symbol", "expiration", "right"):
        codes, texts = _coded(table, name)
        key = key * len(texts) + codes
    strikes = strikes_of(table)
    distinct, places = np.unique(strikes, return_inverse=True)
    key = key * distinct.size + places.reshape(-1)
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    few = table.select(list(CONTRACT_COLUMNS)).take(pa.array(first))
    contracts, contract, bad = contract_rows(
        root=words(few, "symbol"),
        expiration=expirations_of(few),
        strike=strikes[first],
        right=rights_of(few),
        ts_ns=ts_ns[first],
        path=Path("thetadata"),
    )
    back = inverse.reshape(-1)
    return contracts, contract[back], bad[back]


def _coded(table: pa.Table, name: str) -> tuple[NDArray[np.int64], list[str]]:
    coded = table[name].cast(pa.string()).fill_null("").combine_chunks().dictionary_encode()
    return coded.indices.to_numpy(zero_copy_only=False).astype(np.int64), coded.dictionary.to_pylist() or [""]
