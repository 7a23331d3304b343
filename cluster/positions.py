"""A user's own view of the dealers' book, read from a file."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np

from market.chains import FloatArray, OptionChain
from market.errors import DataError

__all__ = ["read_positions"]


def read_positions(chain: OptionChain, path: Path) -> FloatArray:
    """Return signed dealer contracts in the order of a chain.

    Parameters
    ----------
    chain : OptionChain
        The chain; its contracts must bear symbols.
    path : pathlib.Path
        CSV with a head line and the columns ``contract`` (symbol as the chain writes it) and ``contracts`` (+ long).

    Returns
    -------
    ndarray, shape (n_contracts,)
        0 for a contract that the file does not name: the file is the whole book, so dealers hold none of it.
    """
    if chain.symbols.shape[0] != chain.n_contracts:
        raise DataError(
            "the chain names no contract symbols, so positions cannot be matched",
            path=str(path),
            action="use a source with contract symbols",
        )
    held = _read(path)
    names = [name.decode().strip() for name in chain.symbols.tolist()]
    unknown = held.keys() - set(names)
    if unknown:
        raise DataError(
            "positions name contracts that the chain does not hold",
            path=str(path),
            found=f"{len(unknown)}, such as {min(unknown)}",
            expected=f"symbols such as {names[0]}" if names else "",
        )
    return np.array([held.get(name, 0.0) for name in names], dtype=np.float64)


def _read(path: Path) -> dict[str, float]:
    held: dict[str, float] = {}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if not {"contract", "contracts"} <= set(reader.fieldnames or ()):
                raise DataError(
                    "the position file has other columns",
                    path=str(path),
                    row=1,
                    found=", ".join(reader.fieldnames or ("none",)),
                    expected="contract,contracts",
                )
            for row in reader:
                name, value = row["contract"].strip(), _number(row["contracts"])
                if not name or not math.isfinite(value) or name in held:
                    raise DataError(
                        "a position cannot be used",
                        path=str(path),
                        row=reader.line_num,
                        found=f"{row['contract']!r}, {row['contracts']!r}",
                        expected="each contract once, with a number",
                    )
                held[name] = value
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError("the position file cannot be read", path=str(path), found=str(error)) from error
    return held


def _number(text: str | None) -> float:
    try:
        return float(text or "")
    except ValueError:
        return math.nan
